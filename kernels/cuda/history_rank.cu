/* history_rank.cu - the history_rank kernels: panels of scores, merged into the lists as topk.cuh says.
 *
 * From P, where the histories have as many entries as half the items: the columns of a panel are packed once and all queries
 * run over them, while they stay in the second-level cache; below that P is read where it is needed. Sparse rows are added in
 * the panel. The lists are the same whichever it is, since the scores are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/histories.h"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/history_rank.h"
}

/* Floats of a panel, and of packed columns: 64 and 32 MiB. */
static const int64_t PANEL_FLOATS = (int64_t)1 << 24, PACKED_FLOATS = (int64_t)1 << 23;

struct layout {
    topk_plan plan;
    int64_t width; /* of packed columns, 0: none */
    uint64_t *keys;
    float *scale, *panel, *packed;
};

static layout lay_out(const op_history_rank *o, cuda_room *room)
{
    layout l = {};
    int64_t I = o->to.n_items, rows = (I + 3) / 4 * 4;
    bool dense = o->weights.row_ptr == nullptr;
    l.plan = topk_plan_for(&o->to, PANEL_FLOATS);
    if (dense && o->n_entries >= I / 2) {
        l.width = PACKED_FLOATS / (rows > 0 ? rows : 1) / WARP * WARP;
        if (l.width < WARP) l.width = WARP;
        if (l.width < l.plan.items) l.plan.items = l.width;
        else l.width = l.plan.items;
    }
    l.keys = topk_keys(room, &l.plan);
    l.panel = room->take<float>(l.plan.queries * l.plan.items);
    l.packed = room->take<float>(rows * l.width);
    l.scale = room->take<float>(dense ? I : 0);
    return l;
}

size_t recsys__cuda_history_rank_workspace(const op_history_rank *o)
{
    cuda_room room = { nullptr, 0 };
    lay_out(o, &room);
    return room.used;
}

/* All queries at the items from `first` on. */
static recsys_status rank_panel(op_context *c, const op_history_rank *o, const layout *l, int64_t first)
{
    const topk_plan *p = &l->plan;
    int64_t Q = o->to.n_queries, I = o->to.n_items, items = I - first < p->items ? I - first : p->items;
    if (l->width > 0) cuda_history_pack(c, &o->weights.precision, first, l->width, l->packed);
    for (int64_t q = 0; q < Q; q += p->queries) {
        int64_t queries = Q - q < p->queries ? Q - q : p->queries;
        history_block to = { q, queries, first, items, l->panel, p->items };
        TRY(topk_cancelled(c, "ranking"));
        if (l->width > 0) cuda_history_packed_scores(c, &o->x, l->packed, l->width, l->scale, to);
        else cuda_history_scores(c, &o->x, &o->weights, l->scale, to);
        topk_pass(c, &o->to, p, l->keys, topk_panel{ l->panel, p->items, q, queries, first, items });
    }
    return cuda_launched(c);
}

recsys_status recsys__cuda_history_rank(op_context *c, const op_history_rank *o)
{
    TRY(cuda_precision_check(c->error, &o->weights));
    if (o->to.n_queries == 0) return RECSYS_OK;
    cuda_room room = cuda_workspace(c);
    layout l = lay_out(o, &room);
    if (o->weights.row_ptr == nullptr) cuda_precision_scale(c, &o->weights.precision, l.scale);
    for (int64_t first = 0; first < o->to.n_items; first += l.plan.items) TRY(rank_panel(c, o, &l, first));
    return cuda_launched(c);
}
