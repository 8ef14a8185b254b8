/* dot_rank.cu - the dot_rank kernel: panels of inner products, each merged into the lists before the next is computed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/dot_panel.cuh"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/dot_rank.h"
}

/* Floats of a panel: 32 MiB, which second-level caches of large devices hold. */
static const int64_t PANEL = (int64_t)8 << 20;

size_t recsys__cuda_dot_rank_workspace(const op_dot_rank *o)
{
    cuda_room room = { nullptr, 0 };
    topk_plan p = topk_plan_for(&o->to, PANEL);
    topk_keys(&room, &p);
    room.take<float>(p.queries * p.items);
    return room.used;
}

recsys_status recsys__cuda_dot_rank(op_context *c, const op_dot_rank *o)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items, D = o->dim;
    if (D < 1 || D > INT32_MAX)
        return cuda_fail(c->error, RECSYS_ERR_UNSUPPORTED, "dot_rank: vectors of %lld columns", (long long)D);
    topk_plan p = topk_plan_for(&o->to, PANEL);
    cuda_room room = cuda_workspace(c);
    uint64_t *keys = topk_keys(&room, &p);
    float *panel = room.take<float>(p.queries * p.items);
    for (int64_t q = 0; q < Q; q += p.queries)
        for (int64_t i = 0; i < I; i += p.items) {
            int64_t rows = Q - q < p.queries ? Q - q : p.queries, columns = I - i < p.items ? I - i : p.items;
            TRY(topk_cancelled(c, "ranking"));
            dot_fill(c, dot_panel{ o->users + q * D, o->items + i * D, rows, columns, D, panel, p.items }, dot_as_it_is());
            topk_pass(c, &o->to, &p, keys, topk_panel{ panel, p.items, q, rows, i, columns });
        }
    return cuda_launched(c);
}
