/* dot_rank_avx512.c - inner-product kernels for AVX-512: tiles of 12 users x 32 items.
 *
 * As dot_rank_avx2.c, with 24 sums and two vectors of items in 26 of the 32 registers; user values are broadcast by the
 * multiply-add itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <immintrin.h>
#include <math.h>

enum { ROWS = 12, WIDTH = 32, TILE = ROWS * WIDTH, WORDS = (TILE + 63) / 64 };

/* Panels of a call: the tiles it may keep have to leave room for panels in the first-level cache. */
enum { PANELS_MOST = 8 };

#define INLINE_AVX512 __attribute__((always_inline)) TARGET_AVX512 static inline

/* Sums of one tile, sum[r][v] for user r and items 16 v..16 v + 15. Inlined, or they would go through memory. */
INLINE_AVX512 void product(__m512 sum[ROWS][2], const float *users, const float *panel, int64_t D)
{
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (int64_t k = 0; k < D; k++, users += ROWS, panel += WIDTH) {
        __m512 v0 = _mm512_loadu_ps(panel), v1 = _mm512_loadu_ps(panel + 16);
#pragma GCC unroll 12
        for (int r = 0; r < ROWS; r++) {
            __m512 u = _mm512_set1_ps(users[r]);
            sum[r][0] = _mm512_fmadd_ps(u, v0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_ps(u, v1, sum[r][1]);
        }
    }
}

INLINE_AVX512 void store(float *out, __m512 sum[ROWS][2])
{
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) {
        _mm512_storeu_ps(out + r * WIDTH, sum[r][0]);
        _mm512_storeu_ps(out + r * WIDTH + 16, sum[r][1]);
    }
}

TARGET_AVX512 static void scores_avx512(float *out, const float *users, const float *panel, int64_t D)
{
    __m512 sum[ROWS][2];
    product(sum, users, panel, D);
    store(out, sum);
}

/* ---- ranking ---- */

/* 1 if a sum may reach its user's floor: never 0 when one does. The greater of two sums is NaN if the second is, which
 * counts as a hit here: a NaN must not hide its neighbour. */
INLINE_AVX512 int may_hit(__m512 sum[ROWS][2], const shortlist *lists)
{
    uint32_t any = 0;
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++)
        any |= _mm512_cmp_ps_mask(_mm512_max_ps(sum[r][0], sum[r][1]), _mm512_set1_ps(lists[r].floor), _CMP_NLT_UQ);
    return any != 0;
}

/* Notes which scores of a kept tile reach their user's floor: word w has users 2 w and 2 w + 1. Returns the new number of
 * words, of which those without a hit are none. */
INLINE_AVX512 int64_t note(dot_hits *words, int64_t n, const float *scores, shortlist *lists, int32_t first)
{
    uint64_t bits[WORDS] = { 0 };
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) {
        __m512 floor = _mm512_set1_ps(lists[r].floor);
        uint64_t low = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + r * WIDTH), floor, _CMP_GE_OQ);
        uint64_t high = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + r * WIDTH + 16), floor, _CMP_GE_OQ);
        bits[r * WIDTH / 64] |= (low | high << 16) << (r * WIDTH % 64);
    }
#pragma GCC unroll 6
    for (int w = 0; w < WORDS; w++) {
        words[n] = (dot_hits){ bits[w], scores + 64 * w, lists + 64 / WIDTH * w, first };
        n += bits[w] != 0;
    }
    return n;
}

TARGET_AVX512 static void rank_avx512(shortlist *lists, const shortlist_rule *rule, const float *users,
                                      const float *panels, int64_t n_panels, int64_t D, int64_t first,
                                      const float *ahead, int64_t share)
{
    float kept[PANELS_MOST * TILE];
    int32_t kept_first[PANELS_MOST];
    dot_hits words[PANELS_MOST * WORDS + 1];
    int64_t n_kept = 0, n = 0;
    for (int64_t p = 0; p < n_panels; p++) {
        __m512 sum[ROWS][2];
        for (int64_t c = 0; c < share; c += 16) _mm_prefetch((const char *)(ahead + p * share + c), _MM_HINT_T1);
        product(sum, users, panels + p * D * WIDTH, D);
        store(kept + n_kept * TILE, sum);
        kept_first[n_kept] = (int32_t)(first + p * WIDTH);
        n_kept += may_hit(sum, lists);
    }
    for (int64_t t = 0; t < n_kept; t++) n = note(words, n, kept + t * TILE, lists, kept_first[t]);
    recsys__cpu_dot_collect(words, n, WIDTH, rule);
}

/* Scores at given items wait for memory, not for arithmetic: they are taken from AVX2. */
const dot_tile *recsys__cpu_dot_avx512(void)
{
    static const dot_tile avx512 = {
        .name = "avx512",
        .rows = ROWS,
        .width = WIDTH,
        .panels_most = PANELS_MOST,
        .rank = rank_avx512,
        .scores = scores_avx512,
        .scores_at = recsys__cpu_dot_scores_at_avx2,
    };
    return &avx512;
}
#else
const dot_tile *recsys__cpu_dot_avx512(void)
{
    return NULL;
}
#endif
