/* sum_rows.c - weighted sums of rows of a table, plain and for AVX2.
 *
 * A block of up to 64 columns stays in registers while the terms of a row go by; wider rows walk their terms once for
 * each block. The lines of a row that comes later are asked for early: rows lie anywhere, so each would wait for memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/sum_rows.h"

#include <math.h>

#include "kernels/cpu/vec/vec.h"

static inline int64_t stride_of(const row_terms *t)
{
    return t->stride > 0 ? t->stride : t->dim;
}

static void sum_rows_plain(float *y, const row_terms *t, int64_t begin, int64_t end)
{
    int64_t stride = stride_of(t);
    for (int64_t c = 0; c < t->dim && !t->add; c++) y[c] = 0.0f;
    for (int64_t k = begin; k < end; k++) {
        int64_t e = t->order ? t->order[k] : k, r = t->source_row ? t->source_row[e] : e;
        const float *x = t->source + r * stride;
        for (int64_t c = 0; c < t->dim; c++) y[c] = t->weight ? fmaf(t->weight[e], x[c], y[c]) : y[c] + x[c];
    }
}

void recsys__cpu_finish_row(float *y, const row_finish *f, int64_t D, int64_t n)
{
    int64_t slot = f->slot ? f->slot[n] : -1;
    const float *own = slot >= 0 && f->own ? f->own + slot * f->stride : NULL;
    const float *beside = slot >= 0 && f->beside ? f->beside + slot * f->stride : NULL;
    for (int64_t c = 0; own && c < D; c++) y[c] += own[c];
    for (int64_t c = 0; c < D; c++) y[c] = beside ? fmaf(f->scale, y[c], beside[c]) : f->scale * y[c];
}

static void sum_matrix_plain(float *y, const row_terms *t, const row_finish *f, const int64_t *ptr, int64_t n0,
                             int64_t n1)
{
    for (int64_t n = n0; n < n1; n++) {
        sum_rows_plain(y + n * t->dim, t, ptr[n], ptr[n + 1]);
        if (f) recsys__cpu_finish_row(y + n * t->dim, f, t->dim, n);
    }
}

/* Terms that are fetched ahead: enough for a row to come from the last cache, few enough for the first one to keep it. */
enum { AHEAD = 16 };

void recsys__cpu_fetch_terms(const row_terms *t, int64_t begin, int64_t end)
{
    enum { LINE = 16, MOST = 8 * LINE }; /* floats */
    int64_t stride = stride_of(t), floats = t->dim < MOST ? t->dim : MOST;
    for (int64_t k = begin; k < end && k < begin + AHEAD; k++)
        for (int64_t c = 0; c < floats; c += LINE) __builtin_prefetch(t->source + t->source_row[k] * stride + c);
}

#if VEC_X86
#include <immintrin.h>

#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

INLINE_AVX2 const float *row_of(const row_terms *t, int64_t stride, int64_t e)
{
    return t->source + (t->source_row ? t->source_row[e] : e) * stride;
}

/* Columns c..c+8V-1. */
INLINE_AVX2 void sum_block(float *y, const row_terms *t, int64_t begin, int64_t end, int64_t c, const int V)
{
    __m256 sum[8];
    const int64_t stride = stride_of(t);
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) sum[v] = t->add ? _mm256_loadu_ps(y + c + 8 * v) : _mm256_setzero_ps();
    for (int64_t k = begin; k < end; k++) {
        int64_t e = t->order ? t->order[k] : k;
        if (k + AHEAD < t->readable) {
            const float *ahead = row_of(t, stride, t->order ? t->order[k + AHEAD] : k + AHEAD) + c;
#pragma GCC unroll 4
            for (int v = 0; v < V; v += 2) _mm_prefetch((const char *)(ahead + 8 * v), _MM_HINT_T0);
        }
        const float *x = row_of(t, stride, e) + c;
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
    __m256 sum = t->add ? _mm256_maskload_ps(y + c, mask) : _mm256_setzero_ps();
    const int64_t stride = stride_of(t);
    for (int64_t k = begin; k < end; k++) {
        int64_t e = t->order ? t->order[k] : k;
        __m256 x = _mm256_maskload_ps(row_of(t, stride, e) + c, mask);
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

/* ---- rows that follow each other ---- */

/* Adds terms of the one row, columns 0..8V-1. `last`: some of the terms ahead may lie behind the list. */
INLINE_AVX2 void add_terms(__m256 *sum, const row_terms *t, int64_t begin, int64_t end, const int V, const int weighted,
                           const int last)
{
    const int32_t *row = t->source_row;
    const float *source = t->source, *weight = t->weight;
    const int64_t stride = stride_of(t);
    for (int64_t k = begin; k < end; k++) {
        if (!last || k + AHEAD < t->readable) {
            const float *ahead = source + row[k + AHEAD] * stride;
#pragma GCC unroll 4
            for (int v = 0; v < V; v += 2) _mm_prefetch((const char *)(ahead + 8 * v), _MM_HINT_T0);
        }
        const float *x = source + row[k] * stride;
        __m256 w = weighted ? _mm256_broadcast_ss(weight + k) : _mm256_setzero_ps();
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) {
            __m256 x_v = _mm256_loadu_ps(x + 8 * v);
            sum[v] = weighted ? _mm256_fmadd_ps(w, x_v, sum[v]) : _mm256_add_ps(x_v, sum[v]);
        }
    }
}

INLINE_AVX2 void finish_sums(__m256 *sum, const row_finish *f, int64_t n, const int V)
{
    int64_t slot = f->slot ? f->slot[n] : -1;
    const float *own = slot >= 0 && f->own ? f->own + slot * f->stride : NULL;
    const float *beside = slot >= 0 && f->beside ? f->beside + slot * f->stride : NULL;
    const __m256 scale = _mm256_set1_ps(f->scale);
#pragma GCC unroll 8
    for (int v = 0; own && v < V; v++) sum[v] = _mm256_add_ps(sum[v], _mm256_loadu_ps(own + 8 * v));
    if (beside) {
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) sum[v] = _mm256_fmadd_ps(scale, sum[v], _mm256_loadu_ps(beside + 8 * v));
    } else {
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) sum[v] = _mm256_mul_ps(scale, sum[v]);
    }
}

/* Rows of 8 V columns. */
INLINE_AVX2 void narrow_matrix(float *y, const row_terms *t, const row_finish *f, const int64_t *ptr, int64_t n0, int64_t n1,
                               const int V, const int weighted)
{
    for (int64_t n = n0; n < n1; n++) {
        __m256 sum[8];
        int64_t begin = ptr[n], end = ptr[n + 1];
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) sum[v] = _mm256_setzero_ps();
        if (end + AHEAD <= t->readable) add_terms(sum, t, begin, end, V, weighted, 0);
        else add_terms(sum, t, begin, end, V, weighted, 1);
        if (f) finish_sums(sum, f, n, V);
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) _mm256_storeu_ps(y + n * 8 * V + 8 * v, sum[v]);
    }
}

TARGET_AVX2 static void sum_matrix_avx2(float *y, const row_terms *t, const row_finish *f, const int64_t *ptr, int64_t n0,
                                        int64_t n1)
{
    if (t->dim == 64 && t->weight) narrow_matrix(y, t, f, ptr, n0, n1, 8, 1);
    else if (t->dim == 64) narrow_matrix(y, t, f, ptr, n0, n1, 8, 0);
    else if (t->dim == 32 && t->weight) narrow_matrix(y, t, f, ptr, n0, n1, 4, 1);
    else if (t->dim == 32) narrow_matrix(y, t, f, ptr, n0, n1, 4, 0);
    else
        for (int64_t n = n0; n < n1; n++) {
            sum_rows_avx2(y + n * t->dim, t, ptr[n], ptr[n + 1]);
            if (f) recsys__cpu_finish_row(y + n * t->dim, f, t->dim, n);
        }
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

sum_matrix_fn recsys__cpu_sum_matrix(int32_t rung)
{
#if VEC_X86
    if (rung >= SIMD_AVX2) return sum_matrix_avx2;
#endif
    (void)rung;
    return sum_matrix_plain;
}
