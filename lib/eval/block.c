/* block.c - a block of users: what is known of them, what may not be listed, and the model's lists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/pass.h"

/* ---- rows ---- */

static int64_t write_known(void *data, int64_t row, int32_t thread, int32_t *item, float *val)
{
    const pass *s = data;
    return recsys__source_copy(&s->protocol.known, s->block.user[row], s->workers[thread].keys, item, val);
}

static int64_t write_masked(void *data, int64_t row, int32_t thread, int32_t *item, float *val)
{
    const pass *s = data;
    return recsys__source_copy(&s->protocol.mask, s->block.user[row], s->workers[thread].keys, item, val);
}

/* Merges the two ascending rows of a query. */
static int64_t write_both(void *data, int64_t row, int32_t thread, int32_t *item, float *val)
{
    (void)thread;
    (void)val;
    const block *b = &((const pass *)data)->block;
    int64_t h = b->known.ptr[row], h_end = b->known.ptr[row + 1];
    int64_t m = b->only_masked.ptr[row], m_end = b->only_masked.ptr[row + 1], n = 0;
    while (h < h_end || m < m_end) {
        int32_t i;
        if (m == m_end || (h < h_end && b->known.item[h] <= b->only_masked.item[m])) {
            i = b->known.item[h++];
            if (m < m_end && b->only_masked.item[m] == i) m++;
        } else {
            i = b->only_masked.item[m++];
        }
        item[n++] = i;
    }
    return n;
}

static recsys_status copy_rows(pass *s, const source *from, row_block *to, int with_values, row_writer write)
{
    block *b = &s->block;
    recsys_status status = recsys__rows_begin(s->x, to, b->n_queries);
    if (status) return status;
    for (int64_t q = 0; q < b->n_queries; q++) to->length[q] = recsys__source_bound(from, b->user[q]);
    return recsys__rows_fill(s->x, to, with_values, write, s);
}

static recsys_status merge_rows(pass *s)
{
    block *b = &s->block;
    recsys_status status = recsys__rows_begin(s->x, &b->both, b->n_queries);
    if (status) return status;
    for (int64_t q = 0; q < b->n_queries; q++)
        b->both.length[q] = b->known.ptr[q + 1] - b->known.ptr[q] + b->only_masked.ptr[q + 1] - b->only_masked.ptr[q];
    return recsys__rows_fill(s->x, &b->both, 0, write_both, s);
}

static int known_has_values(const pass *s)
{
    return s->protocol.known.rows && s->protocol.known.rows->val;
}

static recsys_status fill_rows(pass *s)
{
    block *b = &s->block;
    int masks_known = !s->options->keep_seen && s->protocol.known.rows;
    b->mask = masks_known ? &b->known : NULL;
    recsys_status status = copy_rows(s, &s->protocol.known, &b->known, known_has_values(s), write_known);
    if (status || !s->protocol.mask.rows) return status;
    b->mask = masks_known ? &b->both : &b->only_masked;
    status = copy_rows(s, &s->protocol.mask, &b->only_masked, 0, write_masked);
    return status || !masks_known ? status : merge_rows(s);
}

/* ---- the block ---- */

static recsys_status make_room(pass *s)
{
    block *b = &s->block;
    if (b->values) return RECSYS_OK;
    memory *m = s->x->memory;
    error *e = &s->x->error;
    int64_t n = s->block_users;
    recsys_status status = recsys__alloc(m, e, n, (size_t)s->V * sizeof *b->values, &b->values);
    if (!status) status = recsys__alloc(m, e, n, sizeof *b->query, &b->query);
    if (!status) status = recsys__alloc(m, e, n, sizeof *b->user, &b->user);
    if (!status) status = recsys__alloc(m, e, n, sizeof *b->model_user, &b->model_user);
    if (!status) status = recsys__alloc(m, e, n * s->k, sizeof *b->items, &b->items);
    if (!status) status = recsys__alloc(m, e, n * s->k, sizeof *b->scores, &b->scores);
    if (!status) status = recsys__alloc(m, e, n * s->k, sizeof *b->hit, &b->hit);
    return status;
}

recsys_status recsys__block_fill(pass *s, int64_t first, int64_t n)
{
    block *b = &s->block;
    recsys_status status = make_room(s);
    if (status) return status;
    b->first = first;
    b->n = n;
    b->n_queries = 0;
    for (int64_t u = 0; u < n; u++) {
        int32_t user = s->protocol.user[first + u];
        b->query[u] = -1;
        if (s->protocol.missed[first + u]) continue;
        b->query[u] = (int32_t)b->n_queries;
        b->user[b->n_queries] = user;
        b->model_user[b->n_queries++] = s->protocol.model_user[user];
    }
    return fill_rows(s);
}

struct queries recsys__block_queries(const pass *s, int64_t q0, int64_t n, int64_t *ptr)
{
    const block *b = &s->block;
    int64_t begin = b->known.ptr[q0];
    for (int64_t q = 0; ptr && q <= n; q++) ptr[q] = b->known.ptr[q0 + q] - begin;
    return (queries){
        .count = n,
        .user = b->model_user + q0,
        .x = { ptr ? ptr : b->known.ptr, b->known.item + begin, known_has_values(s) ? b->known.val + begin : NULL },
    };
}

recsys_status recsys__block_rank(pass *s)
{
    block *b = &s->block;
    if (b->n_queries == 0) return RECSYS_OK;
    ranking to = {
        .n_queries = b->n_queries,
        .n_items = s->I,
        .k = s->k,
        .mask_ptr = b->mask ? b->mask->ptr : NULL,
        .mask_item = b->mask ? b->mask->item : NULL,
        .excluded = s->protocol.excluded,
        .items = b->items,
        .scores = b->scores,
    };
    struct queries q = recsys__block_queries(s, 0, b->n_queries, NULL);
    return recsys__model_rank(s->x, s->model, &q, &to);
}

void recsys__block_free(pass *s)
{
    block *b = &s->block;
    recsys__rows_free(s->x, &b->known);
    recsys__rows_free(s->x, &b->only_masked);
    recsys__rows_free(s->x, &b->both);
    recsys__rows_free(s->x, &b->candidates);
    void *arrays[] = { b->query, b->user, b->model_user, b->candidate_scores, b->items, b->scores, b->hit, b->values };
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) recsys__free(s->x->memory, arrays[a]);
    *b = (block){ 0 };
}
