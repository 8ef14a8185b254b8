/* map.h - y = f(x) for each of n elements, and the functions f. float32; y may be x.
 *
 *   FN_IDENTITY x              FN_SIGMOID 1 / (1 + exp(-x))     FN_SQUARE x^2
 *   FN_RELU max(x, 0)          FN_TANH    tanh(x)               FN_EXP    exp(x)
 *   FN_LEAKY_RELU x or x / 10  FN_SOFTPLUS log(1 + exp(x))      FN_LOG    log(x), -inf at 0, NaN below
 *
 * NaN gives NaN for every f; a zero of the ReLUs is +0. Bits: same for all threads and rungs.
 * Bound, relative to the true value: 4 * 2^-24 where that is a normal number, else 2^-149 absolute (rounding of subnormals).
 * Cost: 8 n bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_MAP_H
#define BACKEND_OP_MAP_H

#include "backend/backend.h"

/* Functions of one element. */
enum { FN_IDENTITY, FN_RELU, FN_SIGMOID, FN_TANH, FN_SOFTPLUS, FN_SQUARE, FN_EXP, FN_LOG, FN_LEAKY_RELU, FN_COUNT };

typedef struct op_map {
    struct op op;
    int64_t n;
    int32_t f; /* FN_* */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    const float *x;
    float *y;
} op_map;

/* 1 if f'(x) is had from x, 0 if from y = f(x). */
static inline int map_gradient_from_x(int32_t f)
{
    return f == FN_SQUARE || f == FN_LOG;
}

#endif
