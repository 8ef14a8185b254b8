/* history_score.c - the history_score kernel: by rows of the weights for all items, one at a time for given ones.
 *
 * Every score is the chain of precision.h, so it has the bits that history_rank gives it. Q queries, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/history_score.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"

size_t recsys__cpu_history_score_workspace(const op_history_score *o, int32_t threads)
{
    (void)threads;
    return o->weights.row_ptr || o->at.ptr ? 0 : (size_t)precision_padded(o->weights.n_items) * sizeof(float);
}

static const float *values_from(const histories *x, int64_t entry)
{
    return x->val ? x->val + entry : NULL;
}

/* ---- all items ---- */

static void dense_chunk(const op_history_score *o, const vec *v, int64_t q, const float *scale, int64_t first)
{
    int64_t I = o->at.n_items, N = precision_padded(I), last = first + PRECISION_CHUNK < N ? first + PRECISION_CHUNK : N;
    int64_t begin = o->x.ptr[q], kept = (last < I ? last : I) - first;
    float y[PRECISION_CHUNK];
    recsys__precision_scores(v, y, &o->weights.precision, o->x.item + begin, values_from(&o->x, begin), o->x.ptr[q + 1] - begin,
                             scale + first, first, last);
    memcpy(o->at.out + q * I + first, y, (size_t)kept * sizeof *y);
}

static void score_dense(op_context *c, const op_history_score *o, const vec *v, const float *scale)
{
    int64_t chunks = (o->at.n_items + PRECISION_CHUNK - 1) / PRECISION_CHUNK;
#pragma omp parallel for collapse(2) num_threads(c->threads) schedule(dynamic)
    for (int64_t q = 0; q < o->at.n_queries; q++)
        for (int64_t k = 0; k < chunks; k++)
            if (!c->cancelled(c->host)) dense_chunk(o, v, q, scale, k * PRECISION_CHUNK);
}

static void score_sparse(op_context *c, const op_history_score *o, const vec *v)
{
    const item_weights *w = &o->weights;
#pragma omp parallel for num_threads(c->threads) schedule(dynamic)
    for (int64_t q = 0; q < o->at.n_queries; q++) {
        float *y = o->at.out + q * w->n_items;
        memset(y, 0, (size_t)w->n_items * sizeof *y);
        for (int64_t e = o->x.ptr[q]; e < o->x.ptr[q + 1] && !c->cancelled(c->host); e++) {
            int64_t begin = w->row_ptr[o->x.item[e]], end = w->row_ptr[o->x.item[e] + 1];
            v->sparse_row(y, w->col + begin, w->val + begin, end - begin, o->x.val ? o->x.val[e] : 1.0f);
        }
    }
}

/* ---- given items ---- */

/* B[i, j] of the sparse form: where it stands, or NULL. */
static const float *find_weight(const item_weights *w, int32_t i, int32_t j)
{
    int64_t low = w->row_ptr[i], high = w->row_ptr[i + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (w->col[middle] < j)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->row_ptr[i + 1] && w->col[low] == j ? w->val + low : NULL;
}

static float sparse_score(const op_history_score *o, int64_t q, int32_t j)
{
    float sum = 0.0f;
    for (int64_t e = o->x.ptr[q]; e < o->x.ptr[q + 1]; e++) {
        const float *weight = find_weight(&o->weights, o->x.item[e], j);
        if (weight) sum = fmaf(o->x.val ? o->x.val[e] : 1.0f, *weight, sum);
    }
    return sum;
}

static void score_given(op_context *c, const op_history_score *o)
{
#pragma omp parallel for num_threads(c->threads) schedule(dynamic)
    for (int64_t q = 0; q < o->at.n_queries; q++) {
        int64_t begin = o->x.ptr[q], n = o->x.ptr[q + 1] - begin;
        for (int64_t e = o->at.ptr[q]; e < o->at.ptr[q + 1] && !c->cancelled(c->host); e++)
            o->at.out[e] = o->weights.row_ptr ? sparse_score(o, q, o->at.item[e])
                                              : recsys__precision_score(&o->weights.precision, o->x.item + begin,
                                                                        values_from(&o->x, begin), n, o->at.item[e]);
    }
}

recsys_status recsys__cpu_history_score(op_context *c, const op_history_score *o)
{
    recsys_status status = recsys__precision_check(c->error, &o->weights);
    if (status) return status;
    const vec *v = recsys__cpu_vec(c->simd);
    if (o->at.ptr) {
        score_given(c, o);
    } else if (o->weights.row_ptr) {
        score_sparse(c, o, v);
    } else {
        recsys__precision_scale(c->workspace, &o->weights.precision, 0, precision_padded(o->weights.n_items));
        score_dense(c, o, v, c->workspace);
    }
    return c->cancelled(c->host) ? recsys__fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while scoring") : RECSYS_OK;
}
