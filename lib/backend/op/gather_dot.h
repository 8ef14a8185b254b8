/* gather_dot.h - y_b = c + sum over d of h_d P[user_b, d] Q[item_b, d]: a factor model's logits straight from its tables.
 * B samples, D columns. A row number of -1 stands for a row of zeros. Outputs overlap nothing.
 * Order: column d adds fmaf(h_d, P Q rounded, sum) to lane d mod 32, d ascending; then lanes j and j + 16 are added, then
 * 8, 4, 2, 1 apart; then c. Bits: same for all threads and SIMD widths.
 * Bound: abs(err of y_b) <= (D/32 + 8) * 2^-24 * (abs(c) + sum abs(h P Q)).
 * For the gradient it leaves copies of the rows that it read, and of h, which an optimizer may change before the copies
 * are used. Gradients: of h and c by gather_dot_gradient; of P a row gradient with source Q's rows, weight gy, scale h; of
 * Q the same with P's rows.
 * Cost: 3 B D flops, 8 B D bytes of rows from anywhere in the tables, 8 B D of copies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GATHER_DOT_H
#define BACKEND_OP_GATHER_DOT_H

#include "backend/backend.h"

typedef struct op_gather_dot {
    struct op op;
    int64_t count, dim;         /* B, D */
    const float *p, *q;         /* rows x D each */
    const int32_t *user, *item; /* B: rows of p, rows of q, or -1 */
    const float *h;             /* D */
    const float *c;             /* 1; NULL: 0 */
    float *out;                 /* B */
    float *p_rows, *q_rows;     /* B x D: P[user_b], Q[item_b]; both NULL: not wanted */
    float *h_copy;              /* D; NULL: not wanted */
} op_gather_dot;

#endif
