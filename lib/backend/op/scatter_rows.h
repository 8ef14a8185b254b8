/* scatter_rows.h - G = the row gradient as a dense array: g_r where an entry looks at row r, zeros in every other row.
 * backend/row_gradient.h says what g_r is. N rows, D columns, E entries. G overlaps nothing.
 * Rows of the index are below N.
 * Order: fmaf chain from 0 over the entries of a row in ascending e, then times scale. A row is summed by one thread, so
 * one row with most of the entries is summed at the speed of one. Bits: same for all threads and SIMD widths.
 * Bound: abs(err of g[r, c]) <= (E_r + 1) * 2^-24 * abs(scale) * sum abs(weight * source), E_r entries of row r.
 * NaN reaches only rows with an entry that reads it. Cost: 2 E D flops, 4 (N + E) D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SCATTER_ROWS_H
#define BACKEND_OP_SCATTER_ROWS_H

#include "backend/backend.h"
#include "backend/row_gradient.h"

typedef struct op_scatter_rows {
    struct op op;
    int64_t n_rows, dim; /* N, D */
    row_gradient from;
    float *out;          /* N x D */
} op_scatter_rows;

#endif
