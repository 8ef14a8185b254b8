/* history_score.h - scores X B of sparse histories X at given items.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_HISTORY_SCORE_H
#define BACKEND_OP_HISTORY_SCORE_H

#include "backend/backend.h"
#include "backend/item_weights.h"
#include "backend/op/rank.h"

typedef struct op_history_score {
    op op;
    histories x;
    item_weights weights;
    scoring at;
} op_history_score;

#endif
