/* philox.h - Philox4x32-10: ten rounds of multiply and xor on a counter. The words of base/random.h, on every device.
 *
 * Counter words: index (0, 1), step (2 and the low half of 3), stream (the high half of 3). Key words: the seed.
 * So for streams below 2^16 and steps below 2^48 no two draws of a seed share a counter.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PHILOX_H
#define BASE_PHILOX_H

#include <stdint.h>

#include "base/part_of_caller.h"

PART_OF_CALLER void philox4(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index, uint32_t out[4])
{
    const uint32_t multiply_0 = 0xD2511F53u, multiply_1 = 0xCD9E8D57u;
    const uint32_t weyl_0 = 0x9E3779B9u, weyl_1 = 0xBB67AE85u; /* golden ratio, sqrt(3) - 1 */
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
    uint32_t c2 = (uint32_t)step, c3 = (stream << 16) ^ (uint32_t)(step >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)multiply_0 * c0, p1 = (uint64_t)multiply_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += weyl_0;
        k1 += weyl_1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

PART_OF_CALLER uint64_t philox_u64(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index)
{
    uint32_t word[4];
    philox4(seed, stream, step, index, word);
    return (uint64_t)word[1] << 32 | word[0];
}

/* Uniform in [0, 1), 53 bits. */
PART_OF_CALLER double philox_unit(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index)
{
    return (double)(philox_u64(seed, stream, step, index) >> 11) * 0x1p-53;
}

/* floor(r n / 2^64): the high half of a 64 x 64 bit product. */
PART_OF_CALLER int64_t philox_scale(uint64_t r, int64_t n)
{
    uint64_t m = (uint64_t)n;
    uint64_t r0 = (uint32_t)r, r1 = r >> 32, m0 = (uint32_t)m, m1 = m >> 32;
    uint64_t middle = r1 * m0 + (r0 * m0 >> 32);
    uint64_t other = r0 * m1 + (uint32_t)middle;
    return (int64_t)(r1 * m1 + (middle >> 32) + (other >> 32));
}

#endif
