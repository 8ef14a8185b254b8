/* softmax_loss.c - the softmax_loss kernel: a row at a time, its exponentials where its gradient will be.
 *
 * A row is read from memory once: what follows works on it in the caches. Bodies stand once and become part of a function of
 * each rung. B rows, N columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/softmax_loss.h"

#include "kernels/cpu/cpu.h"
#include "kernels/shared/elementary.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

enum { LANES = 16, BLOCK = 256 };

/* An exponential as a number of elements of streamed arithmetic. */
enum { COLUMN_WORK = 3 };

/* ---- rows of columns, a copy for each rung ---- */

/* The largest of z; NaN is passed over, and found by its exponential. */
PART_OF_CALLER float largest(const float *z, int64_t n)
{
    float lane[LANES];
    int64_t i = 0;
    for (int j = 0; j < LANES; j++) lane[j] = -INFINITY;
    for (; i + LANES <= n; i += LANES) {
#pragma omp simd
        for (int j = 0; j < LANES; j++) lane[j] = z[i + j] > lane[j] ? z[i + j] : lane[j];
    }
    for (int j = 0; i + j < n; j++) lane[j] = z[i + j] > lane[j] ? z[i + j] : lane[j];
    for (int j = 1; j < LANES; j++) lane[0] = lane[j] > lane[0] ? lane[j] : lane[0];
    return lane[0];
}

/* y = exp(z - most), and its sum. y may be z. */
PART_OF_CALLER double exponentials(float *y, const float *z, int64_t n, float most)
{
    double sum = 0.0;
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        int64_t count = n - begin < BLOCK ? n - begin : BLOCK, i = 0;
        const float *from = z + begin;
        float *to = y + begin, lane[LANES] = { 0.0f };
#pragma omp simd
        for (int64_t c = 0; c < count; c++) to[c] = element_exp(from[c] - most);
        for (; i + LANES <= count; i += LANES) {
#pragma omp simd
            for (int j = 0; j < LANES; j++) lane[j] += to[i + j];
        }
        for (int j = 0; i + j < count; j++) lane[j] += to[i + j];
        for (int j = 0; j < LANES; j++) sum += (double)lane[j];
    }
    return sum;
}

PART_OF_CALLER void scale(float *y, int64_t n, float s)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] *= s;
}

/* y = z, -infinity where a column has this id. */
PART_OF_CALLER void leave_out(float *y, const float *z, const int32_t *column_id, int32_t id, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = choose(column_id[i] == id, -INFINITY, z[i]);
}

/* ---- one row ---- */

typedef struct targets {
    int64_t count;
    const int32_t *column;
    const float *weight; /* NULL: 1 */
} targets;

static inline targets targets_of(const op_softmax_loss *o, int64_t b)
{
    if (!o->row_ptr) return (targets){ .count = o->target[b] >= 0, .column = o->target + b };
    int64_t begin = o->row_ptr[b];
    return (targets){ .count = o->row_ptr[b + 1] - begin, .column = o->target + begin,
                      .weight = o->weight ? o->weight + begin : NULL };
}

static inline double weight_of(const targets *t, int64_t e)
{
    return t->weight ? (double)t->weight[e] : 1.0;
}

/* The loss of row b, times B; y is its gradient, or room for it. */
PART_OF_CALLER double do_row(const op_softmax_loss *o, int64_t b, float *y)
{
    const int64_t N = o->columns;
    const float *z = o->logit + b * N, *counted = z;
    const targets t = targets_of(o, b);
    double weight = 0.0, loss = 0.0;
    if (t.count == 0) {
        if (o->gradient) memset(y, 0, (size_t)N * sizeof *y);
        return 0.0;
    }
    if (o->column_id) {
        leave_out(y, z, o->column_id, o->row_id[b], N);
        for (int64_t e = 0; e < t.count; e++) y[t.column[e]] = z[t.column[e]];
        counted = y;
    }
    float most = largest(counted, N);
    double at_targets = 0.0;
    for (int64_t e = 0; e < t.count; e++) {
        double w = weight_of(&t, e);
        weight += w;
        at_targets += w * ((double)most - (double)z[t.column[e]]);
    }
    double sum = exponentials(y, counted, N, most);
    loss = weight * log(sum) + at_targets;
    if (!o->gradient) return loss;
    scale(y, N, (float)(weight / (sum * (double)o->rows)));
    for (int64_t e = 0; e < t.count; e++) y[t.column[e]] -= (float)(weight_of(&t, e) / (double)o->rows);
    return loss;
}

/* Rows begin..end-1; `room` is N floats where no gradient is wanted. */
PART_OF_CALLER void do_rows(const op_softmax_loss *o, int64_t begin, int64_t end, double *loss, float *room)
{
    for (int64_t b = begin; b < end; b++) loss[b] = do_row(o, b, o->gradient ? o->gradient + b * o->columns : room);
}

typedef void (*rows_fn)(const op_softmax_loss *o, int64_t begin, int64_t end, double *loss, float *room);

static void rows_plain(const op_softmax_loss *o, int64_t begin, int64_t end, double *loss, float *room)
{
    do_rows(o, begin, end, loss, room);
}

#if VEC_X86
TARGET_AVX2 static void rows_avx2(const op_softmax_loss *o, int64_t begin, int64_t end, double *loss, float *room)
{
    do_rows(o, begin, end, loss, room);
}
#endif

static rows_fn rows_of_rung(int32_t simd)
{
#if VEC_X86
    if (recsys__cpu_simd(simd) >= SIMD_AVX2) return rows_avx2;
#else
    (void)simd;
#endif
    return rows_plain;
}

/* ---- the operation ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* The losses of rows, then a row for each thread. */
size_t recsys__cpu_softmax_loss_workspace(const op_softmax_loss *o, int32_t threads)
{
    size_t bytes = rounded((size_t)o->rows * sizeof(double));
    return o->gradient ? bytes : bytes + (size_t)threads * rounded((size_t)o->columns * sizeof(float));
}

recsys_status recsys__cpu_softmax_loss(op_context *c, const op_softmax_loss *o)
{
    const rows_fn rows = rows_of_rung(c->simd);
    const int64_t B = o->rows;
    const size_t row_bytes = o->gradient ? 0 : rounded((size_t)o->columns * sizeof(float));
    double *loss = c->workspace, sum = 0.0;
    char *room = (char *)c->workspace + rounded((size_t)B * sizeof *loss);
    int32_t threads = threads_worth(c, B * o->columns * COLUMN_WORK);
    c->rung = rows == rows_plain ? "plain" : "avx2";
    if (threads > B) threads = B > 0 ? (int32_t)B : 1;
    if (threads == 1) {
        rows(o, 0, B, loss, (void *)room);
    } else {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int32_t part = 0; part < threads; part++)
            rows(o, B * part / threads, B * (part + 1) / threads, loss, (void *)(room + (size_t)part * row_bytes));
    }
    for (int64_t b = 0; b < B; b++) sum += loss[b];
    *o->loss = (float)(B > 0 ? sum / (double)B : 0.0);
    return RECSYS_OK;
}
