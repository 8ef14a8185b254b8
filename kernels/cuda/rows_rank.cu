/* rows_rank.cu - the rows_rank kernel: the rows are the panel, read where they lie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/rows_rank.h"
}

size_t recsys__cuda_rows_rank_workspace(const op_rows_rank *o)
{
    cuda_room room = { nullptr, 0 };
    topk_plan p = topk_plan_for(&o->to, INT64_MAX);
    topk_keys(&room, &p);
    return room.used;
}

recsys_status recsys__cuda_rows_rank(op_context *c, const op_rows_rank *o)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items;
    topk_plan p = topk_plan_for(&o->to, INT64_MAX);
    cuda_room room = cuda_workspace(c);
    uint64_t *keys = topk_keys(&room, &p);
    for (int64_t q = 0; q < Q; q += p.queries) {
        TRY(topk_cancelled(c, "ranking rows"));
        topk_pass(c, &o->to, &p, keys, topk_panel{ o->rows + q * I, I, q, Q - q < p.queries ? Q - q : p.queries, 0, I });
    }
    return cuda_launched(c);
}
