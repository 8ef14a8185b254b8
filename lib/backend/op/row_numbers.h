/* row_numbers.h - the row that each entry of a CSR matrix is in: row[e] = n for row_ptr[n] <= e < row_ptr[n + 1].
 * N rows, E entries. Bits: whole numbers, so exact. Cost: 4 E + 8 N bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ROW_NUMBERS_H
#define BACKEND_OP_ROW_NUMBERS_H

#include "backend/backend.h"

typedef struct op_row_numbers {
    struct op op;
    int64_t n_rows, n_entries; /* N, E */
    const int64_t *row_ptr;    /* N + 1; starts at 0 and ends at E */
    int32_t *row;              /* E */
} op_row_numbers;

#endif
