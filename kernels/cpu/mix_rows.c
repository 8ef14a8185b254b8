/* mix_rows.c - the mix_rows kernel: first the sigmoid of all rows, then each sum, a block of columns at a time.
 *
 * The threads share out blocks of columns times sums. A block of a sum stays in the first-level cache while rows are added
 * to it, and neighbouring tasks read the same block of columns. Each element is a chain of its own, so every vector width
 * gives the same bits.
 * N rows, Q sums, I columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/mix_rows.h"

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/shared/elementary.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Columns of a block, sums of a task; elements handed out at a time for the sigmoid; elements worth another thread. */
enum { BLOCK = 2048, SUMS = 16, ELEMENTS = 8192, THREAD_ELEMENTS = 1 << 14 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- rungs ---- */

PART_OF_CALLER void sigmoid_row(float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] = element_sigmoid(x[i]);
}

PART_OF_CALLER void add_row(float *restrict y, float w, const float *restrict x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = fmaf(w, x[i], y[i]);
}

typedef struct rung {
    const char *name;
    void (*sigmoid)(float *x, int64_t n);
    void (*add)(float *restrict y, float w, const float *restrict x, int64_t n);
} rung;

static void sigmoid_plain(float *x, int64_t n)
{
    sigmoid_row(x, n);
}

static void add_plain(float *restrict y, float w, const float *restrict x, int64_t n)
{
    add_row(y, w, x, n);
}

#if VEC_X86
TARGET_AVX2 static void sigmoid_avx2(float *x, int64_t n)
{
    sigmoid_row(x, n);
}

TARGET_AVX2 static void add_avx2(float *restrict y, float w, const float *restrict x, int64_t n)
{
    add_row(y, w, x, n);
}

TARGET_AVX512 static void sigmoid_avx512(float *x, int64_t n)
{
    sigmoid_row(x, n);
}

TARGET_AVX512 static void add_avx512(float *restrict y, float w, const float *restrict x, int64_t n)
{
    add_row(y, w, x, n);
}
#endif

static const rung *rung_of(int32_t simd)
{
    static const rung plain = { "plain", sigmoid_plain, add_plain };
#if VEC_X86
    static const rung avx2 = { "avx2", sigmoid_avx2, add_avx2 }, avx512 = { "avx512", sigmoid_avx512, add_avx512 };
    if (simd >= SIMD_AVX512) return &avx512;
    if (simd >= SIMD_AVX2) return &avx2;
#endif
    (void)simd;
    return &plain;
}

/* ---- both passes ---- */

size_t recsys__cpu_mix_rows_workspace(const op_mix_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

static int32_t threads_for(const op_context *c, int64_t elements)
{
    return (int32_t)smaller(c->threads, 1 + elements / THREAD_ELEMENTS);
}

static int64_t sigmoid_tasks(const op_mix_rows *o)
{
    return o->sigmoid ? divide_up(o->n_rows * o->n_items, ELEMENTS) : 0;
}

static void apply_sigmoid(const op_mix_rows *o, const rung *r, int32_t threads, watch *w)
{
    int64_t n = o->n_rows * o->n_items, tasks = sigmoid_tasks(o);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t t = 0; t < tasks; t++) {
        if (watch_stopped(w)) continue;
        r->sigmoid(o->rows + t * ELEMENTS, smaller(ELEMENTS, n - t * ELEMENTS));
        watch_done(w, 1);
    }
}

/* Sums q0..q1-1 in columns c0..c0 + n - 1. */
static void add_up(const op_mix_rows *o, const rung *r, int64_t q0, int64_t q1, int64_t c0, int64_t n)
{
    int64_t I = o->n_items;
    for (int64_t q = q0; q < q1; q++) {
        float *y = o->out + q * I + c0;
        if (!o->add)
            for (int64_t i = 0; i < n; i++) y[i] = 0.0f;
        for (int64_t e = o->ptr[q]; e < o->ptr[q + 1]; e++) r->add(y, o->weight[e], o->rows + o->row[e] * I + c0, n);
    }
}

recsys_status recsys__cpu_mix_rows(op_context *c, const op_mix_rows *o)
{
    if (o->n_items == 0) return RECSYS_OK;
    const rung *r = rung_of(recsys__cpu_simd(c->simd));
    int64_t parts = divide_up(o->n_sums, SUMS), tasks = parts * divide_up(o->n_items, BLOCK);
    int64_t entries = o->n_sums > 0 ? o->ptr[o->n_sums] - o->ptr[0] : 0;
    watch w;
    watch_begin(&w, c, sigmoid_tasks(o) + tasks);
    c->rung = r->name;
    if (o->sigmoid) apply_sigmoid(o, r, threads_for(c, o->n_rows * o->n_items), &w);
    int32_t threads = threads_for(c, (entries + o->n_sums) * o->n_items);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t t = 0; t < tasks; t++) {
        int64_t q0 = t % parts * SUMS, c0 = t / parts * BLOCK;
        if (watch_stopped(&w)) continue;
        add_up(o, r, q0, smaller(q0 + SUMS, o->n_sums), c0, smaller(BLOCK, o->n_items - c0));
        watch_done(&w, 1);
    }
    return watch_end(&w, "mixing rows");
}
