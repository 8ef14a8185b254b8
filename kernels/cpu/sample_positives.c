/* sample_positives.c - the sample_positives kernel: blocks of 64 rows, each step for all of a block before the next, so that
 * the waits of their look-ups overlap.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/sample_positives.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/negatives.h"
#include "kernels/cpu/vec/vec.h"

/* Batches with so many rows and negatives are shared between threads; below, starting them costs more than they save. */
enum { SHARED_FROM = 1024 };

size_t recsys__cpu_sample_positives_workspace(const op_sample_positives *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* Rows b0 to b0 + count - 1 of the batch, at most SAMPLE_BLOCK. */
static void sample_block(const op_sample_positives *o, int64_t b0, int64_t count, int32_t simd)
{
    const int64_t n = o->negatives.per_positive;
    uint64_t positive[SAMPLE_BLOCK];
    negative_block block = { .count = 0 };
    recsys__cpu_permute(o->in_order ? NULL : &o->order, o->position + b0, count, positive, simd);
    for (int64_t k = 0; k < count; k++) {
        o->users[b0 + k] = o->user[positive[k]];
        o->items[b0 + k] = o->item[positive[k]];
    }
    for (int64_t k = 0; k < count * n; k++) {
        int64_t row = k / n;
        block.to[block.count] = b0 * n + k;
        block.number[block.count] = (uint64_t)o->n_positives + positive[row] * (uint64_t)n + (uint64_t)(k - row * n);
        block.user[block.count] = o->users[b0 + row];
        if (++block.count == SAMPLE_BLOCK) recsys__cpu_draw_negatives(&o->negatives, &block, o->drawn, simd);
    }
    if (block.count > 0) recsys__cpu_draw_negatives(&o->negatives, &block, o->drawn, simd);
}

recsys_status recsys__cpu_sample_positives(op_context *c, const op_sample_positives *o)
{
    const int32_t simd = recsys__cpu_simd(c->simd);
    const int64_t blocks = (o->count + SAMPLE_BLOCK - 1) / SAMPLE_BLOCK;
    c->rung = simd >= SIMD_AVX2 ? "avx2" : "plain";
    if (o->count * (1 + o->negatives.per_positive) < SHARED_FROM || c->threads == 1) {
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
