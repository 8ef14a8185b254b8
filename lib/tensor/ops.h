/* ops.h - the operations as models call them: descriptors are filled, host arrays are brought to the device and back.
 *
 * Model state (symmetric, item_weights, tables of vectors) is device memory; queries, lists and the data's matrices are
 * host memory. U users, I items, Q queries, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_OPS_H
#define TENSOR_OPS_H

#include "backend/item_weights.h"
#include "backend/op/rank.h"
#include "base/exec.h"
#include "data/dataset.h"

/* g = R'R + l2 I in factor layout. The pattern of R comes from both views; values NULL mean 1. Host: all but g. */
recsys_status recsys__gram(recsys_exec *x, const csr *by_user, const float *user_val, const csr *by_item, const float *item_val,
                           double l2, symmetric *g);

/* g becomes its inverse in serving layout. ERR_NUMERIC if it is not positive definite. */
recsys_status recsys__spd_inverse(recsys_exec *x, symmetric *g);

/* The largest top_k entries of each column of B, as sparse rows in device memory with room for what they may take. */
recsys_status recsys__weights_sparsify(recsys_exec *x, const symmetric *precision, int64_t top_k, int64_t *row_ptr, int32_t *col,
                                       float *val);

/* Rows first_row to first_row + n_rows - 1 of B in full, n_rows x I in host memory. */
recsys_status recsys__weights_rows(recsys_exec *x, const item_weights *w, int64_t first_row, int64_t n_rows, float *out);

/* Lists and scores of X B for sparse histories X. */
recsys_status recsys__history_rank(recsys_exec *x, const item_weights *w, const histories *h, ranking *to);
recsys_status recsys__history_score(recsys_exec *x, const item_weights *w, const histories *h, scoring *at);

/* out (device, Q x D): rows of a device table, zeros where row is -1. `row` is host memory. */
recsys_status recsys__gather_rows(recsys_exec *x, const float *table, int64_t dim, const int32_t *row, int64_t count, float *out);

/* Lists and scores of inner products; users (Q x D) and items (I x D) in device memory. */
recsys_status recsys__dot_rank(recsys_exec *x, int64_t dim, const float *users, const float *items, ranking *to);
recsys_status recsys__dot_score(recsys_exec *x, int64_t dim, const float *users, const float *items, scoring *at);

#endif
