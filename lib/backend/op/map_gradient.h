/* map_gradient.h - gx = gy f'(x) for each of n elements; f is one of backend/op/map.h. float32; gx may be gy.
 *
 * f' is had from `at`: x itself for FN_SQUARE (2 x) and FN_LOG (1 / x), else y = f(x): 1, y > 0, y (1 - y), 1 - y^2,
 * 1 - exp(-y) for softplus, y for exp. At the kink of the ReLUs the side of x <= 0 counts. Where `at` is NaN the ReLUs give gy.
 * Bits: same for all threads and rungs. Bound: abs(err) <= 6 * 2^-24 * abs(gy f'(x)), given `at` as it is; a y that was
 * rounded adds abs(gy) times half an ulp of y for sigmoid, softplus and tanh, of which the last twice.
 * Cost: 12 n bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_MAP_GRADIENT_H
#define BACKEND_OP_MAP_GRADIENT_H

#include "backend/backend.h"

typedef struct op_map_gradient {
    struct op op;
    int64_t n;
    int32_t f; /* FN_* */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    const float *at, *gy;
    float *gx;
} op_map_gradient;

#endif
