/* spmm_rows.h - some rows of a sparse product: Z_s = A_row(s) X for s = 0..S-1. A: CSR, X: M x D, Z: room for n x D.
 * row[0..S-1] are rows of A and ascend; S is known on the device alone, S <= n. Rows of Z from S on are left as they were.
 * Z overlaps nothing. A row without entries gives zeros.
 * Order, bits and bound: those of spmm.h. Cost: without reuse 8 E_S + 4 (E_S + S) D bytes, over the E_S entries of these rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SPMM_ROWS_H
#define BACKEND_OP_SPMM_ROWS_H

#include "backend/backend.h"

typedef struct op_spmm_rows {
    struct op op;
    int64_t most, dim;      /* n, D */
    const int32_t *n_rows;  /* 1: S */
    const int32_t *row;     /* S */
    const int64_t *row_ptr; /* of A */
    const int32_t *column;
    const float *value;     /* NULL: 1 everywhere */
    const float *x;         /* M x D */
    float *z;               /* n x D */
} op_spmm_rows;

#endif
