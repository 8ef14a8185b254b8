/* history_score.h - scores X B of Q sparse histories X at given items. I items, H entries in a history.
 * B from P in serving layout (backend/symmetric.h) or as sparse rows. Values of histories are finite. No overlaps.
 * Order, P: s_j = chain of fmaf(x_i, P_ij, s_j) from 0 over the items i of the history as they ascend, without j itself;
 * then fmaf(-s_j, r_j, 0) with r_j = 1 / P_jj rounded to float: the division is done once, after the sum.
 * Order, sparse: chain of fmaf(x_i, B_ij, s_j) from 0 over the same items, where B has an entry.
 * Bits: same for all threads and rungs, for all items or listed ones, and as op_history_rank's.
 * Bound, P: abs(err of s_j) <= (H + 3) 2^-24 sum abs(x_i B_ij).
 * Cost, P: at all items H I / 4 cache lines for a query, half of them in long runs, half one by one, with P mapped from
 * a file as in memory; at listed ones H lines for each item, so above I / 4 of the items all of them are cheaper.
 * Cost, sparse: the entries of the history's rows, and I floats cleared for each query.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_HISTORY_SCORE_H
#define BACKEND_OP_HISTORY_SCORE_H

#include "backend/backend.h"
#include "backend/item_weights.h"
#include "backend/op/rank.h"

typedef struct op_history_score {
    struct op op;
    histories x;
    item_weights weights;
    scoring at;
} op_history_score;

#endif
