/* propagate_rows.h - the last layer of light graph convolution for some nodes of one side, and the mean of all their layers.
 *
 * Layers 0..L-1 of this side are known: x_0 (N x D) and x_1..x_(L-1), one behind the other. For s = 0..S-1, with r = row[s] and
 * z layer L - 1 of the other side:
 *
 *     out_s = [ scale * (x_0 + ... + x_(L-1) + A_r z) | x_0 ],  all of row r;  2 D columns
 *
 * L = 0: out_s = [ scale * x_0 | x_0 ]. S is known on the device alone, S <= n; rows S to n - 1 of `out` become 0.
 * Order: A_r z is an fmaf chain from 0 over the entries as stored; layers are added one after the other, it last; then scale.
 * Bits: same for all threads and SIMD widths. Cost: without reuse 8 E_S + 4 (E_S + (L + 2) S) D bytes, over the E_S entries of
 * these rows.
 * Source: He et al., "LightGCN", SIGIR 2020, eq. 3 and 4.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_PROPAGATE_ROWS_H
#define BACKEND_OP_PROPAGATE_ROWS_H

#include "backend/backend.h"

typedef struct op_propagate_rows {
    struct op op;
    int64_t most, dim, layers;  /* n, D, L */
    int64_t n_nodes;            /* N */
    const int32_t *n_rows;      /* 1: S */
    const int32_t *row;         /* S, ascending */
    const int64_t *row_ptr;     /* of A: N + 1 */
    const int32_t *column;
    const float *value;         /* NULL: 1 everywhere */
    const float *first;         /* x_0: N x D */
    const float *later;         /* x_1 and so on: (L - 1) x N x D */
    const float *other;         /* z */
    float scale;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    float *out;                 /* n x 2 D */
} op_propagate_rows;

#endif
