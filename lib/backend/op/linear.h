/* linear.h - Y = f(X W' + b). X: B x D; W: H x D; b: H or none; Y: B x H; row-major float32.
 * Y overlaps nothing. f is a function of backend/op/map.h; D = 0 gives f(b).
 * Bits: those of matmul, then one addition, then f as map does it: same for all threads.
 * Bound: the sum as in matmul.h with one more term for b; f adds what map.h says.
 * Cost: 2 B D H flops; least 4 (B D + H D + B H) bytes: the sums are in cache when b and f follow.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_LINEAR_H
#define BACKEND_OP_LINEAR_H

#include "backend/backend.h"

typedef struct op_linear {
    struct op op;
    int64_t rows, dim, width; /* B, D, H */
    const float *x, *w;
    const float *b; /* NULL: none */
    int32_t f;      /* FN_* */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    float *y;
} op_linear;

#endif
