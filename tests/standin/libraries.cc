/* libraries.cc - cuBLAS of the stand-in: OpenBLAS on one thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <cublas_v2.h>

#include <cblas.h>
#include <omp.h>

/* A BLAS call of width 1, as everything random or threaded in these tests has to have the same bits. */
namespace {
struct narrow {
    int before;
    narrow() : before(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~narrow() { omp_set_num_threads(before); }
};

CBLAS_TRANSPOSE turn(cublasOperation_t t)
{
    return t == CUBLAS_OP_T ? CblasTrans : CblasNoTrans;
}

CBLAS_UPLO half(cublasFillMode_t fill)
{
    return fill == CUBLAS_FILL_MODE_UPPER ? CblasUpper : CblasLower;
}
} // namespace

const char *cublasGetStatusString(cublasStatus_t s)
{
    return s == CUBLAS_STATUS_SUCCESS ? "success" : "failure";
}

cublasStatus_t cublasCreate(cublasHandle_t *h)
{
    *h = static_cast<cublasHandle_t>(malloc(1));
    return *h ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

cublasStatus_t cublasDestroy(cublasHandle_t h)
{
    free(h);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemm(cublasHandle_t, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float *alpha,
                           const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc)
{
    narrow width;
    cblas_sgemm(CblasColMajor, turn(ta), turn(tb), m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSsyrk(cublasHandle_t, cublasFillMode_t fill, cublasOperation_t trans, int n, int k, const float *alpha,
                           const float *a, int lda, const float *beta, float *c, int ldc)
{
    narrow width;
    cblas_ssyrk(CblasColMajor, half(fill), turn(trans), n, k, *alpha, a, lda, *beta, c, ldc);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasStrsm(cublasHandle_t, cublasSideMode_t side, cublasFillMode_t fill, cublasOperation_t trans,
                           cublasDiagType_t diag, int m, int n, const float *alpha, const float *a, int lda, float *b, int ldb)
{
    narrow width;
    cblas_strsm(CblasColMajor, side == CUBLAS_SIDE_LEFT ? CblasLeft : CblasRight, half(fill), turn(trans),
                diag == CUBLAS_DIAG_UNIT ? CblasUnit : CblasNonUnit, m, n, *alpha, a, lda, b, ldb);
    return CUBLAS_STATUS_SUCCESS;
}

/* C = B, then in place, as where C is B. */
cublasStatus_t cublasStrmm(cublasHandle_t, cublasSideMode_t side, cublasFillMode_t fill, cublasOperation_t trans,
                           cublasDiagType_t diag, int m, int n, const float *alpha, const float *a, int lda, const float *b,
                           int ldb,
                           float *c, int ldc)
{
    narrow width;
    for (int j = 0; j < n && c != b; j++)
        for (int i = 0; i < m; i++) c[(long)j * ldc + i] = b[(long)j * ldb + i];
    cblas_strmm(CblasColMajor, side == CUBLAS_SIDE_LEFT ? CblasLeft : CblasRight, half(fill), turn(trans),
                diag == CUBLAS_DIAG_UNIT ? CblasUnit : CblasNonUnit, m, n, *alpha, a, lda, c, ldc);
    return CUBLAS_STATUS_SUCCESS;
}
