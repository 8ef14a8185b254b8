/* spmm.h - Y = A X. A: CSR N x M with E entries, X: M x D, Y: N x D; row-major float32, columns int32.
 * Y overlaps nothing. A row without entries gives zeros. NaN in X reaches only rows that have an entry for it.
 * Order: fmaf chain from 0 over the entries of a row as stored. Bits: same for all threads and SIMD widths.
 * Bound: abs(err of y[n, c]) <= E_n * 2^-24 * sum abs(value * x), over the E_n entries of row n.
 * Gradient: gX = A' gY: the same product with the transposed matrix where that is kept, else a row gradient
 * (backend/row_gradient.h); none for the values.
 * Rows are dealt out by their entries; one row is summed by one thread.
 * Cost: 2 E D flops; least 8 E + 4 (M + N) D bytes, without reuse 8 E + 4 (E + N) D.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SPMM_H
#define BACKEND_OP_SPMM_H

#include "backend/backend.h"

typedef struct op_spmm {
    struct op op;
    int64_t n_rows, dim, n_entries; /* N, D, E */
    const int64_t *row_ptr;         /* N + 1; starts at 0 and ends at E */
    const int32_t *column;          /* E, each a row of X */
    const float *value;             /* E; NULL: 1 everywhere */
    const float *x;                 /* M x D */
    float *y;                       /* N x D */
} op_spmm;

#endif
