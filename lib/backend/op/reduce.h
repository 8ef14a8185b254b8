/* reduce.h - scale times the sum of x, or of x^2: over everything (1), over rows (D) or over columns (N). x: N x D float32.
 * Sums are made in double and rounded once at the end. No elements: 0.
 * Order over everything: chunks of 4,096 elements, each in 16 lanes (element i of a chunk goes to lane i mod 16) that are
 * added in ascending order, then the chunks in ascending order. Over columns: the same within each row, as one chunk.
 * Over rows: chunks of 128 rows, each in ascending order, then the chunks in ascending order.
 * Bits: same for all threads and rungs. Bound: abs(err) <= (1 + n * 2^-28) * 2^-24 * scale * sum of the n abs(terms).
 * Cost: 4 N D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_REDUCE_H
#define BACKEND_OP_REDUCE_H

#include "backend/backend.h"

enum { REDUCE_ALL = 0, REDUCE_ROWS = 1, REDUCE_COLUMNS = 2 };
enum { REDUCE_CHUNK = 4096, REDUCE_LANES = 16, REDUCE_ROW_CHUNK = 128 };

typedef struct op_reduce {
    struct op op;
    int64_t rows, dim; /* N, D */
    int32_t over;      /* REDUCE_* */
    int32_t squares;   /* 1: of x^2 */
    double scale;
    const float *x;
    float *y;
} op_reduce;

#endif
