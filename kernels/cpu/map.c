/* map.c - the map kernel: one function of each element.
 *
 * The bodies stand once and become part of a function of each rung, where the compiler makes vectors of them. log and log1p
 * are the C library's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/map.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/map_rows.h"
#include "kernels/cpu/spans.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/functions.h"

/* ---- rows of elements ---- */

PART_OF_CALLER void map_row(int32_t f, float *y, const float *x, int64_t n)
{
    switch (f) {
    case FN_RELU:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_RELU, x[i]);
        break;
    case FN_LEAKY_RELU:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_LEAKY_RELU, x[i]);
        break;
    case FN_SIGMOID:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_SIGMOID, x[i]);
        break;
    case FN_TANH:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_TANH, x[i]);
        break;
    case FN_SQUARE:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_SQUARE, x[i]);
        break;
    case FN_EXP:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_EXP, x[i]);
        break;
    case FN_SOFTPLUS:
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_SOFTPLUS, x[i]);
        break;
    case FN_LOG:
        for (int64_t i = 0; i < n; i++) y[i] = element_map(FN_LOG, x[i]);
        break;
    default:
        if (y != x) memmove(y, x, (size_t)n * sizeof *y);
    }
}

static void map_plain(int32_t f, float *y, const float *x, int64_t n)
{
    map_row(f, y, x, n);
}

#if VEC_X86
TARGET_AVX2 static void map_avx2(int32_t f, float *y, const float *x, int64_t n)
{
    map_row(f, y, x, n);
}
#endif

map_fn recsys__cpu_map_fn(int32_t simd)
{
#if VEC_X86
    if (recsys__cpu_simd(simd) >= SIMD_AVX2) return map_avx2;
#else
    (void)simd;
#endif
    return map_plain;
}

/* ---- the operation ---- */

typedef struct mapping {
    const op_map *o;
    map_fn map;
} mapping;

static void map_span(const void *work, int64_t begin, int64_t end)
{
    const mapping *w = work;
    w->map(w->o->f, w->o->y + begin, w->o->x + begin, end - begin);
}

size_t recsys__cpu_map_workspace(const op_map *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_map(op_context *c, const op_map *o)
{
    mapping w = { .o = o, .map = recsys__cpu_map_fn(c->simd) };
    c->rung = w.map == map_plain ? "plain" : "avx2";
    spans(c, o->n, SPAN_ELEMENTS, map_span, &w);
    return RECSYS_OK;
}
