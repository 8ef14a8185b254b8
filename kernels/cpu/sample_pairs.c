/* sample_pairs.c - the sample_pairs kernel: blocks of 64 samples, each step for all of a block before the next.
 *
 * A sample is a chain of look-ups: its number, the user at that event, where the user's known items begin, those items. Done
 * for one sample after the other each would wait for memory; done step by step for a block the waits overlap.
 * Lost: negatives found by drawing again while known: for users with few items as fast, for others without bound.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/sample_pairs.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/negatives.h"
#include "kernels/cpu/vec/vec.h"

/* Batches from this size on are shared between threads; below, starting them costs more than they save. */
enum { SHARED_FROM = 1024 };

size_t recsys__cpu_sample_pairs_workspace(const op_sample_pairs *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* Samples b0 to b0 + count - 1 of the batch, at most SAMPLE_BLOCK. */
static void sample_block(const op_sample_pairs *o, int64_t b0, int64_t count, int32_t simd)
{
    const uint64_t P = (uint64_t)o->n_positives;
    const uint64_t n = o->negatives.per_positive > 1 ? (uint64_t)o->negatives.per_positive : 1;
    uint64_t sample[SAMPLE_BLOCK], positive[SAMPLE_BLOCK];
    negative_block negative = { .count = 0 };
    recsys__cpu_permute(o->in_order ? NULL : &o->order, o->position + b0, count, sample, simd);
    for (int64_t k = 0; k < count; k++) {
        uint64_t beyond = sample[k] - P; /* meaningless for positives */
        positive[k] = sample[k] < P ? sample[k] : n == 1 ? beyond : beyond / n;
    }
    for (int64_t k = 0; k < count; k++) {
        int is_negative = sample[k] >= P;
        int32_t u = o->user[positive[k]];
        o->users[b0 + k] = u;
        o->items[b0 + k] = o->item[is_negative ? 0 : positive[k]]; /* negatives: any, to be replaced */
        o->labels[b0 + k] = is_negative ? 0.0f : 1.0f;
        negative.to[negative.count] = b0 + k;
        negative.number[negative.count] = sample[k];
        negative.user[negative.count] = u;
        negative.count += is_negative; /* no branch: it would be guessed wrong every other time */
    }
    if (o->clean)
        for (int64_t k = 0; k < count; k++) o->clean[b0 + k] = sample[k] < P ? o->flag[positive[k]] : 2;
    if (negative.count > 0) recsys__cpu_draw_negatives(&o->negatives, &negative, o->items, simd);
}

recsys_status recsys__cpu_sample_pairs(op_context *c, const op_sample_pairs *o)
{
    const int32_t simd = recsys__cpu_simd(c->simd);
    const int64_t blocks = (o->count + SAMPLE_BLOCK - 1) / SAMPLE_BLOCK;
    c->rung = simd >= SIMD_AVX2 ? "avx2" : "plain";
    if (o->count < SHARED_FROM || c->threads == 1) {
        for (int64_t b0 = 0; b0 < o->count; b0 += SAMPLE_BLOCK)
            sample_block(o, b0, o->count - b0 < SAMPLE_BLOCK ? o->count - b0 : SAMPLE_BLOCK, simd);
        return RECSYS_OK;
    }
#pragma omp parallel for num_threads(c->threads) schedule(static)
    for (int64_t block = 0; block < blocks; block++) {
        int64_t b0 = block * SAMPLE_BLOCK;
        sample_block(o, b0, o->count - b0 < SAMPLE_BLOCK ? o->count - b0 : SAMPLE_BLOCK, simd);
    }
    return RECSYS_OK;
}
