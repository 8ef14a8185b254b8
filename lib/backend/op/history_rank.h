/* history_rank.h - the k items of highest score X B for each of Q sparse histories X. I items, E entries in X.
 * B from P in serving layout or as sparse rows; scores, order of sums, bits and bound as in history_score.h; lists, mask
 * and order of items as in rank.h. Values of histories are finite. Lists overlap nothing. The workspace depends on all
 * numbers in the descriptor: ask for it with the descriptor that runs.
 *
 * From P, by panels where E >= I / 2: 32 columns at a time are written out next to each other, all queries run over
 * them, then the next 32; a query keeps a list of about 2 k + 64 candidates in between. Cost: E I additions from rows of
 * panels that mostly come out of the last-level cache, and I^2 floats read from P: calls of many queries pay.
 * From P, by rows below that: P is read as in history_score, up to 8 rows of I scores are held. What it is for is the
 * single query, whose columns all threads share.
 * From sparse rows: a query is added up in a row of I floats, one for each thread.
 * Both ways from P give the same lists.
 * Lost: panels of 64 (1.1x the time at 20,000 items, 1.2x at 41,000: fewer rows stay in the second-level cache); a sorted
 * list of k kept up to date for each query (1.8x at k = 100, since every insertion moves the list through the caches);
 * blocks of queries over unpacked rows (3x); a division for each element of a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_HISTORY_RANK_H
#define BACKEND_OP_HISTORY_RANK_H

#include "backend/backend.h"
#include "backend/item_weights.h"
#include "backend/op/rank.h"

typedef struct op_history_rank {
    struct op op;
    histories x;
    int64_t n_entries;  /* x.ptr[Q] - x.ptr[0]: what can be known of x before it is read */
    item_weights weights;
    ranking to;
} op_history_rank;

#endif
