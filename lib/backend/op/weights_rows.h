/* weights_rows.h - chosen rows of B written out in full. I items.
 * From P in serving layout: B_ij = -P_ij / P_jj, B_jj = 0. From sparse weights: their entries, else 0.
 * `rows` may repeat. `out` overlaps nothing.
 * Order: fmaf(-P_ij, r_j, 0) with r_j = 1 / P_jj, both rounded to float. So a row is just what op_history_score gives to
 * a history of that one item with value 1. Bits: same for all threads and rungs; zeros are +0.
 * Bound: abs(err of B_ij) <= 2^-23 abs(B_ij).
 * Cost: for each row I / 4 cache lines read and 4 I bytes written, and once I / 4 lines for the diagonal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_WEIGHTS_ROWS_H
#define BACKEND_OP_WEIGHTS_ROWS_H

#include "backend/backend.h"
#include "backend/item_weights.h"

typedef struct op_weights_rows {
    struct op op;
    item_weights weights;
    int64_t n_rows;
    const int32_t *rows; /* host; which rows */
    float *out;          /* n_rows x I */
} op_weights_rows;

#endif
