/* rows_loss.c - the rows_loss kernel: blocks of a row with their labels made beside them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rows_loss.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/pointwise_block.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/pointwise.h"

enum { BLOCK = POINTWISE_BLOCK };

/* A cell as a number of elements of streamed arithmetic. */
enum { CELL_WORK = 3 };

/* ---- squares, a copy for each rung ---- */

PART_OF_CALLER void squares(pointwise_block *k, const float *z, const float *y, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        sample_loss one = squared_error(z[i], y[i]);
        k->l[i] = one.l;
        k->g[i] = one.g;
    }
}

static void squares_plain(pointwise_block *k, const float *z, const float *y, int64_t n, int weighted, float alpha)
{
    (void)weighted, (void)alpha;
    squares(k, z, y, n);
}

#if VEC_X86
TARGET_AVX2 static void squares_avx2(pointwise_block *k, const float *z, const float *y, int64_t n, int weighted, float alpha)
{
    (void)weighted, (void)alpha;
    squares(k, z, y, n);
}
#else
#define squares_avx2 squares_plain
#endif

/* ---- rows ---- */

/* The sum of row b's terms. */
static double do_row(const op_rows_loss *o, int64_t b, pointwise_fn losses, float scale)
{
    const int64_t N = o->columns, last = o->row_ptr[b + 1];
    const float *z = o->logit + b * N;
    float *to = o->gradient ? o->gradient + b * N : NULL, label[BLOCK] = { 0.0f };
    pointwise_block k;
    double sum = 0.0;
    int64_t e = o->row_ptr[b];
    for (int64_t begin = 0; begin < N; begin += BLOCK) {
        int64_t n = N - begin < BLOCK ? N - begin : BLOCK, first = e;
        for (; e < last && o->column[e] < begin + n; e++) label[o->column[e] - begin] = 1.0f;
        losses(&k, z + begin, label, n, 0, 0.0f);
        for (; first < e; first++) label[o->column[first] - begin] = 0.0f;
        sum += add_terms(k.l, n);
        for (int64_t i = 0; i < n && to; i++) to[begin + i] = k.g[i] * scale;
    }
    return sum;
}

size_t recsys__cpu_rows_loss_workspace(const op_rows_loss *o, int32_t threads)
{
    (void)threads;
    return (size_t)o->rows * sizeof(double);
}

recsys_status recsys__cpu_rows_loss(op_context *c, const op_rows_loss *o)
{
    const int64_t B = o->rows;
    const int32_t rung = recsys__cpu_simd(c->simd), threads = threads_worth(c, B * o->columns * CELL_WORK);
    const double cells = (double)B * (double)o->columns;
    const float scale = cells > 0.0 ? (float)(1.0 / cells) : 0.0f;
    const pointwise_fn squared = rung >= SIMD_AVX2 ? squares_avx2 : squares_plain;
    const pointwise_fn losses = o->kind == LOSS_CELLS_MSE ? squared : recsys__cpu_pointwise(rung);
    double *row = c->workspace, sum = 0.0;
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    if (threads == 1) {
        for (int64_t b = 0; b < B; b++) row[b] = do_row(o, b, losses, scale);
    } else {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t b = 0; b < B; b++) row[b] = do_row(o, b, losses, scale);
    }
    for (int64_t b = 0; b < B; b++) sum += row[b];
    *o->loss = (float)(cells > 0.0 ? sum / cells : 0.0);
    return RECSYS_OK;
}
