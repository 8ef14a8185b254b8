/* binary.h - Y = A + B, A - B or A B, element by element. A, Y: N x D; row-major float32; Y may be A.
 * B is N x D, or a row of D used for every row, or one number. Bits: one rounding an element, the same everywhere.
 * Cost: 12 N D bytes, 8 N D with a row or a number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_BINARY_H
#define BACKEND_OP_BINARY_H

#include "backend/backend.h"

enum { BINARY_ADD = 0, BINARY_SUB = 1, BINARY_MUL = 2 };
enum { BINARY_SAME = 0, BINARY_ROW = 1, BINARY_NUMBER = 2 };

typedef struct op_binary {
    struct op op;
    int64_t rows, dim; /* N, D */
    int32_t kind;      /* BINARY_ADD, BINARY_SUB, BINARY_MUL */
    int32_t second;    /* BINARY_SAME, BINARY_ROW, BINARY_NUMBER */
    const float *a, *b;
    float *y;
} op_binary;

#endif
