/* sample_rows.h - B users of an epoch with their rows of positives, and the samples of each row if they are wanted.
 *
 * R users have positives: row_user. Row b is user u = row_user[order(position + b)], or row_user[position + b] where `in_order`
 * is 1. Its row is row u of the matrix of positives (U x I, one cell a pair, P cells, items ascending). E cells in all rows.
 * Samples (`items` not NULL): for each row of d cells first its d cells in order, label 1, then the n negatives of its first
 * cell, of its second ..., label 0: (1 + n) E samples, those of row b from (1 + n) out_ptr[b] on. Negative j of cell c
 * (0..P-1) has number P + c n + j in backend/negatives.h.
 * `clean`: of each sample, the cell's flag or 2; without samples of each of the B x I items, the cell's flag, or 2 where there is
 * no cell.
 * Overlap: outputs overlap nothing. Bits: integers, same for all threads and SIMD widths, and for every way of cutting an epoch.
 * Cost: a copy of the cells, B I bytes for full rows with flags, and for each negative about 150 instructions in vectors of 8.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SAMPLE_ROWS_H
#define BACKEND_OP_SAMPLE_ROWS_H

#include "backend/backend.h"
#include "backend/negatives.h"
#include "base/permutation.h"

typedef struct op_sample_rows {
    struct op op;
    int64_t n_rows;            /* R, at least 1 */
    int64_t position, count;   /* B; position + B <= R */
    int32_t in_order;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    permutation order;         /* of R; unused if in_order is 1 */
    struct negatives negatives;       /* n_items is always set */
    const int32_t *row_user;   /* R */
    const int64_t *row_ptr;    /* U + 1: positives */
    int64_t n_cells;           /* P = row_ptr[U]; P (1 + n) at most 2^48 */
    const int32_t *column;     /* P */
    const uint8_t *flag;       /* P; NULL if `clean` is */
    int32_t *users;            /* out, B */
    int64_t *out_ptr;          /* out, B + 1 */
    int32_t *out_column;       /* out, E */
    int32_t *items;            /* out, (1 + n) E; NULL: no samples */
    float *labels;             /* out, (1 + n) E */
    int32_t *sample_row;       /* out, (1 + n) E: b */
    uint8_t *clean;            /* out; NULL: not wanted */
} op_sample_rows;

#endif
