/* protocol.c - who is asked, what is known of him, what counts as right: all decisions of a protocol but the candidates.
 *
 * Everything is decided by ids and interactions, never by how datasets share their index maps.
 * U test users, I items of the model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/protocol.h"

#include <string.h>

/* ---- from ids to indices ---- */

/* map[i] = index in `to` of id i of `from`; the protocol owns it. `what` names the data for the message. */
static recsys_status make_map(recsys_exec *x, protocol *p, const char *what, const recsys_ids *from, const recsys_ids *to,
                              int32_t **map)
{
    if (recsys_ids_count(from) > 0 && recsys_ids_count(to) > 0 && recsys_ids_type(from) != recsys_ids_type(to))
        return recsys__fail(&x->error, RECSYS_ERR_TYPE,
                            "%s: one side has integer ids and the other strings; read both with the same id type", what);
    recsys_status status = recsys__alloc(x->memory, &x->error, recsys_ids_count(from), sizeof **map, map);
    if (status) return status;
    p->maps[p->n_maps++] = *map;
    return recsys__ids_translate(x, from, to, *map);
}

/* A dataset, read by test users in items of the model. */
static recsys_status make_source(recsys_exec *x, protocol *p, const char *what, const recsys_dataset *d, source *s)
{
    if (!d) return RECSYS_OK;
    int32_t *row_of = NULL, *item_of = NULL;
    const csr *rows = NULL;
    recsys_status status = recsys__dataset_by_user(x, d, &rows);
    if (!status) status = make_map(x, p, what, p->options->test->users, d->users, &row_of);
    if (!status) status = make_map(x, p, what, d->items, p->model->items, &item_of);
    if (!status) *s = (source){ rows, row_of, item_of };
    return status;
}

/* What the model knows by itself stands in for data that was not given. */
static recsys_status make_known(recsys_exec *x, protocol *p)
{
    const recsys_evaluator *o = p->options;
    const recsys_model *m = p->model;
    if (o->known) return make_source(x, p, "known data and model", o->known, &p->known);
    if (m->has_histories) {
        p->known = (source){ &m->histories, p->model_user, NULL };
        return RECSYS_OK;
    }
    if (m->class->scores_by_history == BY_HISTORY)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA,
                            "%s scores by what is known of a user, and this model was made without histories: give the known "
                            "interactions with the evaluation",
                            m->class->name);
    if (!o->mask && !o->keep_seen)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA,
                            "what users had is not to be recommended again, and this model was made without histories: give "
                            "the known interactions with the evaluation, or something to mask, or keep what was seen");
    return RECSYS_OK;
}

static recsys_status make_sources(recsys_exec *x, protocol *p)
{
    const recsys_evaluator *o = p->options;
    const recsys_model *m = p->model;
    const csr *rows = NULL;
    recsys_status status = recsys__dataset_by_user(x, o->test, &rows);
    if (!status) status = make_map(x, p, "users of test data and model", o->test->users, m->users, &p->model_user);
    if (!status) status = make_map(x, p, "items of test data and model", o->test->items, m->items, &p->column_item);
    if (!status) status = recsys__alloc(x->memory, &x->error, rows->n_cols, sizeof *p->test_item, &p->test_item);
    if (status) return status;
    memcpy(p->test_item, p->column_item, (size_t)rows->n_cols * sizeof *p->test_item);
    p->test = (source){ rows, NULL, p->test_item };
    status = make_known(x, p);
    if (!status) status = make_source(x, p, "masked data and model", o->mask, &p->mask);
    if (!status) status = make_source(x, p, "negatives and model", o->negatives, &p->negatives);
    return status;
}

/* ---- items ---- */

/* Marks ignored items. An id that neither the model nor the test data has takes no part anyway. */
static recsys_status ignore_items(recsys_exec *x, protocol *p)
{
    const recsys_evaluator *o = p->options;
    p->all_items = p->model->n_items;
    if (o->n_ignored_items == 0) return RECSYS_OK;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, p->model->n_items, 1, &p->excluded);
    if (status) return status;
    const char *id = o->ignored_items;
    for (int64_t n = 0; n < o->n_ignored_items; n++, id += strlen(id) + 1) {
        int64_t i = recsys_ids_find(p->model->items, id), column = recsys_ids_find(o->test->items, id);
        if (column >= 0) p->test_item[column] = ITEM_DROPPED;
        if (i < 0 || p->excluded[i]) continue;
        p->excluded[i] = 1;
        p->all_items--;
    }
    return RECSYS_OK;
}

/* Marks the columns that training never saw: the model has no such item or, where it holds its histories, no user had it. */
static recsys_status find_unseen(recsys_exec *x, protocol *p)
{
    const recsys_model *m = p->model;
    int64_t n_columns = p->test.rows->n_cols;
    uint8_t *trained = NULL;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, n_columns, 1, &p->unseen_column);
    if (!status && m->has_histories) status = recsys__alloc_zero(x->memory, &x->error, m->n_items, 1, &trained);
    if (status) return status;
    if (trained)
        for (int64_t e = 0; e < m->histories.ptr[m->histories.n_rows]; e++) trained[m->histories.col[e]] = 1;
    for (int64_t column = 0; column < n_columns; column++) {
        int32_t i = p->column_item[column];
        p->unseen_column[column] = i < 0 || (trained && !trained[i]);
    }
    recsys__free(x->memory, trained);
    return RECSYS_OK;
}

static recsys_status make_items(recsys_exec *x, protocol *p)
{
    int32_t *item_of = p->test_item;
    recsys_status status = ignore_items(x, p);
    if (!status) status = find_unseen(x, p);
    if (!status) status = recsys__alloc(x->memory, &x->error, p->model->n_items, sizeof *p->test_column, &p->test_column);
    if (status) return status;
    for (int64_t i = 0; i < p->model->n_items; i++) p->test_column[i] = -1;
    for (int64_t column = 0; column < p->test.rows->n_cols; column++) {
        if (p->options->drop_unseen_items && p->unseen_column[column]) item_of[column] = ITEM_DROPPED;
        if (item_of[column] >= 0) p->test_column[item_of[column]] = (int32_t)column;
    }
    return RECSYS_OK;
}

/* ---- users ---- */

/* Nobody to the model: it scores by history and none is known, or it never trained on the user, as far as it can tell; or
 * both. */
static int is_cold(const protocol *p, int64_t user)
{
    const recsys_model *m = p->model;
    if (m->class->scores_by_history == BY_HISTORY) return !recsys__source_has_any(&p->known, user);
    if (m->class->scores_by_history == BY_EITHER && recsys__source_has_any(&p->known, user)) return 0;
    int32_t own = p->model_user[user];
    return own < 0 || (m->has_histories && m->histories.ptr[own] == m->histories.ptr[own + 1]);
}

/* Whether the model can be asked at all. One that scores by user has nothing for an id that it does not know. */
static int can_be_asked(const protocol *p, int64_t user)
{
    return p->model->class->scores_by_history != BY_USER || p->model_user[user] >= 0;
}

/* A user's items in the test data: all that take part, and of these the unseen ones. Marks the items in `in_test`. */
static void count_items(const protocol *p, int64_t user, uint8_t *in_test, int64_t *n, int64_t *n_unseen)
{
    const csr *rows = p->test.rows;
    *n = *n_unseen = 0;
    for (int64_t e = rows->ptr[user]; e < rows->ptr[user + 1]; e++) {
        int32_t i = p->test.item_of[rows->col[e]];
        if (i == ITEM_DROPPED) continue;
        if (i >= 0) in_test[i] = 1;
        *n_unseen += p->unseen_column[rows->col[e]];
        *n += 1;
    }
}

/* Users without test data are nobody here: they are neither evaluated nor skipped. */
static void sort_out(protocol *p, int64_t user, uint8_t *in_test)
{
    const recsys_evaluator *o = p->options;
    if (p->test.rows->ptr[user] == p->test.rows->ptr[user + 1]) return;
    if (o->ignored_user && o->ignored_user[user]) {
        p->counts.users_skipped++;
        return;
    }
    int64_t n, n_unseen;
    count_items(p, user, in_test, &n, &n_unseen);
    int cold = is_cold(p, user);
    p->test_users += n > 0;
    p->counts.users_cold += cold;
    if (n < o->min_ratings || (cold && o->cold == RECSYS_COLD_SKIP)) {
        p->counts.users_skipped++;
        return;
    }
    p->user[p->n_users] = (int32_t)user;
    p->missed[p->n_users] = cold && (o->cold == RECSYS_COLD_MISS || !can_be_asked(p, user));
    p->n_users++;
    if (n > p->most_test_items) p->most_test_items = n;
    p->counts.test_items += n;
    p->counts.test_items_unseen += n_unseen;
}

static recsys_status fail_empty(recsys_exec *x, const protocol *p)
{
    return recsys__fail(&x->error, RECSYS_ERR_EMPTY,
                        "no user is left to evaluate: of %lld in the test data %lld are ignored, %lld cold, and the others "
                        "have fewer than %lld test items",
                        (long long)p->counts.users_skipped, (long long)p->options->n_ignored_users,
                        (long long)p->counts.users_cold, (long long)p->options->min_ratings);
}

static recsys_status make_users(recsys_exec *x, protocol *p)
{
    int64_t U = p->test.rows->n_rows, I = p->model->n_items;
    uint8_t *in_test = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, U, sizeof *p->user, &p->user);
    if (!status) status = recsys__alloc(x->memory, &x->error, U, sizeof *p->missed, &p->missed);
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, I, 1, &in_test);
    if (status) return status;
    p->all_users = p->model->n_users - p->options->n_ignored_users;
    for (int64_t user = 0; user < U; user++) {
        p->all_users += p->model_user[user] < 0;
        sort_out(p, user, in_test);
    }
    for (int64_t i = 0; i < I; i++) p->test_items += in_test[i];
    recsys__free(x->memory, in_test);
    p->counts.users = p->n_users;
    return p->n_users > 0 ? RECSYS_OK : fail_empty(x, p);
}

/* ---- all together ---- */

recsys_status recsys__protocol_make(recsys_exec *x, const recsys_evaluator *options, const recsys_model *m, protocol *p)
{
    *p = (protocol){ .options = options, .model = m, .counts = RECSYS_REPORT_INFO_INIT };
    recsys_status status = make_sources(x, p);
    if (!status) status = make_items(x, p);
    if (!status) status = make_users(x, p);
    return status;
}

void recsys__protocol_free(recsys_exec *x, protocol *p)
{
    for (int64_t n = 0; n < p->n_maps; n++) recsys__free(x->memory, p->maps[n]);
    recsys__free(x->memory, p->excluded);
    recsys__free(x->memory, p->test_item);
    recsys__free(x->memory, p->test_column);
    recsys__free(x->memory, p->unseen_column);
    recsys__free(x->memory, p->user);
    recsys__free(x->memory, p->missed);
}
