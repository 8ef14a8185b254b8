/* pair_rank.h - the k items of the highest score by a pair network for each query, in the order of rank.h.
 *
 * Scores, their bits and their bound: pair_net.h. The lists overlap nothing.
 * ERR_UNSUPPORTED: more than PAIR_MAX_LAYERS layers, or a width below 1.
 * Cost: 2 Q I (H_1 H_2 + ... + H_(L-1) H_L + H_L + D) flops. Masked items are computed and then left out, excluded ones are not
 * computed. Workspace: the weights once; for each thread about 128 KiB of items and the lists of at most 32 queries; I more
 * numbers if items are excluded.
 * Best from some ten queries on: below, packing an item (H_1 + D numbers) is shared by few.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_PAIR_RANK_H
#define BACKEND_OP_PAIR_RANK_H

#include "backend/backend.h"
#include "backend/op/pair_net.h"
#include "backend/op/rank.h"

typedef struct op_pair_rank {
    struct op op;
    pair_net net;
    ranking to;
} op_pair_rank;

#endif
