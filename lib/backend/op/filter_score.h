/* filter_score.h - scores of Q sparse histories by a graph filter (backend/filter.h) at given items.
 * I items, D directions, H entries in a history. No overlaps. Values of histories times item_scale are finite.
 * Order: w_i = x_i item_scale_i. y_u = chain from 0 of y_u + w_i R_ui over the items i of the history as they ascend.
 * t_u = user_weight_u y_u. h_j = chain from 0 of h_j + t_u R_uj over the users u as they ascend. Every product and sum of these
 * is rounded on its own. z_d = fmaf chain from 0 of w_i V_id; l_j = fmaf chain from 0 of z_d V_jd as d ascends.
 * s_j = item_scale_j h_j + low_weight_j l_j, both products and the sum rounded; without directions item_scale_j h_j.
 * Bits: same for all threads and rungs, for all items or listed ones, and as op_filter_rank's.
 * Bound: abs(err of s_j) <= 2^-24 ((2 H + 2 N_j + 6) A_j + (H + D + 6) B_j), N_j entries of item j, A_j and B_j the two parts
 * of s_j with absolute values in place of all numbers.
 * Cost of a query: the entries of the users who share an item with it; 2 D flops for each score.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_FILTER_SCORE_H
#define BACKEND_OP_FILTER_SCORE_H

#include "backend/backend.h"
#include "backend/filter.h"
#include "backend/op/rank.h"

typedef struct op_filter_score {
    struct op op;
    histories x;
    filter f;
    scoring at;
} op_filter_score;

#endif
