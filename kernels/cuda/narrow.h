/* narrow.h - the narrow products of kernels/shared/narrow.h, with a bias and a function for each number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_NARROW_H
#define KERNELS_CUDA_NARROW_H

#include "kernels/cuda/cuda.h"

/* C = f(op(A) op(B) + bias), bias and f for products without A' only. */
struct narrow_product {
    int64_t m, n, k;
    const float *a, *b;
    int32_t transpose_a, transpose_b;
    const float *bias; /* N; NULL: none */
    int32_t f;         /* FN_* */
    float *c;
};

/* For products of which is_narrow() is true. */
size_t cuda_narrow_workspace(const narrow_product *p);
recsys_status cuda_narrow(op_context *c, const narrow_product *p);

#endif
