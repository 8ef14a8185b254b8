/* gradient_norm.h - the norm of the gradients of a list of parameters, and the factor that clips it.
 *
 * square = sum of squares of all elements of the gradients (row gradients summed by row first, as in backend/op/optimize.h),
 * started from its old value if `add` is 1; norm = sqrt(square); factor = min(1, most / norm), NaN if norm is NaN.
 * Squares are added in double in chunks of a fixed size, the chunks in order: same bits for any number of threads.
 * Bound: abs(err of square) <= 2^-52 * (number of elements) * square, beside the rounding of row sums.
 * Cost: reads every gradient once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GRADIENT_NORM_H
#define BACKEND_OP_GRADIENT_NORM_H

#include "backend/op/optimize.h"

typedef struct op_gradient_norm {
    struct op op;
    double most;          /* what the norm is clipped to, above 0 */
    int32_t add;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    int64_t n_targets;
    optimize_target target[OPTIMIZE_TARGETS]; /* of `table`, only n_rows and dim are looked at */
    double *square, *norm; /* 1 each */
    float *factor;         /* 1 */
} op_gradient_norm;

#endif
