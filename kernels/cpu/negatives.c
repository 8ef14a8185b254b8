/* negatives.c - negatives and permuted positions, a block at a time: the integer work in vectors, the look-ups together.
 *
 * The vector rung is the plain code compiled with AVX2: integers, so the bits are the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/negatives.h"

#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/negatives.h"

/* What is compiled once for each rung. */
#if defined(__GNUC__)
#define FOR_EACH_RUNG __attribute__((always_inline)) static inline
#else
#define FOR_EACH_RUNG static inline
#endif

/* ---- Philox4x32-10 for a block: as base/philox.h, which the tests compare it with ---- */

typedef struct philox {
    uint32_t c0, c1, c2, c3;
} philox;

FOR_EACH_RUNG philox philox_round(philox c, uint32_t k0, uint32_t k1)
{
    uint64_t p0 = (uint64_t)0xD2511F53u * c.c0, p1 = (uint64_t)0xCD9E8D57u * c.c2;
    return (philox){ (uint32_t)(p1 >> 32) ^ c.c1 ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c.c3 ^ k1, (uint32_t)p0 };
}

/* Words of index[k] to word[..][k]. */
FOR_EACH_RUNG void random_words(const negatives *g, const uint64_t *index, int64_t count, uint32_t word[4][SAMPLE_BLOCK])
{
    const uint32_t step_0 = (uint32_t)g->epoch, step_1 = (g->stream << 16) ^ (uint32_t)(g->epoch >> 32);
    const uint32_t k0 = (uint32_t)g->seed, k1 = (uint32_t)(g->seed >> 32);
    uint32_t key[20];
    for (uint32_t round = 0; round < 10; round++) {
        key[2 * round] = k0 + round * 0x9E3779B9u;
        key[2 * round + 1] = k1 + round * 0xBB67AE85u;
    }
#pragma omp simd
    for (int64_t k = 0; k < count; k++) {
        philox c = { (uint32_t)index[k], (uint32_t)(index[k] >> 32), step_0, step_1 };
        c = philox_round(c, key[0], key[1]);
        c = philox_round(c, key[2], key[3]);
        c = philox_round(c, key[4], key[5]);
        c = philox_round(c, key[6], key[7]);
        c = philox_round(c, key[8], key[9]);
        c = philox_round(c, key[10], key[11]);
        c = philox_round(c, key[12], key[13]);
        c = philox_round(c, key[14], key[15]);
        c = philox_round(c, key[16], key[17]);
        c = philox_round(c, key[18], key[19]);
        word[0][k] = c.c0;
        word[1][k] = c.c1;
        word[2][k] = c.c2;
        word[3][k] = c.c3;
    }
}

FOR_EACH_RUNG void two_rounds(uint32_t *restrict low, uint32_t low_size, uint32_t *restrict high, uint32_t high_size,
                              const uint32_t key[2], int64_t count)
{
    const uint32_t key_0 = key[0], key_1 = key[1];
#pragma omp simd
    for (int64_t k = 0; k < count; k++) {
        uint32_t high_k = permutation_step(high[k], high_size, low[k], key_0);
        high[k] = high_k;
        low[k] = permutation_step(low[k], low_size, high_k, key_1);
    }
}

/* permutation_pass() for a block, round by round. */
FOR_EACH_RUNG void passes(const permutation *p, int64_t first, int64_t count, uint64_t *to)
{
    const uint32_t low_size = 1u << p->low_bits, high_size = p->high;
    uint32_t low[SAMPLE_BLOCK], high[SAMPLE_BLOCK];
    for (int64_t k = 0; k < count; k++) {
        low[k] = (uint32_t)(first + k) & (low_size - 1);
        high[k] = (uint32_t)((uint64_t)(first + k) >> p->low_bits);
    }
    for (int round = 0; round < p->rounds; round += 2) two_rounds(low, low_size, high, high_size, p->key + round, count);
    for (int64_t k = 0; k < count; k++) to[k] = (uint64_t)high[k] << p->low_bits | low[k];
}

static void random_words_plain(const negatives *g, const uint64_t *index, int64_t count, uint32_t word[4][SAMPLE_BLOCK])
{
    random_words(g, index, count, word);
}

static void passes_plain(const permutation *p, int64_t first, int64_t count, uint64_t *to)
{
    passes(p, first, count, to);
}

#if VEC_X86
TARGET_AVX2 static void random_words_avx2(const negatives *g, const uint64_t *index, int64_t count,
                                          uint32_t word[4][SAMPLE_BLOCK])
{
    random_words(g, index, count, word);
}

TARGET_AVX2 static void passes_avx2(const permutation *p, int64_t first, int64_t count, uint64_t *to)
{
    passes(p, first, count, to);
}
#else
#define random_words_avx2 random_words_plain
#define passes_avx2 passes_plain
#endif

void recsys__cpu_permute(const permutation *p, int64_t first, int64_t count, uint64_t *to, int32_t simd)
{
    if (!p) {
        for (int64_t k = 0; k < count; k++) to[k] = (uint64_t)(first + k);
        return;
    }
    (simd >= SIMD_AVX2 ? passes_avx2 : passes_plain)(p, first, count, to);
    for (int64_t k = 0; k < count; k++)
        while (to[k] >= (uint64_t)p->n) to[k] = permutation_pass(p, to[k]);
}

void recsys__cpu_draw_negatives(const negatives *g, negative_block *block, int32_t *item, int32_t simd)
{
    uint32_t word[4][SAMPLE_BLOCK];
    const int32_t *known[SAMPLE_BLOCK];
    int64_t d[SAMPLE_BLOCK], n = block->count;
    for (int64_t k = 0; k < n; k++) {
        int64_t begin = g->row_ptr[block->user[k]];
        d[k] = g->row_ptr[block->user[k] + 1] - begin;
        known[k] = g->column + begin;
#if defined(__GNUC__)
        __builtin_prefetch(known[k]);
#endif
    }
    (simd >= SIMD_AVX2 ? random_words_avx2 : random_words_plain)(g, block->number, n, word);
    for (int64_t k = 0; k < n; k++) {
        uint32_t own[4] = { word[0][k], word[1][k], word[2][k], word[3][k] };
        item[block->to[k]] = negative_item(g, known[k], d[k], block->number[k], own);
    }
    block->count = 0;
}
