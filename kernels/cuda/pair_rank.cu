/* pair_rank.cu - the pair_rank kernel: panels of scores by a pair network, each merged into the lists before the next is
 * computed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/pair_net.cuh"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/pair_rank.h"
}

/* Floats of a panel. */
static const int64_t PANEL = (int64_t)4 << 20;

size_t recsys__cuda_pair_rank_workspace(const op_pair_rank *o)
{
    cuda_room room = { nullptr, 0 };
    topk_plan p = topk_plan_for(&o->to, PANEL);
    topk_keys(&room, &p);
    room.take<float>(p.queries * p.items);
    pair_room(&room, &o->net);
    return room.used;
}

recsys_status recsys__cuda_pair_rank(op_context *c, const op_pair_rank *o)
{
    TRY(pair_check(c->error, "pair_rank", &o->net));
    int64_t Q = o->to.n_queries, I = o->to.n_items;
    topk_plan p = topk_plan_for(&o->to, PANEL);
    cuda_room room = cuda_workspace(c);
    uint64_t *keys = topk_keys(&room, &p);
    float *panel = room.take<float>(p.queries * p.items), *activations = pair_room(&room, &o->net);
    for (int64_t q = 0; q < Q; q += p.queries)
        for (int64_t i = 0; i < I; i += p.items) {
            int64_t rows = Q - q < p.queries ? Q - q : p.queries, columns = I - i < p.items ? I - i : p.items;
            TRY(topk_cancelled(c, "ranking"));
            pair_block b = { q, rows, i, columns, panel, p.items, {} };
            pair_scores(c, &o->net, activations, &b);
            topk_pass(c, &o->to, &p, keys, topk_panel{ panel, p.items, q, rows, i, columns });
        }
    return cuda_launched(c);
}
