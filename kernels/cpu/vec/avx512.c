/* avx512.c - the row primitives for AVX-512. What waits for memory in units of 4 floats, strips, is taken from AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>

/* As in avx2.c. */
enum { ROWS_AHEAD = 16 };

/* Vectors in a panel. */
enum { VECTORS = VEC_PANEL / 16 };

TARGET_AVX512 static inline uint32_t bits_at_least(__m512 y, __m512 floor)
{
    return _mm512_cmp_ps_mask(y, floor, _CMP_GE_OQ);
}

TARGET_AVX512 static uint32_t at_least(const float *y, float floor)
{
    uint32_t bits = 0;
    for (int v = 0; v < VECTORS; v++)
        bits |= bits_at_least(_mm512_loadu_ps(y + 16 * v), _mm512_set1_ps(floor)) << (16 * v);
    return bits;
}

TARGET_AVX512 static uint32_t panel_scores(float *y, const float *panel, const int32_t *item, const float *val,
                                           int64_t n, int64_t readable, const float *scale, float floor)
{
    __m512 sum[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) sum[v] = _mm512_setzero_ps();
    for (int64_t e = 0; e < n; e++) {
        const float *row = panel + (int64_t)item[e] * VEC_PANEL;
        if (e + ROWS_AHEAD < readable) {
            const float *ahead = panel + (int64_t)item[e + ROWS_AHEAD] * VEC_PANEL;
            for (int c = 0; c < VEC_PANEL; c += 16) _mm_prefetch((const char *)(ahead + c), _MM_HINT_T0);
        }
        __m512 x = _mm512_set1_ps(val ? val[e] : 1.0f);
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++) sum[v] = _mm512_fmadd_ps(x, _mm512_loadu_ps(row + 16 * v), sum[v]);
    }
    uint32_t bits = 0;
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) {
        __m512 score = _mm512_fnmadd_ps(sum[v], _mm512_loadu_ps(scale + 16 * v), _mm512_setzero_ps());
        _mm512_storeu_ps(y + 16 * v, score);
        bits |= bits_at_least(score, _mm512_set1_ps(floor)) << (16 * v);
    }
    return bits;
}

TARGET_AVX512 static void negate_scale(float *y, const float *scale, int64_t n)
{
    for (int64_t c = 0; c < n; c += 16) {
        __mmask16 in = n - c < 16 ? (__mmask16)((1u << (n - c)) - 1u) : (__mmask16)0xffff;
        __m512 sum = _mm512_maskz_loadu_ps(in, y + c);
        _mm512_mask_storeu_ps(y + c, in,
                              _mm512_fnmadd_ps(sum, _mm512_maskz_loadu_ps(in, scale + c), _mm512_setzero_ps()));
    }
}

const vec *recsys__vec_avx512(void)
{
    static const vec table = {
        .name = "avx512",
        .panel_scores = panel_scores,
        .at_least = at_least,
        .strip_row = recsys__avx2_strip_row,
        .strip_column = recsys__avx2_strip_column,
        .negate_scale = negate_scale,
        .sparse_row = recsys__avx2_sparse_row,
    };
    return &table;
}
#else
const vec *recsys__vec_avx512(void)
{
    return NULL;
}
#endif
