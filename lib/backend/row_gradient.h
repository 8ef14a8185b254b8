/* row_gradient.h - gradients of tables of which a step touches few rows.
 *
 * A step reads a table W (N x D) through entries e = 0..E-1, each of which looks at one row. The gradient of row r is then
 *
 *     g_r = scale * sum of weight_e * source[source_row_e] over the entries e that look at r, in ascending e,
 *
 * which covers a plain lookup (source: the gradient of the rows that were read), a sparse product A W (weight: the values
 * of A, source: the gradient of A W) and the fused products of factor models. Rows that nobody reads have no gradient.
 *
 * The index says which entries look at which row. It is made on the device by OP_ROW_INDEX, and how many different rows
 * there are is known on the device alone. E entries, S different rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_ROW_GRADIENT_H
#define BACKEND_ROW_GRADIENT_H

#include <stdint.h>

typedef struct row_index {
    int64_t n_entries; /* E */
    int32_t *n_rows;   /* 1: S */
    int32_t *row;      /* room for E: the S different rows, ascending */
    int32_t *begin;    /* room for E + 1: the entries of row[s] are order[begin[s]..begin[s + 1] - 1] */
    int32_t *order;    /* E: entries by row, ascending within a row; entries of row -1 are in no row */
} row_index;

typedef struct row_gradient {
    row_index index;
    const float *source;       /* rows x D */
    const int32_t *source_row; /* E; NULL: e itself */
    const float *weight;       /* E; NULL: 1 */
    const float *scale;        /* D; NULL: 1 */
} row_gradient;

#endif
