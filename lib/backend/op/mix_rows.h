/* mix_rows.h - weighted sums of rows of scores, or of the probabilities they stand for.
 *
 *   Y_q = (Y_q or 0) + sum over e in q of w_e f(X_row(e))            f(x) = x, or 1 / (1 + exp(-x))
 *
 * X: N x I, Y: Q x I, row-major float32, overlapping nothing. With f the sigmoid, X itself becomes f(X): a row that many sums
 * want is mapped once. A sum without entries stays what it was, or 0.
 * Order: y = fmaf(w_e, f(x), y) over the entries of q as listed, from 0 or from Y. So a sum that is made in several calls has
 * the bits of one. Bits: same for all threads and SIMD widths.
 * Bound: sigmoid within 4 * 2^-24 of its size, and 2^-126 where it is smaller; the sum: as a dot product of E_q terms.
 * NaN stays NaN; infinity gives 1, -infinity 0; 0 times infinity is NaN.
 * Cost: 2 E I flops and N I sigmoids; reads 4 (N + E) I bytes at most, writes 4 (N + Q) I.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_MIX_ROWS_H
#define BACKEND_OP_MIX_ROWS_H

#include "backend/backend.h"

typedef struct op_mix_rows {
    struct op op;
    int64_t n_rows, n_sums, n_items; /* N, Q, I */
    int32_t sigmoid;                 /* 1: X becomes sigmoid(X) first */
    int32_t add;                     /* 1: Y is added to; 0: it is overwritten */
    float *rows;                     /* X; changed where `sigmoid` is 1 */
    const int64_t *ptr;              /* Q + 1 */
    const int32_t *row;              /* E, 0 to N - 1 */
    const float *weight;             /* E */
    float *out;                      /* Y */
} op_mix_rows;

#endif
