/* dot_score.c - the dot_score kernel: inner products one at a time, or for all items a row of them.
 *
 * Each score is one chain of fused multiply-adds over the columns, as in dot_rank, so both give the same bits.
 * Q queries, I items, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dot_score.h"

#include <math.h>

#include "kernels/cpu/cpu.h"

enum { LANES = 8 }; /* independent chains that run side by side */

size_t recsys__cpu_dot_score_workspace(const op_dot_score *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

static float dot(const float *u, const float *v, int64_t dim)
{
    float sum = 0.0f;
    for (int64_t c = 0; c < dim; c++)
        sum = fmaf(u[c], v[c], sum);
    return sum;
}

/* Scores of the items first to last - 1 for one user: LANES chains at a time hide the latency of each. */
static void dot_range(float *out, const float *u, const float *items, int64_t dim, int64_t first, int64_t last)
{
    int64_t i = first;
    for (; i + LANES <= last; i += LANES) {
        float sum[LANES] = { 0.0f };
        for (int64_t c = 0; c < dim; c++)
            for (int l = 0; l < LANES; l++)
                sum[l] = fmaf(u[c], items[(i + l) * dim + c], sum[l]);
        for (int l = 0; l < LANES; l++)
            out[i + l] = sum[l];
    }
    for (; i < last; i++)
        out[i] = dot(u, items + i * dim, dim);
}

static void score_all(op_context *c, const op_dot_score *o)
{
    enum { CHUNK = 1024 };
    int64_t I = o->at.n_items, chunks = (I + CHUNK - 1) / CHUNK;
#pragma omp parallel for collapse(2) num_threads(c->threads) schedule(static)
    for (int64_t q = 0; q < o->at.n_queries; q++)
        for (int64_t k = 0; k < chunks; k++) {
            int64_t last = (k + 1) * CHUNK < I ? (k + 1) * CHUNK : I;
            if (!c->cancelled(c->host))
                dot_range(o->at.out + q * I, o->users + q * o->dim, o->items, o->dim, k * CHUNK, last);
        }
}

static void score_listed(op_context *c, const op_dot_score *o)
{
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 16)
    for (int64_t q = 0; q < o->at.n_queries; q++)
        for (int64_t e = o->at.ptr[q]; e < o->at.ptr[q + 1] && !c->cancelled(c->host); e++)
            o->at.out[e] = dot(o->users + q * o->dim, o->items + o->at.item[e] * o->dim, o->dim);
}

recsys_status recsys__cpu_dot_score(op_context *c, const op_dot_score *o)
{
    if (o->at.ptr == NULL)
        score_all(c, o);
    else
        score_listed(c, o);
    return c->cancelled(c->host) ? recsys__fail(c->error, RECSYS_ERR_CANCELLED, "cancelled") : RECSYS_OK;
}
