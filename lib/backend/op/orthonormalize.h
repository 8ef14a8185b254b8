/* orthonormalize.h - X becomes X T, T upper triangular, with orthonormal columns: Cholesky QR. X: M x N, row-major float32.
 * G = X'X in double, scaled to a unit diagonal, = L L'; T = D L'^-1. A column whose part outside the span of those before it
 * has less than 2^-20 of its length (rounding errors and nothing else) becomes zeros and counts in nothing that follows. So X
 * may have any rank, M < N included; the columns that are left span what X spans. ERR_NUMERIC if X is not finite.
 * `least`: the least such share among all columns in the first pass, 0 if one became zeros: how far X was from losing digits.
 * `passes` 2 does all of it twice: after the first pass abs(X'X - 1) is up to about 2^-24 N k, k the condition of the columns
 * scaled to length 1; after the second it is about 2^-24 N where k was below 2^20.
 * Order: rows are cut by M and N alone, BLAS at width 1 in each part, parts added as they ascend. Bits: same for all threads.
 * Cost: 2 M N^2 flops in each pass, half of them in double; N^3; reads X twice and writes it once.
 * Workspace: some N x N doubles (up to 8 + 2), and 256 rows of doubles for each thread.
 * Lost: Householder QR (half of it is bound by memory, on one thread); a Gram matrix in float (columns are taken for dependent
 * on each other from a share of 2^-10 on).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ORTHONORMALIZE_H
#define BACKEND_OP_ORTHONORMALIZE_H

#include "backend/backend.h"

typedef struct op_orthonormalize {
    struct op op;
    int64_t m, n;
    int32_t passes; /* 1 or 2 */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    float *x;       /* M x N, in and out */
    float *least;   /* 1, out */
} op_orthonormalize;

#endif
