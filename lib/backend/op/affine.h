/* affine.h - y = s x + t for each of n elements, s and t constants. float32; y may be x.
 * Bits: a product and a sum, each rounded, the same everywhere. s = 0 still gives NaN where x is NaN or infinite.
 * Cost: 8 n bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_AFFINE_H
#define BACKEND_OP_AFFINE_H

#include "backend/backend.h"

typedef struct op_affine {
    struct op op;
    int64_t n;
    float s, t;
    const float *x;
    float *y;
} op_affine;

#endif
