/* sample_items.h - N items drawn independently of each other, by weight or uniformly.
 *
 * Draw k takes r, the first two words (word 1 above word 0) of recsys__random4(seed, stream, epoch, first + k); r I / 2^64 has
 * a whole part s and a fraction. Uniform (alias NULL): item s. By weight: item s if the first 32 bits of the fraction are below
 * threshold_s, else alias_s (train/alias.h). The bias is below I 2^-64, or that of the table.
 * Overlap: none. Bits: integers, same for all threads. Cost: some 60 instructions a draw.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SAMPLE_ITEMS_H
#define BACKEND_OP_SAMPLE_ITEMS_H

#include "backend/backend.h"

typedef struct op_sample_items {
    struct op op;
    int64_t count, n_items;    /* N, I; I at least 1 and below 2^31 */
    uint64_t seed, epoch;
    uint64_t first;            /* index of draw 0 */
    uint32_t stream;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    const uint32_t *threshold; /* I */
    const int32_t *alias;      /* I; NULL: uniform */
    int32_t *items;            /* out, N */
} op_sample_items;

#endif
