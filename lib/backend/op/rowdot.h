/* rowdot.h - y_b = sum over d of A_bd B_bd. A, B: N x D; y: N; row-major float32. y overlaps nothing; D = 0 gives 0.
 * Order: lane j of 32 is the fmaf chain from 0 over d = j, j + 32, ...; then lanes j and j + 16 are added, then 8, 4, 2, 1.
 * Bits: same for all threads and rungs. Bound: abs(err of y_b) <= (D / 32 + 7) * 2^-24 * sum over d of abs(a b).
 * Cost: 2 N D flops, 8 N D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ROWDOT_H
#define BACKEND_OP_ROWDOT_H

#include "backend/backend.h"

typedef struct op_rowdot {
    struct op op;
    int64_t rows, dim; /* N, D */
    const float *a, *b;
    float *y;
} op_rowdot;

#endif
