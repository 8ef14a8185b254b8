/* weights_rows.h - rows of B written out in full.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_WEIGHTS_ROWS_H
#define BACKEND_OP_WEIGHTS_ROWS_H

#include "backend/backend.h"
#include "backend/item_weights.h"

typedef struct op_weights_rows {
    op op;
    item_weights weights;
    int64_t n_rows;
    const int32_t *rows; /* host; which rows */
    float *out;          /* n_rows x I */
} op_weights_rows;

#endif
