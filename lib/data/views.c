/* views.c - matrices made from the events: the interaction matrix by user and by item.
 *
 * Two counting sorts put E events in order of (user, item, row) without comparing them: first by item, then by user, each
 * keeping the order it finds. The second one meets the events of one user and item one after the other, so it merges them
 * as it goes. Memory beyond the result: at most 16 bytes an event, given back before the call returns.
 *
 * U users, I items, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "data/dataset.h"

/* ---- CSR ---- */

void recsys__csr_free(memory *m, csr *matrix)
{
    if (!matrix) return;
    recsys__free(m, matrix->ptr);
    recsys__free(m, matrix->col);
    recsys__free(m, matrix->val);
    recsys__free(m, matrix);
}

/* An empty matrix with room for `n` cells; ptr is zero. */
static recsys_status csr_make(recsys_exec *x, int64_t n_rows, int64_t n_cols, int64_t n, int valued, csr **out)
{
    csr *m;
    *out = NULL;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *m, &m);
    if (s) return s;
    m->n_rows = n_rows;
    m->n_cols = n_cols;
    s = recsys__alloc_zero(x->memory, &x->error, n_rows + 1, sizeof *m->ptr, &m->ptr);
    if (!s) s = recsys__alloc(x->memory, &x->error, n, sizeof *m->col, &m->col);
    if (!s && valued) s = recsys__alloc(x->memory, &x->error, n, sizeof *m->val, &m->val);
    if (s)
        recsys__csr_free(x->memory, m);
    else
        *out = m;
    return s;
}

/* ptr[k + 1] holds the count of k; makes ptr[k] where k begins. */
static void add_up(int64_t *ptr, int64_t n)
{
    for (int64_t k = 0; k < n; k++) ptr[k + 1] += ptr[k];
}

/* After filling, ptr[k] stands where k ends: moves each back to where k begins. */
static void step_back(int64_t *ptr, int64_t n)
{
    memmove(ptr + 1, ptr, (size_t)n * sizeof *ptr);
    ptr[0] = 0;
}

recsys_status recsys__csr_transpose(recsys_exec *x, const csr *m, csr **out)
{
    int64_t n = m->ptr[m->n_rows];
    csr *t;
    recsys_status s = csr_make(x, m->n_cols, m->n_rows, n, m->val != NULL, &t);
    *out = t;
    if (s) return s;
    for (int64_t c = 0; c < n; c++) t->ptr[m->col[c] + 1]++;
    add_up(t->ptr, t->n_rows);
    for (int64_t row = 0; row < m->n_rows; row++)
        for (int64_t c = m->ptr[row]; c < m->ptr[row + 1]; c++) {
            int64_t to = t->ptr[m->col[c]]++;
            t->col[to] = (int32_t)row;
            if (t->val) t->val[to] = m->val[c];
        }
    step_back(t->ptr, t->n_rows);
    return RECSYS_OK;
}

void recsys__csr_row(const csr *m, int64_t row, int64_t *cols, float *vals, int64_t capacity, int64_t *count)
{
    int64_t begin = m->ptr[row];
    *count = m->ptr[row + 1] - begin;
    for (int64_t k = 0; k < *count && k < capacity; k++) {
        if (cols) cols[k] = m->col[begin + k];
        if (vals) vals[k] = m->val ? m->val[begin + k] : 1.0f;
    }
}

/* ---- events by item ---- */

/* The events in order of item, then row. Times matter only where values do: to tell whose value stays. */
typedef struct by_item {
    int64_t *ptr;  /* I + 1 */
    int32_t *user; /* E each */
    float *value;  /* NULL: the data has none */
    int64_t *time; /* NULL: no values, or no times */
} by_item;

static void by_item_free(memory *m, by_item *s)
{
    recsys__free(m, s->ptr);
    recsys__free(m, s->user);
    recsys__free(m, s->value);
    recsys__free(m, s->time);
}

static recsys_status sort_by_item(recsys_exec *x, const recsys_dataset *d, by_item *s)
{
    int64_t E = d->n_events, I = recsys_ids_count(d->items);
    error *e = &x->error;
    *s = (by_item){0};
    recsys_status status = recsys__alloc_zero(x->memory, e, I + 1, sizeof *s->ptr, &s->ptr);
    if (!status) status = recsys__alloc(x->memory, e, E, sizeof *s->user, &s->user);
    if (!status && d->value) status = recsys__alloc(x->memory, e, E, sizeof *s->value, &s->value);
    if (!status && d->value && d->time) status = recsys__alloc(x->memory, e, E, sizeof *s->time, &s->time);
    if (status) {
        by_item_free(x->memory, s);
        return status;
    }
    for (int64_t k = 0; k < E; k++) s->ptr[d->item[k] + 1]++;
    add_up(s->ptr, I);
    for (int64_t k = 0; k < E; k++) {
        int64_t to = s->ptr[d->item[k]]++;
        s->user[to] = d->user[k];
        if (s->value) s->value[to] = d->value[k];
        if (s->time) s->time[to] = d->time[k];
    }
    step_back(s->ptr, I);
    return RECSYS_OK;
}

/* ---- the interaction matrix by user ---- */

/* Deals the events out to their users' rows, items ascending. fill[u] is where the row of u ends so far, latest[u] the time
 * of its last cell. A repeated pair changes the cell it meets, unless that is from a later time. */
static void deal_out(const by_item *s, int64_t I, csr *m, int64_t *fill, int64_t *latest)
{
    for (int64_t i = 0; i < I; i++)
        for (int64_t k = s->ptr[i]; k < s->ptr[i + 1]; k++) {
            int32_t u = s->user[k];
            int64_t at = fill[u];
            if (at > m->ptr[u] && m->col[at - 1] == (int32_t)i) {
                if (!m->val || (s->time && s->time[k] < latest[u])) continue;
                at--;
            } else {
                fill[u]++;
            }
            m->col[at] = (int32_t)i;
            if (m->val) m->val[at] = s->value[k];
            if (s->time) latest[u] = s->time[k];
        }
}

/* Closes the gaps that merged pairs left: row u is ptr[u] to fill[u] - 1. */
static void close_gaps(csr *m, const int64_t *fill)
{
    int64_t to = 0;
    for (int64_t u = 0; u < m->n_rows; u++) {
        int64_t from = m->ptr[u], n = fill[u] - from;
        if (to < from && n > 0) {
            memmove(m->col + to, m->col + from, (size_t)n * sizeof *m->col);
            if (m->val) memmove(m->val + to, m->val + from, (size_t)n * sizeof *m->val);
        }
        m->ptr[u] = to;
        to += n;
    }
    m->ptr[m->n_rows] = to;
}

/* Gives back what merged pairs do not need. Without memory to move to, the room stays as it is. */
static void shrink(recsys_exec *x, csr *m, int64_t had)
{
    int64_t n = m->ptr[m->n_rows];
    if (n > had - had / 8) return;
    if (recsys__resize(x->memory, NULL, n, sizeof *m->col, &m->col) == RECSYS_OK && m->val)
        (void)recsys__resize(x->memory, NULL, n, sizeof *m->val, &m->val);
}

static recsys_status make_by_user(recsys_exec *x, const recsys_dataset *d, csr **out)
{
    int64_t E = d->n_events, U = recsys_ids_count(d->users), I = recsys_ids_count(d->items);
    int64_t *fill = NULL, *latest = NULL;
    csr *m = NULL;
    by_item sorted;
    *out = NULL;
    recsys_status s = sort_by_item(x, d, &sorted);
    if (s) return s;
    s = csr_make(x, U, I, E, d->value != NULL, &m);
    if (!s) s = recsys__alloc(x->memory, &x->error, U, sizeof *fill, &fill);
    if (!s && sorted.time) s = recsys__alloc(x->memory, &x->error, U, sizeof *latest, &latest);
    if (!s) {
        for (int64_t e = 0; e < E; e++) m->ptr[d->user[e] + 1]++;
        add_up(m->ptr, U);
        memcpy(fill, m->ptr, (size_t)U * sizeof *fill);
        deal_out(&sorted, I, m, fill, latest);
        close_gaps(m, fill);
    }
    recsys__free(x->memory, latest);
    recsys__free(x->memory, fill);
    by_item_free(x->memory, &sorted);
    if (!s) shrink(x, m, E);
    if (s) recsys__csr_free(x->memory, m);
    *out = s ? NULL : m;
    return s;
}

/* ---- cached views ---- */

/* Call with the lock held. */
static recsys_status need_by_user(recsys_exec *x, recsys_dataset *d)
{
    if (d->by_user) return RECSYS_OK;
    recsys_status s = make_by_user(x, d, &d->by_user);
    if (!s) d->by_user_memory = recsys__memory_retain(x->memory);
    return s;
}

recsys_status recsys__dataset_by_user(recsys_exec *x, const recsys_dataset *dataset, const csr **view)
{
    recsys_dataset *d = (recsys_dataset *)dataset; /* a cache: what the dataset says does not change */
    pthread_mutex_lock(&d->lock);
    recsys_status s = need_by_user(x, d);
    *view = s ? NULL : d->by_user;
    pthread_mutex_unlock(&d->lock);
    return s;
}

recsys_status recsys__dataset_by_item(recsys_exec *x, const recsys_dataset *dataset, const csr **view)
{
    recsys_dataset *d = (recsys_dataset *)dataset;
    pthread_mutex_lock(&d->lock);
    recsys_status s = need_by_user(x, d);
    if (!s && !d->by_item) {
        s = recsys__csr_transpose(x, d->by_user, &d->by_item);
        if (!s) d->by_item_memory = recsys__memory_retain(x->memory);
    }
    *view = s ? NULL : d->by_item;
    pthread_mutex_unlock(&d->lock);
    return s;
}

recsys_status recsys_dataset_history(const recsys_dataset *dataset, recsys_exec *exec, int64_t user, int64_t *items,
                                     float *values, int64_t capacity, int64_t *count)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!dataset || !count || capacity < 0)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_history: %s",
                            capacity < 0 ? "a negative capacity" : "an argument is NULL");
    *count = 0;
    int64_t U = recsys_ids_count(dataset->users);
    if (user < 0 || user >= U)
        return recsys__fail(&exec->error, RECSYS_ERR_OUT_OF_RANGE, "user index %lld: there are %lld users", (long long)user,
                            (long long)U);
    const csr *m;
    recsys_status s = recsys__dataset_by_user(exec, dataset, &m);
    if (!s) recsys__csr_row(m, user, items, values, capacity, count);
    return s;
}
