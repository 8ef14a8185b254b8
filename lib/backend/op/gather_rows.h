/* gather_rows.h - Y_q = X_row(q): copies rows of a table, one for each query. Q queries, D columns.
 * A row number of -1 gives zeros. Y overlaps nothing. Bits: copies, so exact. Cost: 8 Q D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GATHER_ROWS_H
#define BACKEND_OP_GATHER_ROWS_H

#include "backend/backend.h"

typedef struct op_gather_rows {
    struct op op;
    int64_t count, dim;
    const float *table; /* rows x D */
    const int32_t *row; /* Q row numbers, each -1 or a row of the table */
    float *out;         /* Q x D */
} op_gather_rows;

#endif
