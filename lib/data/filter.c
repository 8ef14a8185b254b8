/* filter.c - datasets that keep some of the events: by value, by behaviour, by difference. Ids stay.
 *
 * Each filter marks the events that stay and lets recsys__dataset_select() cut. The k-core is in k_core.c, repeated pairs
 * are in duplicates.c. U users, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/dataset.h>

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset.h"

static recsys_status fail_null(recsys_exec *x, const char *function)
{
    return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: an argument is NULL", function);
}

/* One mark for each event, all zero. */
static recsys_status make_marks(recsys_exec *x, const recsys_dataset *d, uint8_t **keep)
{
    return recsys__alloc_zero(x->memory, &x->error, d->n_events, sizeof **keep, keep);
}

recsys_status recsys_dataset_to_implicit(const recsys_dataset *dataset, recsys_exec *exec, double threshold,
                                         recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset) return fail_null(exec, "recsys_dataset_to_implicit");
    if (!isfinite(threshold)) return recsys__fail(&exec->error, RECSYS_ERR_NUMERIC, "the threshold must be a finite number");
    if (!dataset->value)
        return recsys__fail(&exec->error, RECSYS_ERR_MISSING_DATA, "the data has no values to compare with a threshold");
    uint8_t *keep;
    recsys_status status = make_marks(exec, dataset, &keep);
    if (status) return status;
    int64_t kept = 0;
    for (int64_t e = 0; e < dataset->n_events; e++) {
        keep[e] = (double)dataset->value[e] >= threshold;
        kept += keep[e];
    }
    if (kept == 0)
        status = recsys__fail(&exec->error, RECSYS_ERR_EMPTY, "no event has a value that reaches the threshold");
    else
        status = recsys__dataset_select(exec, dataset, keep, result);
    recsys__free(exec->memory, keep);
    if (status) return status;
    recsys__free((*result)->memory, (*result)->value);
    (*result)->value = NULL;
    return RECSYS_OK;
}

recsys_status recsys__fail_behaviour(recsys_exec *x, const recsys_dataset *d, const char *given)
{
    char shown[64];
    text list = recsys__text_begin(x->memory, &x->error);
    int64_t n = recsys_ids_count(d->behaviours);
    for (int64_t b = 0; b < n && list.length < 400; b++)
        recsys__text_format(&list, "%s%s", b > 0 ? ", " : "", recsys__ids_show(d->behaviours, b, shown, sizeof shown));
    recsys_status status = recsys__text_end(&list);
    if (status) return status;
    status = recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_KEY, "no behaviour \"%.64s\"; the data has %s", given,
                          list.length ? list.data : "none");
    recsys__text_free(&list);
    return status;
}

recsys_status recsys_dataset_of_behaviour(const recsys_dataset *dataset, recsys_exec *exec, const char *behaviour,
                                          recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset || !behaviour) return fail_null(exec, "recsys_dataset_of_behaviour");
    if (!dataset->behaviour) return recsys__fail(&exec->error, RECSYS_ERR_MISSING_DATA, "the data has no behaviours");
    int64_t wanted = recsys_ids_find(dataset->behaviours, behaviour);
    if (wanted < 0) return recsys__fail_behaviour(exec, dataset, behaviour);
    uint8_t *keep;
    recsys_status status = make_marks(exec, dataset, &keep);
    if (status) return status;
    for (int64_t e = 0; e < dataset->n_events; e++) keep[e] = dataset->behaviour[e] == wanted;
    status = recsys__dataset_select(exec, dataset, keep, result);
    recsys__free(exec->memory, keep);
    return status;
}

/* ---- Difference ---- */

/* Whether row `row` of m (-1: no such row) has a cell in column `col` (-1: no such column). */
static int has_cell(const csr *m, int32_t row, int32_t col)
{
    if (row < 0 || col < 0) return 0;
    int64_t low = m->ptr[row], high = m->ptr[row + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (m->col[middle] < col)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->ptr[row + 1] && m->col[low] == col;
}

/* New array: for each id of `from` its index in `to`, or -1. `what` is for the message. */
static recsys_status translate(recsys_exec *x, const recsys_ids *from, const recsys_ids *to, const char *what, int32_t **map)
{
    recsys_status status = recsys__alloc(x->memory, &x->error, recsys_ids_count(from), sizeof **map, map);
    if (status) return status;
    status = recsys__ids_translate(x, from, to, *map);
    if (status == RECSYS_ERR_TYPE)
        recsys__fail(&x->error, status, "the %s of one dataset have integer ids and those of the other strings", what);
    return status;
}

recsys_status recsys_dataset_difference(const recsys_dataset *dataset, recsys_exec *exec, const recsys_dataset *other,
                                        recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset || !other) return fail_null(exec, "recsys_dataset_difference");
    int32_t *user = NULL, *item = NULL;
    uint8_t *keep = NULL;
    const csr *met;
    recsys_status status = translate(exec, dataset->users, other->users, "users", &user);
    if (!status) status = translate(exec, dataset->items, other->items, "items", &item);
    if (!status) status = make_marks(exec, dataset, &keep);
    if (!status) status = recsys__dataset_by_user(exec, other, &met);
    if (!status) {
        int64_t kept = 0;
        for (int64_t e = 0; e < dataset->n_events; e++) {
            keep[e] = !has_cell(met, user[dataset->user[e]], item[dataset->item[e]]);
            kept += keep[e];
        }
        if (kept == 0)
            status = recsys__fail(&exec->error, RECSYS_ERR_EMPTY, "the difference is empty: the other dataset has all pairs");
        else
            status = recsys__dataset_select(exec, dataset, keep, result);
    }
    recsys__free(exec->memory, keep);
    recsys__free(exec->memory, item);
    recsys__free(exec->memory, user);
    return status;
}
