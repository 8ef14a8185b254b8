/* dot_rank_avx512.c - inner-product kernels for AVX-512: tiles of 12 users x 32 items.
 *
 * As dot_rank_avx2.c, with 24 sums and two vectors of items in 26 of the 32 registers; user values are broadcast by the
 * multiply-add itself.
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

enum { ROWS = 12, WIDTH = 32, TILE = ROWS * WIDTH, WORDS = (TILE + 63) / 64 };

/* Panels of a call: the tiles it may keep have to leave room for panels in the first-level cache. */
enum { PANELS_MOST = 8 };

#define TARGET_VNNI __attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq,avx512vnni")))
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

/* The same of vectors rounded to 16 bits, two columns at a time. Without VNNI this takes two instructions a vector and is
 * no faster than floats. */
__attribute__((always_inline)) TARGET_VNNI static inline void coarse_product(__m512 out[ROWS][2], const int16_t *users,
                                                                             const int16_t *panel, int64_t pairs)
{
    __m512i sum[ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = _mm512_setzero_si512();
    for (int64_t p = 0; p < pairs; p++, users += 2 * ROWS, panel += 2 * WIDTH) {
        __m512i v0 = _mm512_loadu_si512(panel), v1 = _mm512_loadu_si512(panel + 32);
#pragma GCC unroll 12
        for (int r = 0; r < ROWS; r++) {
            int32_t pair;
            memcpy(&pair, users + 2 * r, sizeof pair);
            __m512i u = _mm512_set1_epi32(pair);
            sum[r][0] = _mm512_dpwssd_epi32(sum[r][0], u, v0);
            sum[r][1] = _mm512_dpwssd_epi32(sum[r][1], u, v1);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++) {
        out[r][0] = _mm512_cvtepi32_ps(sum[r][0]);
        out[r][1] = _mm512_cvtepi32_ps(sum[r][1]);
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

/* The tiles of a call in which something may have reached a floor. */
typedef struct kept {
    float scores[PANELS_MOST * TILE];
    int32_t first[PANELS_MOST]; /* positions of their first items */
    int64_t n;
} kept;

/* Begins panel p of a call: fetches its share of what comes next, in the shadow of the arithmetic. */
INLINE_AVX512 void fetch(const dot_call *call, int64_t p)
{
    const char *ahead = call->ahead + p * call->share;
    for (int64_t line = 0; line < call->share; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T1);
}

/* Ends panel p: its tile is kept, or the next one will be stored over it. */
INLINE_AVX512 void keep(kept *k, const dot_call *call, int64_t p, __m512 sum[ROWS][2])
{
    store(k->scores + k->n * TILE, sum);
    k->first[k->n] = (int32_t)(call->first + p * WIDTH);
    k->n += may_hit(sum, call->lists);
}

/* Passes the hits of all kept tiles to the users' lists. */
TARGET_AVX512 static void pass_on(const kept *k, const dot_call *call)
{
    dot_hits words[PANELS_MOST * WORDS + 1];
    int64_t n = 0;
    for (int64_t t = 0; t < k->n; t++) n = note(words, n, k->scores + t * TILE, call->lists, k->first[t]);
    recsys__cpu_dot_collect(words, n, WIDTH, call->rule);
}

TARGET_AVX512 static void rank_avx512(const dot_call *call)
{
    kept k;
    const float *panel = call->panels;
    k.n = 0;
    for (int64_t p = 0; p < call->n_panels; p++, panel += call->dim * WIDTH) {
        __m512 sum[ROWS][2];
        fetch(call, p);
        product(sum, call->users, panel, call->dim);
        keep(&k, call, p, sum);
    }
    pass_on(&k, call);
}

TARGET_VNNI static void rank_coarse_vnni(const dot_call *call)
{
    kept k;
    const int16_t *panel = call->panels;
    int64_t pairs = coarse_pairs(call->dim);
    k.n = 0;
    for (int64_t p = 0; p < call->n_panels; p++, panel += pairs * 2 * WIDTH) {
        __m512 sum[ROWS][2];
        fetch(call, p);
        coarse_product(sum, call->users, panel, pairs);
        keep(&k, call, p, sum);
    }
    pass_on(&k, call);
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
    static const dot_tile vnni = {
        .name = "avx512-vnni",
        .rows = ROWS,
        .width = WIDTH,
        .panels_most = PANELS_MOST,
        .rank = rank_avx512,
        .rank_coarse = rank_coarse_vnni,
        .scores = scores_avx512,
        .scores_at = recsys__cpu_dot_scores_at_avx2,
    };
    return __builtin_cpu_supports("avx512vnni") ? &vnni : &avx512;
}
#else
const dot_tile *recsys__cpu_dot_avx512(void)
{
    return NULL;
}
#endif
