/* corrupt_rows.h - the input rows of a denoising autoencoder: sparse rows of ones, scaled, some cells hidden and some others
 * set.
 *
 * A: B x I, CSR, d_b cells in row b, each taken as 1. f_b = 1, or d_b^-1/2 where `normalize` is 1. Words are those of
 * base/random.h.
 *   A cell (b, i) of A becomes 0 if word i mod 4 of r(mask_stream, b I4 + i / 4) is below mask 2^32, with I4 = I / 4 rounded
 * up;
 *   else it becomes f_b times `kept`.
 *   Another cell (b, i) becomes f_b with probability `flip`, independently of all others: the row is walked in steps of
 *   1 + floor(log(1 - x_k) / log(1 - flip)), x_k = recsys__random_unit(flip_stream, b 2^32 + k), and cells of A that are met
 * are passed.
 * Cells that were hidden stay as entries with the value 0.
 * Without flips Y has A's pattern: only out_value is written. With flips: out_ptr alone if out_column is NULL, or else all of
 * Y.
 * The logarithms are those of kernels/shared/logarithm.h.
 * Overlap: none. Bits: same for all threads and on every device.
 * Cost: a draw for each cell of A (none if mask is 0) and for each flip, twice where patterns change.
 * Source: Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_CORRUPT_ROWS_H
#define BACKEND_OP_CORRUPT_ROWS_H

#include "backend/backend.h"

typedef struct op_corrupt_rows {
    struct op op;
    int64_t n_rows, n_columns;   /* B, I; below 2^31 */
    const int64_t *row_ptr;      /* B + 1 */
    const int32_t *column;       /* ascending in each row */
    uint64_t seed, step;
    uint32_t mask_stream, flip_stream;
    double mask, flip;           /* each in [0, 1) */
    float kept;
    int32_t normalize;
    int64_t *out_ptr;            /* out, B + 1; NULL if flip is 0 */
    int32_t *out_column;         /* out; NULL: not wanted, or flip is 0 */
    float *out_value;            /* out, with out_column or where flip is 0 */
} op_corrupt_rows;

#endif
