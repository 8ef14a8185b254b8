/* filter_rank.h - the k items of highest score by a graph filter (backend/filter.h) for each of Q sparse histories.
 * I items, D directions, E entries of R. Scores, order of sums, bits and bound as in filter_score.h; lists, mask and order of
 * items as in rank.h. The lists overlap nothing. Values of histories times item_scale are finite.
 *
 * Many queries: V is packed in panels once for all threads; a thread takes blocks of queries, adds up the two hops of each in a
 * row of I floats, and passes the block over the panels, where a tile of inner products is joined with the rows while it is in
 * registers' reach and offered to the queries' lists. Few queries: the threads share the items of each.
 * Cost of a query: 2 I D flops; the entries of the users who share an item with it, each read and added once, or E / 16
 * additions of vectors of 16 queries where that is less; 8 I bytes written and read.
 * Workspace: I D floats, and for each thread a block's rows of I floats (16 MiB or one group of a tile).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_FILTER_RANK_H
#define BACKEND_OP_FILTER_RANK_H

#include "backend/backend.h"
#include "backend/filter.h"
#include "backend/op/rank.h"

typedef struct op_filter_rank {
    struct op op;
    histories x;
    filter f;
    ranking to;
} op_filter_rank;

#endif
