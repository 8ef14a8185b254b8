/* catch_up.h - brings rows of up to two lazy tables to step t, in place.
 *
 * The rows of an index, or all. A row that has seen `last` steps is changed by the t - last steps without a gradient that it
 * missed (backend/update_rule.h has the formula), and last becomes t. Rows that are there already stay as they are.
 *
 * t lies within base..base + count of the rule's tables, and so does `last` (smaller numbers count as base).
 * Elements are changed one by one with fma, correctly rounded roots and quotients: same bits for all threads and SIMD
 * widths. Error of the two-term sum: docs/optimizers.md. Cost: 24 bytes an element of a row that is behind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_CATCH_UP_H
#define BACKEND_OP_CATCH_UP_H

#include "backend/backend.h"
#include "backend/row_gradient.h"
#include "backend/update_rule.h"

enum { CATCH_UP_TABLES = 2 };

typedef struct catch_up_table {
    updated table;  /* last is not NULL */
    int32_t whole;  /* 1: all rows; the index is not looked at */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    row_index index;
} catch_up_table;

typedef struct op_catch_up {
    struct op op;
    update_rule rule; /* t: the step to be at */
    int64_t n_tables;
    catch_up_table table[CATCH_UP_TABLES];
} op_catch_up;

#endif
