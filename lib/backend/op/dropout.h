/* dropout.h - y_i = 0 with probability p, else x_i / (1 - p), for each of n elements. float32; y may be x.
 * Element i draws word i mod 4 of recsys__random4(seed, stream, step, i / 4) and is dropped if the word is below p * 2^32:
 * the mask is a pure function of these numbers, so the gradient is the same operation on gy. The factor is the float nearest to
 * 1 / (1 - p). A dropped element is +0 whatever it was; NaN that stays is NaN.
 * Bits: same for all threads, rungs and devices. Cost: 8 n bytes and n / 4 draws.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_DROPOUT_H
#define BACKEND_OP_DROPOUT_H

#include "backend/backend.h"

/* Places of a model draw from streams this far apart, so that they meet no other stream of base/random.h. */
enum { DROPOUT_STREAMS = 32, DROPOUT_MAX_PLACE = 2046 };

typedef struct op_dropout {
    struct op op;
    int64_t n;
    float p; /* in [0, 1) */
    uint32_t stream;
    uint64_t seed, step;
    const float *x;
    float *y;
} op_dropout;

#endif
