/* pull.h - Y = scale (A X + own) + beside: a sparse product whose right side, and what is added, may have few rows.
 *
 * A: CSR N x M. X has M rows, or those of slots: x_slot[m] is the row of `x` that stands for row m, and rows of slot -1 are 0
 * and are not read. own and beside have rows of slots: own_slot[n] is the row of both for row n of Y; -1: nothing is added.
 * Rows of x are x_stride floats apart, those of own and beside own_stride.
 *
 *     y_n = scale * (sum over the entries e of row n of value_e x(column_e) + own(n)) + beside(n)
 *
 * row_ptr NULL: A is 0. own_slot NULL: nothing is added; own or beside NULL: not that one.
 * Order: fmaf chain from 0 over those entries of a row that have a row of x, as stored; then + own; then the product with scale
 * is rounded, or one fmaf with beside. Bits: same for all threads and SIMD widths.
 * Cost: as spmm.h, but only the entries with a row of x cost rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_PULL_H
#define BACKEND_OP_PULL_H

#include "backend/backend.h"

typedef struct op_pull {
    struct op op;
    int64_t n_rows, dim, n_entries; /* N, D, E */
    const int64_t *row_ptr;         /* N + 1 */
    const int32_t *column;          /* E */
    const float *value;             /* E; NULL: 1 everywhere */
    const float *x;
    int64_t x_stride;
    const int32_t *x_slot;          /* M; NULL: row m stands for itself */
    const int32_t *own_slot;        /* N */
    const float *own, *beside;
    int64_t own_stride;
    float scale;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    float *y;                       /* N x D */
} op_pull;

#endif
