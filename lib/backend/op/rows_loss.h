/* rows_loss.h - the mean over all cells of rows of a loss against sparse rows of ones, and its gradient.
 *
 * logit: B x N, z. y_bn = 1 where the sparse row b has column n, else 0.
 *   LOSS_CELLS_BCE  max(z, 0) - z y + log(1 + exp(-abs(z))), by the logits as in pointwise_loss.h
 *   LOSS_CELLS_MSE  (z - y)^2
 * loss = mean over the B N cells; gradient: of it with respect to the logits. No cells: 0.
 * Same values as pointwise_loss on a dense copy of the labels, which this does not need.
 * Sums: terms of 256 columns in four lanes of double, in order. Bits: same for all threads and SIMD widths. NaN and infinity
 * propagate.
 * Bounds, with u = 2^-24: BCE as pointwise_loss.h; MSE of each term 3 u (z - y)^2, of each gradient 3 u abs(gradient) + 2^-148.
 * Overlap: gradient overlaps nothing. Cost: one reading of the logits, one writing of the gradient; some 40 flops a cell (MSE
 * 4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ROWS_LOSS_H
#define BACKEND_OP_ROWS_LOSS_H

#include "backend/backend.h"

enum { LOSS_CELLS_BCE = 0, LOSS_CELLS_MSE = 1 };

typedef struct op_rows_loss {
    struct op op;
    int64_t rows, columns;   /* B, N */
    const float *logit;      /* B x N */
    const int64_t *row_ptr;  /* B + 1 */
    const int32_t *column;   /* ascending in each row */
    int32_t kind;            /* LOSS_CELLS_* */
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    float *loss;             /* 1 */
    float *gradient;         /* B x N; NULL: not wanted */
} op_rows_loss;

#endif
