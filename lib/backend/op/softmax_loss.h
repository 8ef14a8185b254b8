/* softmax_loss.h - the cross-entropy of a softmax over the columns of each row, its gradient, and which columns count.
 *
 * logit: B x N. Row b has targets e, columns t_e with weights w_e, W_b = sum over e of w_e. A_b are its columns without those
 * whose column_id is row_id_b, but with its targets.
 *     log S_b = log sum over n in A_b of exp(z_bn)
 *     loss = 1/B sum over b of sum over e of w_e (log S_b - z_b,t_e)
 *     gradient_bn = (W_b exp(z_bn) / S_b - sum of w_e with t_e = n) / B, 0 outside A_b
 * A row without targets gives 0 and is not read. Targets: CSR (a column at most once a row), or one column a row with weight 1,
 * -1: none.
 * Source: Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018, eq. 2 (all columns, many targets); Yi
 * et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019 (columns that are
 * sampled).
 *
 * The largest logit of A_b is subtracted first. NaN or +infinity in A_b makes the loss and the row's gradient NaN; -infinity is
 * a probability of 0, and a target with it an infinite loss.
 * Sums: exponentials in 16 lanes over blocks of 256 columns, blocks and rows in double, each in order. Bits: same for all
 * threads and SIMD widths.
 * Bounds, with u = 2^-24 and r = 48 + max abs(z_bn - largest): of the loss u (r W_b / B) a row, of gradient_bn
 * u (2 r W_b p_bn + 2 w) / B + 2^-126.
 * Overlap: gradient overlaps nothing. Cost: one reading of the logits, one writing of the gradient, some 25 flops a column.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SOFTMAX_LOSS_H
#define BACKEND_OP_SOFTMAX_LOSS_H

#include "backend/backend.h"

typedef struct op_softmax_loss {
    struct op op;
    int64_t rows, columns;       /* B, N */
    const float *logit;          /* B x N */
    const int64_t *row_ptr;      /* B + 1: targets as CSR; NULL: `target` has them */
    const int32_t *target;       /* E columns of the rows; or B, one a row */
    const float *weight;         /* E, for CSR; NULL: 1 */
    const int32_t *row_id;       /* B; NULL if column_id is: all columns count */
    const int32_t *column_id;    /* N */
    float *loss;                 /* 1 */
    float *gradient;             /* B x N: of the loss with respect to the logits; NULL: not wanted */
} op_softmax_loss;

#endif
