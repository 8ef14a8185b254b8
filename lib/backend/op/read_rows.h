/* read_rows.h - rows of a parameter as they are at step t, copied to another place; the parameter and its state stay.
 *
 * Y_q is row(q) of the table after the steps that it missed (backend/op/catch_up.h), zeros where row(q) is -1; with row NULL
 * all N rows, Q = N. A table whose rows are never behind (last NULL) is copied. Y overlaps nothing.
 * Bits: those that catch_up would leave in p. Cost: 16 bytes an element read and written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_READ_ROWS_H
#define BACKEND_OP_READ_ROWS_H

#include "backend/backend.h"
#include "backend/update_rule.h"

typedef struct op_read_rows {
    struct op op;
    update_rule rule; /* t: the step to be at */
    updated table;
    const int32_t *row; /* Q; NULL: all rows */
    int64_t count;      /* Q */
    float *out;         /* Q x D */
} op_read_rows;

#endif
