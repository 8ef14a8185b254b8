/* row_slots.h - an index of rows (backend/row_gradient.h) turned around: where each row of the table, and each entry, finds its
 * row among the S different ones.
 *
 *     slot[r]  = s where row[s] = r, -1 for the other rows of N
 *     place[e] = first + s where entry e looks at row[s], -1 for entries of no row
 *
 * Either output may be NULL. Bits: whole numbers, so the same everywhere. Cost: 4 N + 12 E bytes, on one thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ROW_SLOTS_H
#define BACKEND_OP_ROW_SLOTS_H

#include "backend/backend.h"
#include "backend/row_gradient.h"

typedef struct op_row_slots {
    struct op op;
    int64_t n_rows;   /* N */
    row_index index;
    int32_t first;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    int32_t *slot;    /* N */
    int32_t *place;   /* E */
} op_row_slots;

#endif
