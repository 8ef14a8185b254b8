/* dot_rank_avx2.c - inner-product kernels for AVX2 with FMA: tiles of 6 users x 16 items.
 *
 * A tile's 12 sums, two vectors of items and one broadcast user value take 15 of the 16 registers. The sums are compared
 * with the floors while they are in registers, and each tile is stored over the last one unless something in it may have
 * reached a floor. The tiles that are kept are looked at when a call's panels are done. So the loop over panels has no
 * branch that depends on scores: each wrong guess would cost the multiply-adds of some twenty cycles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

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

TARGET_AVX2 static void rank_avx2(shortlist *lists, const shortlist_rule *rule, const float *users,
                                  const float *panels, int64_t n_panels, int64_t D, int64_t first, const float *ahead,
                                  int64_t share)
{
    float kept[PANELS_MOST * TILE];
    int32_t kept_first[PANELS_MOST];
    dot_hits words[PANELS_MOST * WORDS + 1];
    int64_t n_kept = 0, n = 0;
    for (int64_t p = 0; p < n_panels; p++) {
        __m256 sum[ROWS][2];
        for (int64_t c = 0; c < share; c += 16) _mm_prefetch((const char *)(ahead + p * share + c), _MM_HINT_T1);
        product(sum, users, panels + p * D * WIDTH, D);
        store(kept + n_kept * TILE, sum);
        kept_first[n_kept] = (int32_t)(first + p * WIDTH);
        n_kept += may_hit(sum, lists);
    }
    for (int64_t t = 0; t < n_kept; t++) n = note(words, n, kept + t * TILE, lists, kept_first[t]);
    recsys__cpu_dot_collect(words, n, WIDTH, rule);
}

/* ---- scores at given items ---- */

/* Eight chains side by side: one alone would wait for each of its sums. */
TARGET_AVX2 void recsys__cpu_dot_scores_at_avx2(float *out, const float *user, const float *items, const int32_t *item,
                                                int64_t n, int64_t D)
{
    int64_t e = 0;
    for (; e + 8 <= n; e += 8) {
        const float *v[8];
        float sum[8] = { 0.0f };
        for (int j = 0; j < 8; j++) v[j] = items + (item ? item[e + j] : e + j) * D;
        for (int64_t k = 0; k < D; k++) {
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++) sum[j] = fmaf(user[k], v[j][k], sum[j]);
        }
        for (int j = 0; j < 8; j++) out[e + j] = sum[j];
    }
    for (; e < n; e++) {
        const float *v = items + (item ? item[e] : e) * D;
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
