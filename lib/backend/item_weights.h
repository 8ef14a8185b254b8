/* item_weights.h - the I x I matrix B of an item-based model, in one of its two forms.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_ITEM_WEIGHTS_H
#define BACKEND_ITEM_WEIGHTS_H

#include "backend/symmetric.h"

typedef struct item_weights {
    int64_t n_items;
    symmetric precision;     /* P in serving layout; data NULL when the sparse form is used */
    const int64_t *row_ptr;  /* sparse form: B by row, I + 1 offsets */
    const int32_t *col;      /* ascending within a row */
    const float *val;
} item_weights;

#endif
