/* pointwise_block.c - binary cross-entropies of a few samples and their derivatives, plain and for AVX2.
 *
 * With a = abs(x), t = exp(-a), L = log(1 + t), q = t / (1 + t) = sigmoid(-a) and step = 1 where x > 0, else 0:
 *     l = step x - x y + L,    dl/dx = (step - y) + (1 - 2 step) q,    -log sigmoid(x) = (step x - x) + L,
 * none of which cancels, so small losses and gradients keep their digits. An x that is not finite gives an l that is not.
 * Both rungs do the same operations in the same order. gcc finds no vectors in the plain one, so AVX2 is written out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/pointwise_block.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/vec/vec.h"

/* ---- constants ---- */

/* Beyond this exp(-a) counts as 0. */
#define EXP_END 88.0f
#define LOG2_E 0x1.715476p0f
#define LOG_2 0x1.62e43p-1f
#define LOG_2_REST -0x1.05c61p-29f /* log 2 - LOG_2 */
/* Adding it leaves a whole number in the last bits. */
#define ROUND 0x1.8p23f

/* 1 / k!, k = 7 down to 0. */
static const float exp_series[] = { 1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f };
/* 1 / (2 k + 1), k = 7 down to 1. */
static const float log_series[] = { 1.0f / 15, 1.0f / 13, 1.0f / 11, 1.0f / 9, 1.0f / 7, 0.2f, 1.0f / 3 };

enum { EXP_TERMS = sizeof exp_series / sizeof *exp_series, LOG_TERMS = sizeof log_series / sizeof *log_series };

/* ---- plain ---- */

/* exp(-a) for a >= 0, within 4 * 2^-24 of its value where that is at least 2^-126; where it is less, less than 2^-126.
 * NaN stays NaN. */
static float exp_minus(float a)
{
    float z = a > EXP_END ? EXP_END : a;
    float shifted = fmaf(z, LOG2_E, ROUND), k = shifted - ROUND;        /* k at most 127 */
    float r = fmaf(k, LOG_2_REST, fmaf(k, LOG_2, -z)), p = exp_series[0]; /* r = k log 2 - z, at most half of log 2 */
    for (int i = 1; i < EXP_TERMS; i++) p = fmaf(p, r, exp_series[i]);
    float round = ROUND, power;
    uint32_t bits, origin;
    memcpy(&bits, &shifted, sizeof bits);
    memcpy(&origin, &round, sizeof origin);
    bits = (127u - (bits - origin)) << 23; /* 2^-k, and 0 for k = 127 */
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* log(1 + t) for t in [0, 1], within 4 * 2^-24 of its value: 2 artanh(t / (2 + t)) by its series. */
static float log1p_unit(float t)
{
    float s = t / (2.0f + t), z = s * s, p = log_series[0], twice = s + s;
    for (int i = 1; i < LOG_TERMS; i++) p = fmaf(p, z, log_series[i]);
    return fmaf(twice * z, p, twice);
}

static void pointwise_plain(pointwise_block *k, const float *x, const float *y, int64_t n, int weighted, float alpha)
{
    for (int64_t s = 0; s < n; s++) {
        float step = x[s] > 0.0f ? 1.0f : 0.0f, above = step * x[s];
        float t = exp_minus(fabsf(x[s])), L = log1p_unit(t), q = t / (1.0f + t);
        k->l[s] = fmaf(-x[s], y[s], above) + L;
        k->g[s] = fmaf(1.0f - 2.0f * step, q, step - y[s]);
        if (!weighted) continue;
        float down = exp_minus(alpha * ((above - x[s]) + L)), up = exp_minus(alpha * (above + L));
        float w = fmaf(down, y[s], up * (1.0f - y[s])); /* p^alpha y + (1 - p)^alpha (1 - y) */
        k->term[s] = w * k->l[s];
        k->g[s] = w * k->g[s];
    }
}

/* ---- AVX2 ---- */

#if VEC_X86
#include <immintrin.h>

#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

INLINE_AVX2 __m256 all(float x)
{
    return _mm256_set1_ps(x);
}

INLINE_AVX2 __m256 exp_minus_8(__m256 a)
{
    __m256 z = _mm256_min_ps(all(EXP_END), a); /* of NaN and a number the second operand */
    __m256 shifted = _mm256_fmadd_ps(z, all(LOG2_E), all(ROUND)), k = _mm256_sub_ps(shifted, all(ROUND));
    __m256 r = _mm256_fmadd_ps(k, all(LOG_2_REST), _mm256_fmsub_ps(k, all(LOG_2), z)), p = all(exp_series[0]);
#pragma GCC unroll 8
    for (int i = 1; i < EXP_TERMS; i++) p = _mm256_fmadd_ps(p, r, all(exp_series[i]));
    __m256i whole = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_castps_si256(all(ROUND)));
    __m256i power = _mm256_slli_epi32(_mm256_sub_epi32(_mm256_set1_epi32(127), whole), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

INLINE_AVX2 __m256 log1p_unit_8(__m256 t)
{
    __m256 s = _mm256_div_ps(t, _mm256_add_ps(all(2.0f), t)), z = _mm256_mul_ps(s, s), twice = _mm256_add_ps(s, s);
    __m256 p = all(log_series[0]);
#pragma GCC unroll 8
    for (int i = 1; i < LOG_TERMS; i++) p = _mm256_fmadd_ps(p, z, all(log_series[i]));
    return _mm256_fmadd_ps(_mm256_mul_ps(twice, z), p, twice);
}

/* Eight samples to place s. */
INLINE_AVX2 void eight_samples(pointwise_block *k, int64_t s, __m256 x, __m256 y, int weighted, __m256 alpha)
{
    __m256 one = all(1.0f), step = _mm256_and_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ), one);
    __m256 above = _mm256_mul_ps(step, x), t = exp_minus_8(_mm256_andnot_ps(all(-0.0f), x));
    __m256 L = log1p_unit_8(t), q = _mm256_div_ps(t, _mm256_add_ps(one, t));
    __m256 l = _mm256_add_ps(_mm256_fnmadd_ps(x, y, above), L), sign = _mm256_sub_ps(one, _mm256_add_ps(step, step));
    __m256 g = _mm256_fmadd_ps(sign, q, _mm256_sub_ps(step, y));
    if (weighted) {
        __m256 down = exp_minus_8(_mm256_mul_ps(alpha, _mm256_add_ps(_mm256_sub_ps(above, x), L)));
        __m256 up = exp_minus_8(_mm256_mul_ps(alpha, _mm256_add_ps(above, L)));
        __m256 w = _mm256_fmadd_ps(down, y, _mm256_mul_ps(up, _mm256_sub_ps(one, y)));
        _mm256_storeu_ps(k->term + s, _mm256_mul_ps(w, l));
        g = _mm256_mul_ps(w, g);
    }
    _mm256_storeu_ps(k->l + s, l);
    _mm256_storeu_ps(k->g + s, g);
}

TARGET_AVX2 static void pointwise_avx2(pointwise_block *k, const float *x, const float *y, int64_t n, int weighted,
                                       float alpha)
{
    int64_t s = 0;
    for (; s + 8 <= n; s += 8)
        eight_samples(k, s, _mm256_loadu_ps(x + s), _mm256_loadu_ps(y + s), weighted, all(alpha));
    if (s == n) return;
    __m256i mask =
        _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)(n - s)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    eight_samples(k, s, _mm256_maskload_ps(x + s, mask), _mm256_maskload_ps(y + s, mask), weighted, all(alpha));
}
#endif

pointwise_fn recsys__cpu_pointwise(int32_t rung)
{
#if VEC_X86
    if (rung >= SIMD_AVX2) return pointwise_avx2;
#endif
    (void)rung;
    return pointwise_plain;
}
