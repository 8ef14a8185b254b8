/* gather_dot_gradient.h - gh_d = sum over b of gy_b P_bd Q_bd and gc = sum over b of gy_b, from the rows that gather_dot
 * left. B samples, D columns. Outputs overlap nothing.
 * Order: chunks of 256 samples, in each an fmaf chain from 0 of gy times the rounded product; chunks are added in double.
 * Bits: same for all threads and SIMD widths.
 * Bound: abs(err of gh_d) <= 259 * 2^-24 * sum abs(gy P Q), the same for gc. No samples give zeros.
 * Cost: 3 B D flops, 8 B D bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GATHER_DOT_GRADIENT_H
#define BACKEND_OP_GATHER_DOT_GRADIENT_H

#include "backend/backend.h"

typedef struct op_gather_dot_gradient {
    struct op op;
    int64_t count, dim;           /* B, D */
    const float *gy;              /* B */
    const float *p_rows, *q_rows; /* B x D */
    float *gh;                    /* D */
    float *gc;                    /* 1; NULL: not wanted */
} op_gather_dot_gradient;

#endif
