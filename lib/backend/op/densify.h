/* densify.h - Y_nm = A_nm, 0 where A has no entry. A: sparse N x M with E entries; Y: N x M, row-major float32.
 * Bits: copies, so exact. Cost: 4 N M + 8 E bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_DENSIFY_H
#define BACKEND_OP_DENSIFY_H

#include "backend/backend.h"

typedef struct op_densify {
    struct op op;
    int64_t n_rows, n_columns;
    const int64_t *row_ptr; /* N + 1 */
    const int32_t *column;  /* E */
    const float *value;     /* E; NULL: 1 everywhere */
    float *y;
} op_densify;

#endif
