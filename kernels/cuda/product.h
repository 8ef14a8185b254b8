/* product.h - a matrix product by cuBLAS, by rows as everything here is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_PRODUCT_H
#define KERNELS_CUDA_PRODUCT_H

#include "kernels/cuda/cuda.h"

/* C = alpha op(A) op(B) + beta C. op(A): M x K, op(B): K x N, C: M x N, row-major with row lengths lda, ldb, ldc. K = 0 scales
 * C, with beta = 0 to zeros. ERR_TOO_LARGE for sides and row lengths beyond 2^31 - 1. */
recsys_status cuda_product(op_context *c, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                           const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *out, int64_t ldc);

#endif
