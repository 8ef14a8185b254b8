/* topk.cuh - the k best of each query's scores, in the order of backend/op/rank.h, panel by panel.
 *
 * A kernel that ranks writes the scores of some queries at some items, a panel, to workspace, and has topk_pass() merge each
 * row into the list of its query. The first panel of a query begins with its item 0, and the panels follow in ascending
 * order; between them the lists live in the output, sorted and complete as they are after the last.
 *
 *   topk_plan p = topk_plan_for(to, floats);             sizes only: for workspace() and run()
 *   uint64_t *keys = topk_keys(&room, &p);
 *   float *panel = room.take<float>(p.queries * p.items);
 *   for (q0 = 0; q0 < Q; q0 += p.queries)
 *       for (first = 0; first < I; first += p.items)
 *           fill the panel, then topk_pass(c, to, &p, keys, { panel, p.items, q0, n_queries, first, n_items });
 *
 * A score is one whole number of 64 bits with its item: the larger number is the better place, and no two are equal. So the
 * list does not depend on the order in which threads find its entries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_TOPK_CUH
#define KERNELS_CUDA_TOPK_CUH

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/rank.h"
}

/* How a ranking is cut: at most `queries` at a time, panels of at most `items` scores of each; `room` candidates of a query, in
 * shared memory unless they are too many for it. */
struct topk_plan {
    int64_t queries, items, room;
    bool shared;
};

/* A panel takes at most `floats` numbers, or one row of 32. */
topk_plan topk_plan_for(const ranking *to, int64_t floats);

/* The candidates' room in workspace; nothing where they are in shared memory. */
uint64_t *topk_keys(cuda_room *room, const topk_plan *p);

/* Scores of queries first_query.. at items first_item..: row q of the panel begins at scores + q * stride. */
struct topk_panel {
    const float *scores;
    int64_t stride, first_query, n_queries, first_item, n_items;
};

/* Merges a panel of at most p->queries rows, any number of columns, into the lists. Only launches. */
void topk_pass(op_context *c, const ranking *to, const topk_plan *p, uint64_t *keys, topk_panel panel);

/* Between launches: ERR_CANCELLED with words, if somebody asked for it. */
static inline recsys_status topk_cancelled(op_context *c, const char *work)
{
    return c->cancelled(c->host) ? cuda_fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while %s", work) : RECSYS_OK;
}

#endif
