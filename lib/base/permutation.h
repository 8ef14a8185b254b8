/* permutation.h - a shuffle of 0..n-1 that is computed position by position and not stored.
 *
 * The domain is a x 2^k, with 2^k the power of two just below or at sqrt(n) and a the least number that makes it hold n. x is
 * split into its k low bits and the rest; each round adds a keyed hash of one part to the other, modulo that other's size, so
 * that it can be undone: a Feistel network. Values from n on are sent round again until they fall below n ("cycle walking"),
 * which is a permutation of what is left. Of n values at most about sqrt(n) are.
 * Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002. This is a shuffle, not a cipher: nothing is
 * hidden from someone who wants to find the key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PERMUTATION_H
#define BASE_PERMUTATION_H

#include <stdint.h>

#include "base/part_of_caller.h"

/* Rounds for n up to PERMUTATION_SMALL, and above: with 8 the orders of five elements are not equally frequent. */
enum { PERMUTATION_ROUNDS = 12, PERMUTATION_ROUNDS_LARGE = 8, PERMUTATION_SMALL = 4096 };

/* A value without pointers: it can be handed to a device. */
typedef struct permutation {
    int64_t n;
    uint32_t low_bits; /* k, at most 31 */
    uint32_t high;     /* a, at most 2^31 */
    int32_t rounds;
    uint32_t key[PERMUTATION_ROUNDS];
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
} permutation;

/* The permutation number `index` of 0..n-1, n in 1 to 2^62, keyed by draws of (seed, stream, step) as in base/random.h.
 * index below 2^62. */
permutation recsys__permutation(int64_t n, uint64_t seed, uint32_t stream, uint64_t step, uint64_t index);

/* Where position x in 0..n-1 goes to. */
int64_t recsys__permute(const permutation *p, int64_t x);

/* ---- for the kernels of every device ---- */

/* Spreads 32 bits over the high bits of 32, one to one. */
PART_OF_CALLER uint32_t permutation_hash(uint32_t x)
{
    x *= 0x7feb352du;
    x ^= x >> 15;
    return x * 0x846ca68bu;
}

/* Half a round: what becomes of one part, of so many values, when the other is `other`. */
PART_OF_CALLER uint32_t permutation_step(uint32_t part, uint32_t size, uint32_t other, uint32_t key)
{
    uint32_t sum = part + (uint32_t)((uint64_t)permutation_hash(other + key) * size >> 32);
    return sum >= size ? sum - size : sum;
}

/* Once through all rounds, within the domain: the result may be n or more. */
PART_OF_CALLER uint64_t permutation_pass(const permutation *p, uint64_t x)
{
    const uint32_t low_size = 1u << p->low_bits;
    uint32_t low = (uint32_t)x & (low_size - 1), high = (uint32_t)(x >> p->low_bits);
    for (int round = 0; round < p->rounds; round += 2) {
        high = permutation_step(high, p->high, low, p->key[round]);
        low = permutation_step(low, low_size, high, p->key[round + 1]);
    }
    return (uint64_t)high << p->low_bits | low;
}

/* Where position x goes to. */
PART_OF_CALLER int64_t permutation_at(const permutation *p, int64_t x)
{
    uint64_t to = (uint64_t)x;
    do to = permutation_pass(p, to);
    while (to >= (uint64_t)p->n);
    return (int64_t)to;
}

#endif
