/* weights_rows.c - the weights_rows kernel: rows of P, scaled, or rows of sparse weights, spread out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/weights_rows.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"
#include "kernels/cpu/watch.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t scale_floats(const op_weights_rows *o)
{
    return (precision_padded(o->weights.n_items) + 15) / 16 * 16;
}

/* For P: 1 / P_jj, then a chunk of a row for each thread. */
size_t recsys__cpu_weights_rows_workspace(const op_weights_rows *o, int32_t threads)
{
    if (o->weights.row_ptr != NULL) return 0;
    return (size_t)(scale_floats(o) + (int64_t)threads * PRECISION_CHUNK) * sizeof(float);
}

/* Columns from `first` on of row n of the output. A history of one item with value 1 has that item's row as scores. */
static void write_chunk(const vec *v, const op_weights_rows *o, const float *scale, float *y, int64_t n, int64_t first)
{
    int64_t I = o->weights.n_items, last = smaller(first + PRECISION_CHUNK, precision_padded(I));
    recsys__precision_scores(v, y, &o->weights.precision, o->rows + n, NULL, 1, scale + first, first, last);
    memcpy(o->out + n * I + first, y, (size_t)(smaller(last, I) - first) * sizeof *y);
}

static recsys_status write_dense(op_context *c, const op_weights_rows *o, const vec *v)
{
    int64_t N = precision_padded(o->weights.n_items), chunks = (N + PRECISION_CHUNK - 1) / PRECISION_CHUNK;
    float *scale = c->workspace, *own = scale + scale_floats(o);
    watch w;
    watch_begin(&w, c, o->n_rows * chunks);
#pragma omp parallel num_threads(c->threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (int64_t first = 0; first < N; first += PRECISION_CHUNK)
            recsys__precision_scale(scale + first, &o->weights.precision, first, smaller(first + PRECISION_CHUNK, N));
#pragma omp for schedule(dynamic, 1)
        for (int64_t piece = 0; piece < o->n_rows * chunks; piece++) {
            if (watch_stopped(&w)) continue;
            write_chunk(v, o, scale, own + omp_get_thread_num() * PRECISION_CHUNK, piece / chunks,
                        piece % chunks * PRECISION_CHUNK);
            watch_done(&w, 1);
        }
    }
    return watch_end(&w, "reading item weights");
}

static recsys_status write_sparse(op_context *c, const op_weights_rows *o)
{
    const item_weights *B = &o->weights;
    watch w;
    watch_begin(&w, c, o->n_rows);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 4)
    for (int64_t n = 0; n < o->n_rows; n++) {
        if (watch_stopped(&w)) continue;
        float *out_n = o->out + n * B->n_items;
        memset(out_n, 0, (size_t)B->n_items * sizeof *out_n);
        for (int64_t e = B->row_ptr[o->rows[n]]; e < B->row_ptr[o->rows[n] + 1]; e++) out_n[B->col[e]] = B->val[e];
        watch_done(&w, 1);
    }
    return watch_end(&w, "reading item weights");
}

recsys_status recsys__cpu_weights_rows(op_context *c, const op_weights_rows *o)
{
    recsys_status s = recsys__precision_check(c->error, &o->weights);
    if (s || o->n_rows == 0) return s;
    const vec *v = recsys__cpu_vec(c->simd);
    c->rung = v->name;
    return o->weights.row_ptr != NULL ? write_sparse(c, o) : write_dense(c, o, v);
}
