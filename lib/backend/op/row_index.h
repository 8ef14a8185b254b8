/* row_index.h - which entries look at which row: the index of up to two lists of row numbers.
 *
 * For each list: row numbers row[0..E-1], each -1 (no row) or in 0..N-1, become the row_index of backend/row_gradient.h: the
 * S different rows in ascending order, and for each its entries in ascending order. begin[S] entries have a row;
 * order[begin[S]..E-1] is left as it was. E < 2^31, N < 2^31.
 *
 * ERR_OUT_OF_RANGE names the first entry whose number is neither -1 nor a row; nothing is promised of the indices then. A device
 * may say so when its queue is next waited for.
 * Bits: whole numbers, so the same everywhere. Cost: ceil(log2(N) / 11) + 2 passes over 8 E bytes, a thread a list.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ROW_INDEX_H
#define BACKEND_OP_ROW_INDEX_H

#include "backend/backend.h"
#include "backend/row_gradient.h"

enum { ROW_LISTS = 2 };

typedef struct row_list {
    int64_t n_rows; /* N */
    const int32_t *row;   /* E = index.n_entries */
    row_index index;      /* n_entries is read, its arrays are written */
} row_list;

typedef struct op_row_index {
    struct op op;
    int64_t count;
    row_list list[ROW_LISTS];
} op_row_index;

#endif
