/* dot_rank_avx2.c - inner-product kernels for AVX2 with FMA: tiles of 6 users x 16 items.
 *
 * A tile's 12 sums, two vectors of items and one broadcast user value take 15 of the 16 registers. The sums are compared
 * with the floors while they are in registers, and each tile is stored over the last one unless something in it may have
 * reached a floor. The tiles that are kept are looked at when a call's panels are done. So the loop over panels has no
 * branch that depends on scores: each wrong guess would cost the multiply-adds of some twenty cycles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "kernels/cpu/dot_coarse.h"
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>
#include <math.h>

enum { ROWS = 6, WIDTH = 16, TILE = ROWS * WIDTH, WORDS = (TILE + 63) / 64 };

/* Panels of a call: the tiles it may keep have to leave room for panels in the first-level cache. */
enum { PANELS_MOST = 16 };

#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

/* Sums of one tile, sum[r][v] for user r and items 8 v..8 v + 7. Inlined, or they would go through memory. */
INLINE_AVX2 void product(__m256 sum[ROWS][2], const float *users, const float *panel, int64_t D)
{
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
    for (int64_t k = 0; k < D; k++, users += ROWS, panel += WIDTH) {
        __m256 v0 = _mm256_loadu_ps(panel), v1 = _mm256_loadu_ps(panel + 8);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            __m256 u = _mm256_broadcast_ss(users + r);
            sum[r][0] = _mm256_fmadd_ps(u, v0, sum[r][0]);
            sum[r][1] = _mm256_fmadd_ps(u, v1, sum[r][1]);
        }
    }
}

/* Eight 32-bit sums. Not __m256i, which is of 64-bit numbers to gcc: it then copies the sums, and spills them. */
typedef int32_t sums __attribute__((vector_size(32)));

/* The same of vectors rounded to 16 bits, two columns at a time. */
INLINE_AVX2 void coarse_product(__m256 out[ROWS][2], const int16_t *users, const int16_t *panel, int64_t pairs)
{
    sums sum[ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = (sums){ 0 };
#pragma GCC unroll 2
    for (int64_t p = 0; p < pairs; p++, users += 2 * ROWS, panel += 2 * WIDTH) {
        __m256i v0 = _mm256_loadu_si256((const void *)panel), v1 = _mm256_loadu_si256((const void *)(panel + 16));
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            int32_t pair;
            memcpy(&pair, users + 2 * r, sizeof pair);
            __m256i u = _mm256_set1_epi32(pair);
            sum[r][0] += (sums)_mm256_madd_epi16(u, v0);
            sum[r][1] += (sums)_mm256_madd_epi16(u, v1);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        out[r][0] = _mm256_cvtepi32_ps((__m256i)sum[r][0]);
        out[r][1] = _mm256_cvtepi32_ps((__m256i)sum[r][1]);
    }
}

INLINE_AVX2 void store(float *out, __m256 sum[ROWS][2])
{
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        _mm256_storeu_ps(out + r * WIDTH, sum[r][0]);
        _mm256_storeu_ps(out + r * WIDTH + 8, sum[r][1]);
    }
}

TARGET_AVX2 static void scores_avx2(float *out, const float *users, const float *panel, int64_t D)
{
    __m256 sum[ROWS][2];
    product(sum, users, panel, D);
    store(out, sum);
}

/* ---- ranking ---- */

/* 1 if a sum may reach its user's floor: never 0 when one does. The greater of two sums is NaN if the second is, which
 * counts as a hit here: a NaN must not hide its neighbour. */
INLINE_AVX2 int may_hit(__m256 sum[ROWS][2], const shortlist *lists)
{
    __m256 any = _mm256_setzero_ps();
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        __m256 greater = _mm256_max_ps(sum[r][0], sum[r][1]);
        any = _mm256_or_ps(any, _mm256_cmp_ps(greater, _mm256_broadcast_ss(&lists[r].floor), _CMP_NLT_UQ));
    }
    return _mm256_movemask_ps(any) != 0;
}

/* Notes which scores of a kept tile reach their user's floor: word w has users 4 w to 4 w + 3. Returns the new number of
 * words, of which those without a hit are none. */
INLINE_AVX2 int64_t note(dot_hits *words, int64_t n, const float *scores, shortlist *lists, int32_t first)
{
    uint64_t bits[WORDS] = { 0 };
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        __m256 floor = _mm256_broadcast_ss(&lists[r].floor);
        __m256 low = _mm256_cmp_ps(_mm256_loadu_ps(scores + r * WIDTH), floor, _CMP_GE_OQ);
        __m256 high = _mm256_cmp_ps(_mm256_loadu_ps(scores + r * WIDTH + 8), floor, _CMP_GE_OQ);
        uint64_t row = (uint32_t)_mm256_movemask_ps(low) | (uint32_t)_mm256_movemask_ps(high) << 8;
        bits[r * WIDTH / 64] |= row << (r * WIDTH % 64);
    }
#pragma GCC unroll 2
    for (int w = 0; w < WORDS; w++) {
        words[n] = (dot_hits){ bits[w], scores + 64 * w, lists + 64 / WIDTH * w, first };
        n += bits[w] != 0;
    }
    return n;
}

/* The tiles of a call in which something may have reached a floor. */
typedef struct kept {
    float scores[PANELS_MOST * TILE];
    int32_t first[PANELS_MOST]; /* positions of their first items */
    int64_t n;
} kept;

/* Begins panel p of a call: fetches its share of what comes next, in the shadow of the arithmetic. */
INLINE_AVX2 void fetch(const dot_call *call, int64_t p)
{
    const char *ahead = call->ahead + p * call->share;
    for (int64_t line = 0; line < call->share; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T1);
}

/* Ends panel p: its tile is kept, or the next one will be stored over it. */
INLINE_AVX2 void keep(kept *k, const dot_call *call, int64_t p, __m256 sum[ROWS][2])
{
    store(k->scores + k->n * TILE, sum);
    k->first[k->n] = (int32_t)(call->first + p * WIDTH);
    k->n += may_hit(sum, call->lists);
}

/* Passes the hits of all kept tiles to the users' lists. */
TARGET_AVX2 static void pass_on(const kept *k, const dot_call *call)
{
    dot_hits words[PANELS_MOST * WORDS + 1];
    int64_t n = 0;
    for (int64_t t = 0; t < k->n; t++) n = note(words, n, k->scores + t * TILE, call->lists, k->first[t]);
    recsys__cpu_dot_collect(words, n, WIDTH, call->rule);
}

TARGET_AVX2 static void rank_avx2(const dot_call *call)
{
    kept k;
    const float *panel = call->panels;
    k.n = 0;
    for (int64_t p = 0; p < call->n_panels; p++, panel += call->dim * WIDTH) {
        __m256 sum[ROWS][2];
        fetch(call, p);
        product(sum, call->users, panel, call->dim);
        keep(&k, call, p, sum);
    }
    pass_on(&k, call);
}

TARGET_AVX2 static void rank_coarse_avx2(const dot_call *call)
{
    kept k;
    const int16_t *panel = call->panels;
    int64_t pairs = coarse_pairs(call->dim);
    k.n = 0;
    for (int64_t p = 0; p < call->n_panels; p++, panel += pairs * 2 * WIDTH) {
        __m256 sum[ROWS][2];
        fetch(call, p);
        coarse_product(sum, call->users, panel, pairs);
        keep(&k, call, p, sum);
    }
    pass_on(&k, call);
}

/* ---- scores at given items ---- */

/* Chains side by side, as one alone would wait for each of its sums; rows that are fetched ahead, and bytes of them:
 * lists of items are all over the catalogue. */
enum { CHAINS = 8, BYTES_AHEAD = 512 };

INLINE_AVX2 const float *row(const float *items, const int32_t *item, int64_t e, int64_t D)
{
    return items + (item ? item[e] : e) * D;
}

TARGET_AVX2 void recsys__cpu_dot_scores_at_avx2(float *out, const float *user, const float *items, const int32_t *item,
                                                int64_t n, int64_t D)
{
    int64_t bytes = D * 4 < BYTES_AHEAD ? D * 4 : BYTES_AHEAD, e = 0;
    for (; e + CHAINS <= n; e += CHAINS) {
        const float *v[CHAINS];
        float sum[CHAINS] = { 0.0f };
        for (int j = 0; j < CHAINS; j++) {
            v[j] = row(items, item, e + j, D);
            const char *ahead = (const char *)row(items, item, e + j + CHAINS < n ? e + j + CHAINS : e, D);
            for (int64_t line = 0; line < bytes; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T0);
        }
        for (int64_t k = 0; k < D; k++) {
#pragma GCC unroll 8
            for (int j = 0; j < CHAINS; j++) sum[j] = fmaf(user[k], v[j][k], sum[j]);
        }
        for (int j = 0; j < CHAINS; j++) out[e + j] = sum[j];
    }
    for (; e < n; e++) {
        const float *v = row(items, item, e, D);
        float sum = 0.0f;
        for (int64_t k = 0; k < D; k++) sum = fmaf(user[k], v[k], sum);
        out[e] = sum;
    }
}

const dot_tile *recsys__cpu_dot_avx2(void)
{
    static const dot_tile avx2 = {
        .name = "avx2",
        .rows = ROWS,
        .width = WIDTH,
        .panels_most = PANELS_MOST,
        .rank = rank_avx2,
        .rank_coarse = rank_coarse_avx2,
        .scores = scores_avx2,
        .scores_at = recsys__cpu_dot_scores_at_avx2,
    };
    return &avx2;
}
#else
const dot_tile *recsys__cpu_dot_avx2(void)
{
    return NULL;
}
#endif
