/* sum_rows.c - weighted sums of rows of a table, plain and for AVX2.
 *
 * A block of up to 64 columns stays in registers while the terms of a row go by; wider rows walk their terms once for
 * each block. The lines of a row that comes later are asked for early: rows lie anywhere, so each would wait for memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/sum_rows.h"

#include <math.h>

#include "kernels/cpu/vec/vec.h"

static void sum_rows_plain(float *y, const row_terms *t, int64_t begin, int64_t end)
{
    for (int64_t c = 0; c < t->dim; c++) y[c] = 0.0f;
    for (int64_t k = begin; k < end; k++) {
        int64_t e = t->order ? t->order[k] : k, r = t->source_row ? t->source_row[e] : e;
        const float *x = t->source + r * t->dim;
        for (int64_t c = 0; c < t->dim; c++) y[c] = t->weight ? fmaf(t->weight[e], x[c], y[c]) : y[c] + x[c];
    }
}

#if VEC_X86
#include <immintrin.h>

/* Terms that are fetched ahead. */
enum { AHEAD = 8 };

#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

INLINE_AVX2 const float *row_of(const row_terms *t, int64_t e)
{
    return t->source + (t->source_row ? t->source_row[e] : e) * t->dim;
}

/* Columns c..c+8V-1. */
INLINE_AVX2 void sum_block(float *y, const row_terms *t, int64_t begin, int64_t end, int64_t c, const int V)
{
    __m256 sum[8];
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) sum[v] = _mm256_setzero_ps();
    for (int64_t k = begin; k < end; k++) {
        int64_t e = t->order ? t->order[k] : k;
        if (k + AHEAD < t->readable) {
            const float *ahead = row_of(t, t->order ? t->order[k + AHEAD] : k + AHEAD) + c;
#pragma GCC unroll 4
            for (int v = 0; v < V; v += 2) _mm_prefetch((const char *)(ahead + 8 * v), _MM_HINT_T0);
        }
        const float *x = row_of(t, e) + c;
        if (t->weight) {
            __m256 w = _mm256_broadcast_ss(t->weight + e);
#pragma GCC unroll 8
            for (int v = 0; v < V; v++) sum[v] = _mm256_fmadd_ps(w, _mm256_loadu_ps(x + 8 * v), sum[v]);
        } else {
#pragma GCC unroll 8
            for (int v = 0; v < V; v++) sum[v] = _mm256_add_ps(_mm256_loadu_ps(x + 8 * v), sum[v]);
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) _mm256_storeu_ps(y + c + 8 * v, sum[v]);
}

/* The last n < 8 columns. */
TARGET_AVX2 static void sum_tail(float *y, const row_terms *t, int64_t begin, int64_t end, int64_t c, int64_t n)
{
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256 sum = _mm256_setzero_ps();
    for (int64_t k = begin; k < end; k++) {
        int64_t e = t->order ? t->order[k] : k;
        __m256 x = _mm256_maskload_ps(row_of(t, e) + c, mask);
        sum = t->weight ? _mm256_fmadd_ps(_mm256_broadcast_ss(t->weight + e), x, sum) : _mm256_add_ps(x, sum);
    }
    _mm256_maskstore_ps(y + c, mask, sum);
}

TARGET_AVX2 static void sum_rows_avx2(float *y, const row_terms *t, int64_t begin, int64_t end)
{
    int64_t D = t->dim, c = 0;
    for (; c + 64 <= D; c += 64) sum_block(y, t, begin, end, c, 8);
    if (c + 32 <= D) {
        sum_block(y, t, begin, end, c, 4);
        c += 32;
    }
    if (c + 16 <= D) {
        sum_block(y, t, begin, end, c, 2);
        c += 16;
    }
    if (c + 8 <= D) {
        sum_block(y, t, begin, end, c, 1);
        c += 8;
    }
    if (c < D) sum_tail(y, t, begin, end, c, D - c);
}
#endif

sum_rows_fn recsys__cpu_sum_rows(int32_t rung)
{
#if VEC_X86
    if (rung >= SIMD_AVX2) return sum_rows_avx2;
#endif
    (void)rung;
    return sum_rows_plain;
}
