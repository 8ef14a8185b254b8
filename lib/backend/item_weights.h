/* item_weights.h - the I x I matrix B of an item-based model, in one of its two forms.
 *
 * Dense: P = precision, of which B_ij = -P_ij / P_jj and B_jj = 0; B itself is never stored. Sparse: the entries of B by
 * row, which row_ptr tells apart. The score of item j for a history x is sum over i of x_i B_ij.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_ITEM_WEIGHTS_H
#define BACKEND_ITEM_WEIGHTS_H

#include "backend/symmetric.h"

typedef struct item_weights {
    int64_t n_items;
    symmetric precision;     /* P in serving layout, tile = SYMMETRIC_LINE; unused in the sparse form */
    const int64_t *row_ptr;  /* sparse form: I + 1 offsets, B by row; NULL in the dense form */
    const int32_t *col;      /* ascending within a row */
    const float *val;
} item_weights;

#endif
