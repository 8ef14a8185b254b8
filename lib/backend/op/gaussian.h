/* gaussian.h - X_i = a standard normal number for each i: a pure function of (seed, stream, step, i).
 * Numbers 4 j to 4 j + 3 come from the four words of draw j (base/random.h), two by two by Box and Muller:
 * sqrt(-2 log a) (cos 2 pi b, sin 2 pi b) with a = (top 24 bits + 1/2) 2^-24, b alike, in float. No number exceeds 6 in size.
 * Bits: same for all threads. Cost: one draw and some 60 flops for four numbers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GAUSSIAN_H
#define BACKEND_OP_GAUSSIAN_H

#include "backend/backend.h"

typedef struct op_gaussian {
    struct op op;
    uint64_t seed, step;
    uint32_t stream; /* RANDOM_* */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    int64_t count;
    float *out;
} op_gaussian;

#endif
