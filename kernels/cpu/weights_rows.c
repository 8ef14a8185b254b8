/* weights_rows.c - the weights_rows kernel: row i of B holds the scores of a history that is item i alone.
 *
 * I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/weights_rows.h"

#include <stdatomic.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"

size_t recsys__cpu_weights_rows_workspace(const op_weights_rows *o, int32_t threads)
{
    (void)threads;
    return o->weights.row_ptr ? 0 : (size_t)precision_padded(o->weights.n_items) * sizeof(float);
}

/* Columns first to first + PRECISION_CHUNK - 1 of one row; the last chunk is padded to whole strips, the output is not. */
static void dense_chunk(float *row, const op_weights_rows *o, const vec *v, int32_t item, const float *scale, int64_t first)
{
    int64_t N = precision_padded(o->weights.n_items), last = first + PRECISION_CHUNK < N ? first + PRECISION_CHUNK : N;
    int64_t kept = (last < o->weights.n_items ? last : o->weights.n_items) - first;
    float y[PRECISION_CHUNK];
    recsys__precision_scores(v, y, &o->weights.precision, &item, NULL, 1, scale + first, first, last);
    memcpy(row + first, y, (size_t)kept * sizeof *y);
}

static void dense_rows(op_context *c, const op_weights_rows *o, const vec *v, const float *scale)
{
    int64_t I = o->weights.n_items, chunks = (I + PRECISION_CHUNK - 1) / PRECISION_CHUNK;
#pragma omp parallel for collapse(2) num_threads(c->threads) schedule(dynamic)
    for (int64_t r = 0; r < o->n_rows; r++)
        for (int64_t k = 0; k < chunks; k++)
            if (!c->cancelled(c->host)) dense_chunk(o->out + r * I, o, v, o->rows[r], scale, k * PRECISION_CHUNK);
}

static void sparse_rows(const op_weights_rows *o)
{
    const item_weights *w = &o->weights;
    memset(o->out, 0, (size_t)(o->n_rows * w->n_items) * sizeof *o->out);
    for (int64_t r = 0; r < o->n_rows; r++)
        for (int64_t e = w->row_ptr[o->rows[r]]; e < w->row_ptr[o->rows[r] + 1]; e++)
            o->out[r * w->n_items + w->col[e]] = w->val[e];
}

recsys_status recsys__cpu_weights_rows(op_context *c, const op_weights_rows *o)
{
    recsys_status status = recsys__precision_check(c->error, &o->weights);
    if (status || o->weights.n_items == 0) return status;
    if (o->weights.row_ptr) {
        sparse_rows(o);
        return RECSYS_OK;
    }
    recsys__precision_scale(c->workspace, &o->weights.precision, 0, precision_padded(o->weights.n_items));
    dense_rows(c, o, recsys__cpu_vec(c->simd), c->workspace);
    return c->cancelled(c->host) ? recsys__fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while reading item weights") : RECSYS_OK;
}
