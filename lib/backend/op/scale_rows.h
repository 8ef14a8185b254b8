/* scale_rows.h - Y_bd = s_b X_bd. X, Y: N x D; s: N; row-major float32; Y may be X.
 * Bits: one rounding an element, the same everywhere. Cost: 8 N D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SCALE_ROWS_H
#define BACKEND_OP_SCALE_ROWS_H

#include "backend/backend.h"

typedef struct op_scale_rows {
    struct op op;
    int64_t rows, dim; /* N, D */
    const float *x, *s;
    float *y;
} op_scale_rows;

#endif
