/* duplicates.c - what becomes of events in which the same user and item meet again.
 *
 * The events of a user are sorted by item, so that those of one pair stand side by side; a rule picks one of them.
 * U users, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/dataset.h>

#include <inttypes.h>
#include <math.h>

#include "data/order.h"

struct merge {
    recsys_exec *exec;
    const recsys_dataset *data;
    int32_t rule;
    uint8_t *keep;   /* E */
    float *sum;      /* E, set where the event stays; NULL unless the rule is SUM */
    int64_t *failed; /* gets the event at fault */
};

static float value_of(const recsys_dataset *d, int64_t e)
{
    return d->value ? d->value[e] : 1.0f;
}

/* Whether event e stays rather than `best`, where e has the later row. */
static int wins(const struct merge *m, int64_t e, int64_t best)
{
    const recsys_dataset *d = m->data;
    int later = !d->time || d->time[e] >= d->time[best];
    if (m->rule == RECSYS_DUPLICATES_LAST) return later;
    if (m->rule == RECSYS_DUPLICATES_MAX && value_of(d, e) != value_of(d, best)) return value_of(d, e) > value_of(d, best);
    return !later;
}

static recsys_status fail_pair(const struct merge *m, recsys_status code, int64_t e, const char *what)
{
    char user[80], item[80];
    *m->failed = e;
    return recsys__fail(&m->exec->error, code, "user %s and item %s %s (event %" PRId64 ")",
                        recsys__ids_show(m->data->users, m->data->user[e], user, sizeof user),
                        recsys__ids_show(m->data->items, m->data->item[e], item, sizeof item), what, e + 1);
}

/* The n events of one pair, in row order. */
static recsys_status merge_pair(const struct merge *m, const keyed *pair, int64_t n)
{
    if (n > 1 && m->rule == RECSYS_DUPLICATES_ERROR)
        return fail_pair(m, RECSYS_ERR_DUPLICATE, pair[1].event, "come more than once");
    int64_t best = pair[0].event;
    double sum = 0.0;
    for (int64_t k = 0; k < n; k++) {
        if (k > 0 && wins(m, pair[k].event, best)) best = pair[k].event;
        sum += (double)value_of(m->data, pair[k].event);
    }
    m->keep[best] = 1;
    if (!m->sum) return RECSYS_OK;
    m->sum[best] = (float)sum;
    return isfinite(m->sum[best]) ? RECSYS_OK : fail_pair(m, RECSYS_ERR_NUMERIC, best, "have values whose sum is too large");
}

static recsys_status merge_all(const struct merge *m)
{
    user_events groups;
    recsys_status status = recsys__user_events(m->exec, m->data, &groups);
    if (status) return status;
    int64_t U = recsys_ids_count(m->data->users);
    for (int64_t u = 0; !status && u < U; u++) {
        const int64_t *event = groups.event + groups.user_ptr[u];
        int64_t n = groups.user_ptr[u + 1] - groups.user_ptr[u];
        for (int64_t k = 0; k < n; k++) groups.room[k] = (keyed){ (uint64_t)m->data->item[event[k]], event[k] };
        recsys__sort_keyed(groups.room, n);
        for (int64_t begin = 0, end; !status && begin < n; begin = end) {
            for (end = begin + 1; end < n && groups.room[end].key == groups.room[begin].key;) end++;
            status = merge_pair(m, groups.room + begin, end - begin);
        }
    }
    recsys__user_events_free(m->exec, &groups);
    return status;
}

/* Puts the sums in place of the values of `result`, which holds the marked events in order. */
static recsys_status set_values(const struct merge *m, recsys_dataset *result)
{
    if (!result->value) {
        recsys_status status = recsys__alloc(result->memory, &m->exec->error, result->n_events, sizeof *result->value,
                                             &result->value);
        if (status) return status;
    }
    int64_t k = 0;
    for (int64_t e = 0; e < m->data->n_events; e++)
        if (m->keep[e]) result->value[k++] = m->sum[e];
    return RECSYS_OK;
}

recsys_status recsys__dataset_merge(recsys_exec *x, const recsys_dataset *d, int32_t rule, recsys_dataset **result,
                                    int64_t *event)
{
    *result = NULL;
    *event = -1;
    struct merge m = { x, d, rule, NULL, NULL, event };
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, d->n_events, sizeof *m.keep, &m.keep);
    if (!status && rule == RECSYS_DUPLICATES_SUM)
        status = recsys__alloc(x->memory, &x->error, d->n_events, sizeof *m.sum, &m.sum);
    if (!status) status = merge_all(&m);
    if (!status) status = recsys__dataset_select(x, d, m.keep, result);
    if (!status && m.sum) status = set_values(&m, *result);
    if (status) {
        recsys_dataset_release(*result);
        *result = NULL;
    }
    recsys__free(x->memory, m.sum);
    recsys__free(x->memory, m.keep);
    return status;
}

recsys_status recsys_dataset_merge_duplicates(const recsys_dataset *dataset, recsys_exec *exec, int32_t rule,
                                              recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (!dataset)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "recsys_dataset_merge_duplicates: an argument is NULL");
    if (rule < RECSYS_DUPLICATES_KEEP || rule > RECSYS_DUPLICATES_ERROR)
        return recsys__fail(&exec->error, RECSYS_ERR_OUT_OF_RANGE, "no rule for duplicates has the number %" PRId32, rule);
    if (rule == RECSYS_DUPLICATES_KEEP) { /* Datasets do not change, so the same one serves as the copy. */
        *result = recsys_dataset_retain((recsys_dataset *)dataset);
        return RECSYS_OK;
    }
    int64_t event;
    return recsys__dataset_merge(exec, dataset, rule, result, &event);
}
