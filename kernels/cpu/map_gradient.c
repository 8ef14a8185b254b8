/* map_gradient.c - the map_gradient kernel: gy times the derivative of one function of each element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/map_gradient.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/spans.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/functions.h"

PART_OF_CALLER void gradient_row(int32_t f, float *gx, const float *at, const float *gy, int64_t n)
{
    switch (f) {
    case FN_RELU:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_RELU, at[i], gy[i]);
        break;
    case FN_LEAKY_RELU:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_LEAKY_RELU, at[i], gy[i]);
        break;
    case FN_SIGMOID:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_SIGMOID, at[i], gy[i]);
        break;
    case FN_TANH:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_TANH, at[i], gy[i]);
        break;
    case FN_SQUARE:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_SQUARE, at[i], gy[i]);
        break;
    case FN_EXP:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_EXP, at[i], gy[i]);
        break;
    case FN_SOFTPLUS:
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_SOFTPLUS, at[i], gy[i]);
        break;
    case FN_LOG:
#pragma omp simd
        for (int64_t i = 0; i < n; i++) gx[i] = element_gradient(FN_LOG, at[i], gy[i]);
        break;
    default:
        if (gx != gy) memmove(gx, gy, (size_t)n * sizeof *gx);
    }
}

typedef void (*gradient_fn)(int32_t f, float *gx, const float *at, const float *gy, int64_t n);

static void gradient_plain(int32_t f, float *gx, const float *at, const float *gy, int64_t n)
{
    gradient_row(f, gx, at, gy, n);
}

#if VEC_X86
TARGET_AVX2 static void gradient_avx2(int32_t f, float *gx, const float *at, const float *gy, int64_t n)
{
    gradient_row(f, gx, at, gy, n);
}
#endif

typedef struct mapping {
    const op_map_gradient *o;
    gradient_fn row;
} mapping;

static void gradient_span(const void *work, int64_t begin, int64_t end)
{
    const mapping *w = work;
    w->row(w->o->f, w->o->gx + begin, w->o->at + begin, w->o->gy + begin, end - begin);
}

size_t recsys__cpu_map_gradient_workspace(const op_map_gradient *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_map_gradient(op_context *c, const op_map_gradient *o)
{
    mapping w = { .o = o, .row = gradient_plain };
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) w.row = gradient_avx2;
#endif
    c->rung = w.row == gradient_plain ? "plain" : "avx2";
    spans(c, o->n, SPAN_ELEMENTS, gradient_span, &w);
    return RECSYS_OK;
}
