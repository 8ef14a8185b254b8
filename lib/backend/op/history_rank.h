/* history_rank.h - the k items of highest score X B for each sparse history.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_HISTORY_RANK_H
#define BACKEND_OP_HISTORY_RANK_H

#include "backend/backend.h"
#include "backend/item_weights.h"
#include "backend/op/rank.h"

typedef struct op_history_rank {
    op op;
    histories x;
    item_weights weights;
    ranking to;
} op_history_rank;

#endif
