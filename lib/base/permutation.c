/* permutation.c - keys of a computed shuffle, and one position of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/permutation.h"

#include "base/random.h"

permutation recsys__permutation(int64_t n, uint64_t seed, uint32_t stream, uint64_t step, uint64_t index)
{
    permutation p = { .n = n, .rounds = n <= PERMUTATION_SMALL ? PERMUTATION_ROUNDS : PERMUTATION_ROUNDS_LARGE };
    uint64_t last = (uint64_t)n - 1;
    uint32_t bits = 0;
    while (last >> bits > 0) bits++;
    p.low_bits = bits / 2;
    p.high = (uint32_t)(last >> p.low_bits) + 1;
    for (uint64_t part = 0; part < PERMUTATION_ROUNDS / 4; part++)
        recsys__random4(seed, stream, step, index * (PERMUTATION_ROUNDS / 4) + part, p.key + 4 * part);
    return p;
}

int64_t recsys__permute(const permutation *p, int64_t x)
{
    return permutation_at(p, x);
}
