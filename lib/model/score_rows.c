/* score_rows.c - lists and single scores from full rows of scores, a block of queries at a time.
 *
 * Q queries, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/score_rows.h"

#include "backend/run.h"
#include "tensor/ops.h"

/* Floats of a block: 32 MiB. */
enum { BLOCK_FLOATS = 8 << 20 };

int64_t recsys__score_block_rows(int64_t n_items, int64_t count)
{
    int64_t most = BLOCK_FLOATS / (n_items > 0 ? n_items : 1);
    most = most > 1 ? most : 1;
    return count < most ? count : most;
}

ranking recsys__ranking_part(const ranking *to, int64_t first, int64_t count)
{
    ranking part = *to;
    part.n_queries = count;
    if (to->mask_ptr != NULL)
        part.mask_ptr += first;
    part.items += first * to->k;
    part.scores += first * to->k;
    return part;
}

recsys_status recsys__scores_of_rows(recsys_exec *x, const float *rows, int64_t first, int64_t count, const scoring *at,
                                     float *room)
{
    int64_t I = at->n_items;
    recsys_status status = RECSYS_OK;
    if (at->ptr == NULL)
        return recsys__download(x, at->out + first * I, rows, count * I * (int64_t)sizeof(float));
    for (int64_t q = first; status >= 0 && q < first + count; q++) {
        if (at->ptr[q] == at->ptr[q + 1])
            continue;
        status = recsys__download(x, room, rows + (q - first) * I, I * (int64_t)sizeof(float));
        for (int64_t e = at->ptr[q]; status >= 0 && e < at->ptr[q + 1]; e++)
            at->out[e] = room[at->item[e]];
    }
    return status;
}

/* Queries first to first + count - 1. */
static queries part_of(const queries *q, int64_t first, int64_t count)
{
    queries part = { .count = count, .user = q->user + first, .x = q->x };
    if (part.x.ptr != NULL)
        part.x.ptr += first;
    return part;
}

recsys_status recsys__rank_by_scores(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to, score_queries scores)
{
    int64_t block = recsys__score_block_rows(to->n_items, q->count);
    float *rows = NULL;
    recsys_status status = recsys__device_alloc(x, block * to->n_items, sizeof(float), &rows);
    for (int64_t first = 0; status >= 0 && first < q->count; first += block) {
        int64_t count = q->count - first < block ? q->count - first : block;
        queries part = part_of(q, first, count);
        ranking lists = recsys__ranking_part(to, first, count);
        status = scores(x, m, &part, rows);
        if (status >= 0)
            status = recsys__rows_rank(x, rows, &lists);
    }
    recsys__device_free(x->backend, x->memory, rows);
    return status;
}

recsys_status recsys__score_by_scores(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at,
                                      score_queries scores)
{
    int64_t block = recsys__score_block_rows(at->n_items, q->count);
    float *rows = NULL, *room = NULL;
    recsys_status status = recsys__device_alloc(x, block * at->n_items, sizeof(float), &rows);
    if (status >= 0 && at->ptr != NULL)
        status = recsys__alloc(x->memory, &x->error, at->n_items, sizeof(float), &room);
    for (int64_t first = 0; status >= 0 && first < q->count; first += block) {
        int64_t count = q->count - first < block ? q->count - first : block;
        queries part = part_of(q, first, count);
        status = scores(x, m, &part, rows);
        if (status >= 0)
            status = recsys__scores_of_rows(x, rows, first, count, at, room);
    }
    recsys__free(x->memory, room);
    recsys__device_free(x->backend, x->memory, rows);
    return status;
}
