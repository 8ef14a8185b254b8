/* truncated_svd.h - the leading right singular vectors of a sparse matrix.
 *
 * A is M x N with E entries, k vectors are wanted and k <= l <= min(M, N) directions worked on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TRUNCATED_SVD_H
#define MODEL_TRUNCATED_SVD_H

#include "data/dataset.h"

typedef struct truncated_svd {
    const csr *by_row, *by_column;          /* the pattern of A and of A', host memory; their values do not count */
    const float *row_value, *column_value;  /* the values of both, host memory */
    int64_t k, l, rounds;                   /* rounds: power iterations */
} truncated_svd;

/* V (N x k) and the singular values (k), descending, in device memory that the caller frees. Directions without energy are
 * zeros; the element of largest absolute value of each vector, the first of equals, is positive. Starts from the exec's
 * seed. */
recsys_status recsys__truncated_svd(recsys_exec *x, const truncated_svd *t, float **V, float **values);

/* Most bytes it holds, the result included, and what it computes. */
int64_t recsys__truncated_svd_bytes(recsys_exec *x, int64_t M, int64_t N, int64_t E, int64_t k, int64_t l);
double recsys__truncated_svd_flops(int64_t M, int64_t N, int64_t E, int64_t l, int64_t rounds);

#endif
