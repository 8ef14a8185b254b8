/* avx2.c - the row primitives for AVX2 with FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>
#include <math.h>

/* Rows of a panel that are fetched ahead of the sum: they wait for the last-level cache. */
enum { ROWS_AHEAD = 16 };

/* Lines of a column that are fetched ahead: each is in a page of its own and waits for memory. */
enum { LINES_AHEAD = 16 };

/* Vectors in a panel. */
enum { VECTORS = VEC_PANEL / 8 };

TARGET_AVX2 static inline uint32_t bits_at_least(__m256 y, __m256 floor)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(y, floor, _CMP_GE_OQ));
}

TARGET_AVX2 static uint32_t at_least(const float *y, float floor)
{
    uint32_t bits = 0;
    for (int v = 0; v < VECTORS; v++)
        bits |= bits_at_least(_mm256_loadu_ps(y + 8 * v), _mm256_set1_ps(floor)) << (8 * v);
    return bits;
}

TARGET_AVX2 static uint32_t panel_scores(float *y, const float *panel, const int32_t *item, const float *val,
                                         int64_t n, int64_t readable, const float *scale, float floor)
{
    __m256 sum[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) sum[v] = _mm256_setzero_ps();
    for (int64_t e = 0; e < n; e++) {
        const float *row = panel + (int64_t)item[e] * VEC_PANEL;
        if (e + ROWS_AHEAD < readable) { /* not a function of its own: gcc finds it without effect and drops the calls */
            const float *ahead = panel + (int64_t)item[e + ROWS_AHEAD] * VEC_PANEL;
            for (int c = 0; c < VEC_PANEL; c += 16) _mm_prefetch((const char *)(ahead + c), _MM_HINT_T0);
        }
        if (val) {
            __m256 x = _mm256_broadcast_ss(val + e);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sum[v] = _mm256_fmadd_ps(x, _mm256_loadu_ps(row + 8 * v), sum[v]);
        } else {
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sum[v] = _mm256_add_ps(_mm256_loadu_ps(row + 8 * v), sum[v]);
        }
    }
    uint32_t bits = 0;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
        __m256 score = _mm256_fnmadd_ps(sum[v], _mm256_loadu_ps(scale + 8 * v), _mm256_setzero_ps());
        _mm256_storeu_ps(y + 8 * v, score);
        bits |= bits_at_least(score, _mm256_set1_ps(floor)) << (8 * v);
    }
    return bits;
}

TARGET_AVX2 void recsys__avx2_strip_row(float *y, const float *lines, int64_t n, int64_t r, float x)
{
    __m256 xs = _mm256_set1_ps(x);
    const float *line = lines + 4 * r;
    int64_t l = 0;
    for (; l + 2 <= n; l += 2, line += 32) {
        __m256 two = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(line)), _mm_loadu_ps(line + 16), 1);
        _mm256_storeu_ps(y + 4 * l, _mm256_fmadd_ps(xs, two, _mm256_loadu_ps(y + 4 * l)));
    }
    if (l < n)
        _mm_storeu_ps(y + 4 * l, _mm_fmadd_ps(_mm256_castps256_ps128(xs), _mm_loadu_ps(line), _mm_loadu_ps(y + 4 * l)));
}

TARGET_AVX2 void recsys__avx2_strip_column(float *y, const float *line_0, int64_t a, int64_t n, int64_t c, float x)
{
    __m128 xs = _mm_set1_ps(x);
    const float *line = line_0 + c, *ahead = line_0;
    for (int64_t l = 0; l < LINES_AHEAD && l < n; l++, ahead += 16 * (a + l))
        _mm_prefetch((const char *)ahead, _MM_HINT_T0);
    for (int64_t l = 0; l < n; l++) {
        if (l + LINES_AHEAD < n) {
            _mm_prefetch((const char *)ahead, _MM_HINT_T0);
            ahead += 16 * (a + l + LINES_AHEAD + 1);
        }
        __m128 column = _mm_setr_ps(line[0], line[4], line[8], line[12]);
        _mm_storeu_ps(y + 4 * l, _mm_fmadd_ps(xs, column, _mm_loadu_ps(y + 4 * l)));
        line += 16 * (a + l + 1);
    }
}

TARGET_AVX2 static void negate_scale(float *y, const float *scale, int64_t n)
{
    int64_t c = 0;
    for (; c + 8 <= n; c += 8)
        _mm256_storeu_ps(y + c,
                         _mm256_fnmadd_ps(_mm256_loadu_ps(y + c), _mm256_loadu_ps(scale + c), _mm256_setzero_ps()));
    for (; c < n; c++) y[c] = fmaf(-y[c], scale[c], 0.0f);
}

TARGET_AVX2 void recsys__avx2_sparse_row(float *y, const int32_t *col, const float *val, int64_t n, float x)
{
    for (int64_t e = 0; e < n; e++) y[col[e]] = fmaf(x, val[e], y[col[e]]);
}

const vec *recsys__vec_avx2(void)
{
    static const vec table = {
        .name = "avx2",
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
const vec *recsys__vec_avx2(void)
{
    return NULL;
}
#endif
