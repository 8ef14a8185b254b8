/* gather_dot.c - the gather_dot kernel: two rows from anywhere, their weighted product, and copies for the gradient.
 *
 * The time goes into waiting for rows, so those of later samples are asked for early. B samples, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gather_dot.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

/* Lanes of a sum. */
enum { LANES = 32 };

size_t recsys__cpu_gather_dot_workspace(const op_gather_dot *o, int32_t threads)
{
    (void)threads;
    return (size_t)o->dim * sizeof(float); /* the row of zeros that -1 stands for */
}

/* Samples b0..b1-1. */
typedef void (*samples_fn)(const op_gather_dot *o, const float *zeros, int64_t b0, int64_t b1);

static const float *row_of(const float *table, int64_t row, int64_t D, const float *zeros)
{
    return row < 0 ? zeros : table + row * D;
}

static void samples_plain(const op_gather_dot *o, const float *zeros, int64_t b0, int64_t b1)
{
    int64_t D = o->dim;
    for (int64_t b = b0; b < b1; b++) {
        const float *p_b = row_of(o->p, o->user[b], D, zeros), *q_b = row_of(o->q, o->item[b], D, zeros);
        float sum[LANES] = { 0.0f };
        for (int64_t d = 0; d < D; d++) sum[d % LANES] = fmaf(o->h[d], p_b[d] * q_b[d], sum[d % LANES]);
        for (int apart = LANES / 2; apart > 0; apart /= 2)
            for (int j = 0; j < apart; j++) sum[j] += sum[j + apart];
        o->out[b] = o->c ? sum[0] + o->c[0] : sum[0];
        if (!o->p_rows) continue;
        memcpy(o->p_rows + b * D, p_b, (size_t)D * sizeof(float));
        memcpy(o->q_rows + b * D, q_b, (size_t)D * sizeof(float));
    }
}

#if VEC_X86
#include <immintrin.h>

/* Samples and floats of their rows that are fetched ahead; a processor fetches the rest of a longer row itself. */
enum { AHEAD = 12, FLOATS_AHEAD = 64 };

#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

/* Eight columns from d on. The copies are stores of what is in registers anyway. */
INLINE_AVX2 __m256 multiply(const op_gather_dot *o, const float *p_b, const float *q_b, int64_t b, int64_t d, __m256 sum)
{
    __m256 p = _mm256_loadu_ps(p_b + d), q = _mm256_loadu_ps(q_b + d);
    if (o->p_rows) {
        _mm256_storeu_ps(o->p_rows + b * o->dim + d, p);
        _mm256_storeu_ps(o->q_rows + b * o->dim + d, q);
    }
    return _mm256_fmadd_ps(_mm256_loadu_ps(o->h + d), _mm256_mul_ps(p, q), sum);
}

/* The last n < 8 columns. */
INLINE_AVX2 __m256 multiply_tail(const op_gather_dot *o, const float *p_b, const float *q_b, int64_t b, int64_t d,
                                 __m256 sum)
{
    __m256i mask =
        _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)(o->dim - d)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256 p = _mm256_maskload_ps(p_b + d, mask), q = _mm256_maskload_ps(q_b + d, mask);
    if (o->p_rows) {
        _mm256_maskstore_ps(o->p_rows + b * o->dim + d, mask, p);
        _mm256_maskstore_ps(o->q_rows + b * o->dim + d, mask, q);
    }
    return _mm256_fmadd_ps(_mm256_maskload_ps(o->h + d, mask), _mm256_mul_ps(p, q), sum);
}

/* Lanes j and j + 16 together, then 8, 4, 2, 1 apart. */
INLINE_AVX2 float add_lanes(const __m256 sum[4])
{
    __m256 eight = _mm256_add_ps(_mm256_add_ps(sum[0], sum[2]), _mm256_add_ps(sum[1], sum[3]));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE_AVX2 float product(const op_gather_dot *o, const float *p_b, const float *q_b, int64_t b)
{
    int64_t D = o->dim, d = 0;
    __m256 sum[4] = { _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps() };
    for (; d + LANES <= D; d += LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) sum[v] = multiply(o, p_b, q_b, b, d + 8 * v, sum[v]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++, d += 8) {
        if (d + 8 <= D) sum[v] = multiply(o, p_b, q_b, b, d, sum[v]);
        else if (d < D) sum[v] = multiply_tail(o, p_b, q_b, b, d, sum[v]);
    }
    return add_lanes(sum);
}

TARGET_AVX2 static void samples_avx2(const op_gather_dot *o, const float *zeros, int64_t b0, int64_t b1)
{
    int64_t D = o->dim, near = D < FLOATS_AHEAD ? D : FLOATS_AHEAD;
    for (int64_t b = b0; b < b1; b++) {
        if (b + AHEAD < o->count) {
            const float *p = row_of(o->p, o->user[b + AHEAD], D, zeros), *q = row_of(o->q, o->item[b + AHEAD], D, zeros);
            for (int64_t d = 0; d < near; d += 16) {
                _mm_prefetch((const char *)(p + d), _MM_HINT_T0);
                _mm_prefetch((const char *)(q + d), _MM_HINT_T0);
            }
        }
        const float *p_b = row_of(o->p, o->user[b], D, zeros), *q_b = row_of(o->q, o->item[b], D, zeros);
        float sum = product(o, p_b, q_b, b);
        o->out[b] = o->c ? sum + o->c[0] : sum;
    }
}
#endif

recsys_status recsys__cpu_gather_dot(op_context *c, const op_gather_dot *o)
{
    samples_fn samples = samples_plain;
    c->rung = "plain";
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) {
        samples = samples_avx2;
        c->rung = "avx2";
    }
#endif
    float *zeros = c->workspace;
    for (int64_t d = 0; d < o->dim; d++) zeros[d] = 0.0f;
    if (o->h_copy && o->dim > 0) memcpy(o->h_copy, o->h, (size_t)o->dim * sizeof(float));
    int32_t threads = threads_worth(c, 2 * o->count * o->dim);
    if (threads == 1) {
        samples(o, zeros, 0, o->count);
        return RECSYS_OK;
    }
    int64_t each = (o->count + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int32_t t = 0; t < threads; t++) {
        int64_t b0 = t * each, b1 = b0 + each < o->count ? b0 + each : o->count;
        if (b0 < b1) samples(o, zeros, b0, b1);
    }
    return RECSYS_OK;
}
