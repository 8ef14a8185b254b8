/* product.cu - a matrix product by cuBLAS; see product.h.
 *
 * cuBLAS works by columns: what it takes for B' A' by columns is A B by rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/product.h"

/* Of a row, at least the 1 that cuBLAS wants even where there is nothing in it. */
static int length(int64_t given)
{
    return given > 0 ? (int)given : 1;
}

recsys_status cuda_product(op_context *c, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                           const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *out, int64_t ldc)
{
    const int64_t most = INT32_MAX;
    if (m > most || n > most || k > most || lda > most || ldb > most || ldc > most)
        return cuda_fail(c->error, RECSYS_ERR_TOO_LARGE, "a product of %lld x %lld by %lld x %lld has a side beyond 2^31 - 1",
                         (long long)m, (long long)k, (long long)k, (long long)n);
    if (m == 0 || n == 0) return RECSYS_OK;
    cublasHandle_t blas;
    TRY(cuda_blas(c, &blas));
    cublasOperation_t op_a = transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    return cublas_ok(c->error, cublasSgemm(blas, op_b, op_a, (int)n, (int)m, (int)k, &alpha, b, length(ldb), a, length(lda),
                                           &beta,
                                           out, length(ldc)));
}
