/* bits.h - a set of items as bits: small enough for the nearest cache where a byte for each item is not.
 *
 * A set of n items has bits_words(n) words; what the bits beyond n hold is up to the user of the set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_BITS_H
#define EVAL_BITS_H

#include <stdint.h>
#include <string.h>

static inline int64_t bits_words(int64_t n) { return n / 64 + 1; }
static inline int bits_has(const uint64_t *set, int64_t i) { return (int)(set[i / 64] >> (i % 64) & 1); }
static inline void bits_add(uint64_t *set, int64_t i) { set[i / 64] |= UINT64_C(1) << (i % 64); }
static inline void bits_remove(uint64_t *set, int64_t i) { set[i / 64] &= ~(UINT64_C(1) << (i % 64)); }
static inline int64_t bits_count(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int64_t)(word * UINT64_C(0x0101010101010101) >> 56);
}
static inline void bits_copy(uint64_t *to, const uint64_t *from, int64_t n)
{
    memcpy(to, from, (size_t)bits_words(n) * sizeof *to);
}

#endif
