/* normalize_rows.h - Y_n = X_n / |X_n|, s_n = 1 / |X_n| with the length |X_n| = sqrt(sum over d of X_nd^2). X, Y: N x D; s: N;
 * row-major float32. Y may be X. A row of zeros gives zeros and s_n = 0.
 * The squares are added in double in ascending d, where they can neither overflow nor vanish, and Y_nd is X_nd times the double
 * 1 / |X_n|: rows of any magnitude have length 1. s_n is at most the largest float, for lengths below 2^-128. NaN in a row
 * makes it NaN; an infinity gives NaN in its place and zeros in the others of its row. No row reaches another.
 * Bits: same for all threads and rungs. Bound: 2^-24 abs(Y_nd) (1 + D 2^-26) and 2^-24 s_n (1 + D 2^-26), each + 2^-150.
 * Gradient: gX_n = s_n (gY_n - (gY_n . Y_n) Y_n). Cost: 3 N D flops, 8 N D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_NORMALIZE_ROWS_H
#define BACKEND_OP_NORMALIZE_ROWS_H

#include "backend/backend.h"

typedef struct op_normalize_rows {
    struct op op;
    int64_t rows, dim; /* N, D */
    const float *x;
    float *y;
    float *s;          /* N */
} op_normalize_rows;

#endif
