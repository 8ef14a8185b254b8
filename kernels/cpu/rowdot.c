/* rowdot.c - the rowdot kernel: 32 lanes of fused multiply-adds for each row, folded at its end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rowdot.h"

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/shared/elementary.h"
#include "kernels/cpu/spans.h"
#include "kernels/cpu/vec/vec.h"

enum { LANES = 32 };

PART_OF_CALLER float dot(const float *a, const float *b, int64_t D)
{
    float lane[LANES] = { 0.0f };
    int64_t whole = D / LANES * LANES;
    for (int64_t d = 0; d < whole; d += LANES)
#pragma omp simd
        for (int64_t j = 0; j < LANES; j++) lane[j] = fmaf(a[d + j], b[d + j], lane[j]);
    for (int64_t d = whole; d < D; d++) lane[d - whole] = fmaf(a[d], b[d], lane[d - whole]);
    for (int64_t half = LANES / 2; half > 0; half /= 2)
        for (int64_t j = 0; j < half; j++) lane[j] += lane[j + half];
    return lane[0];
}

PART_OF_CALLER void dot_rows(const op_rowdot *o, int64_t begin, int64_t end)
{
    for (int64_t n = begin; n < end; n++) o->y[n] = dot(o->a + n * o->dim, o->b + n * o->dim, o->dim);
}

static void dot_plain(const void *work, int64_t begin, int64_t end)
{
    dot_rows(work, begin, end);
}

#if VEC_X86
TARGET_AVX2 static void dot_avx2(const void *work, int64_t begin, int64_t end)
{
    dot_rows(work, begin, end);
}
#endif

size_t recsys__cpu_rowdot_workspace(const op_rowdot *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_rowdot(op_context *c, const op_rowdot *o)
{
    span_body body = dot_plain;
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) body = dot_avx2;
#endif
    c->rung = body == dot_plain ? "plain" : "avx2";
    spans(c, o->rows, span_rows(o->dim), body, o);
    return RECSYS_OK;
}
