/* pair_score.h - scores of pairs by a pair network, at all items or at given ones.
 *
 * Scores, their bits and their bound: pair_net.h; the same bits as in the lists of pair_rank, save that a list shows -0 as 0.
 * The output overlaps nothing. ERR_UNSUPPORTED: more than PAIR_MAX_LAYERS layers, or a width below 1.
 * Cost: 2 E (H_1 H_2 + ... + H_(L-1) H_L + H_L + D) flops for E scores, and E (H_1 + D) numbers gathered for given items.
 * Workspace: the weights once; about 128 KiB of items for each thread, one tile of them for given items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_PAIR_SCORE_H
#define BACKEND_OP_PAIR_SCORE_H

#include "backend/backend.h"
#include "backend/op/pair_net.h"
#include "backend/op/rank.h"

typedef struct op_pair_score {
    struct op op;
    pair_net net;
    scoring at;
} op_pair_score;

#endif
