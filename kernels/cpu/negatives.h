/* negatives.h - drawing negatives in blocks, for the kernels that sample.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_NEGATIVES_H
#define KERNELS_CPU_NEGATIVES_H

#include "backend/negatives.h"
#include "base/permutation.h"

/* Samples of a block: what is loaded for one of them is fetched from memory while the others are prepared. */
enum { SAMPLE_BLOCK = 64 };

/* Negatives waiting to be drawn: for user[k] the one with this number, to go to item[to[k]]. Room for padding by vectors. */
typedef struct negative_block {
    int64_t count;
    int64_t to[SAMPLE_BLOCK];
    uint64_t number[SAMPLE_BLOCK];
    int32_t user[SAMPLE_BLOCK];
} negative_block;

/* Draws them all and empties the block. `simd`: a rung that the processor has. */
void recsys__cpu_draw_negatives(const negatives *g, negative_block *block, int32_t *item, int32_t simd);

/* to[k] = recsys__permute(p, first + k) for k = 0..count-1, at most SAMPLE_BLOCK; first + k itself if p is NULL. */
void recsys__cpu_permute(const permutation *p, int64_t first, int64_t count, uint64_t *to, int32_t simd);

#endif
