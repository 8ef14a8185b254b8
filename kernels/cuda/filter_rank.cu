/* filter_rank.cu - the filter_rank kernel: panels of scores, each merged into the lists before the next is computed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/filter_hops.cuh"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/filter_rank.h"
}

/* Floats of a panel. */
static const int64_t PANEL = (int64_t)8 << 20;

struct filter_plan {
    topk_plan lists;
    uint64_t *keys;
    float *panel;
    filter_rooms rooms;
};

static filter_plan plan(const op_filter_rank *o, cuda_room *room)
{
    filter_plan p;
    p.lists = topk_plan_for(&o->to, PANEL);
    p.keys = topk_keys(room, &p.lists);
    p.panel = room->take<float>(p.lists.queries * p.lists.items);
    p.rooms = filter_take(room, &o->f, o->to.n_queries, p.lists.queries);
    return p;
}

size_t recsys__cuda_filter_rank_workspace(const op_filter_rank *o)
{
    cuda_room room = { nullptr, 0 };
    plan(o, &room);
    return room.used;
}

recsys_status recsys__cuda_filter_rank(op_context *c, const op_filter_rank *o)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items;
    cuda_room room = cuda_workspace(c);
    filter_plan p = plan(o, &room);
    int64_t step = p.rooms.queries, width = p.lists.items;
    for (int64_t q = 0; q < Q; q += step) {
        int64_t rows = Q - q < step ? Q - q : step;
        TRY(topk_cancelled(c, "ranking"));
        TRY(filter_begin(c, &o->f, &o->x, &p.rooms, q, rows));
        for (int64_t i = 0; i < I; i += width) {
            int64_t columns = I - i < width ? I - i : width;
            TRY(topk_cancelled(c, "ranking"));
            filter_panel(c, &o->f, &p.rooms, rows, i, columns, p.panel, width);
            topk_pass(c, &o->to, &p.lists, p.keys, topk_panel{ p.panel, width, q, rows, i, columns });
        }
    }
    return cuda_launched(c);
}
