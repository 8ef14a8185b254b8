/* filter_score.cu - the filter_score kernel: all items straight to where they belong; given items out of panels of all items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/filter_hops.cuh"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/filter_score.h"
}

/* Queries at a time; items of a panel. */
static const int64_t QUERIES = 1024, WIDTH = 8192;

/* A block for each query: those of its places whose items the panel has. */
static __global__ void pick(scoring at, const float *panel, int64_t stride, int64_t first_query, int64_t first_item,
                            int64_t n_items)
{
    int64_t q = first_query + blockIdx.x;
    for (int64_t e = at.ptr[q] + threadIdx.x; e < at.ptr[q + 1]; e += blockDim.x) {
        int64_t i = at.item[e] - first_item;
        if (i >= 0 && i < n_items) at.out[e] = panel[blockIdx.x * stride + i];
    }
}

struct filter_plan {
    filter_rooms rooms;
    float *panel;
    int64_t width;
};

static filter_plan plan(const op_filter_score *o, cuda_room *room)
{
    filter_plan p;
    int64_t I = o->at.n_items;
    p.rooms = filter_take(room, &o->f, o->at.n_queries, QUERIES);
    p.width = !o->at.ptr || I < WIDTH ? I : WIDTH;
    p.panel = o->at.ptr ? room->take<float>(p.rooms.queries * p.width) : nullptr;
    return p;
}

size_t recsys__cuda_filter_score_workspace(const op_filter_score *o)
{
    cuda_room room = { nullptr, 0 };
    plan(o, &room);
    return room.used;
}

recsys_status recsys__cuda_filter_score(op_context *c, const op_filter_score *o)
{
    int64_t Q = o->at.n_queries, I = o->at.n_items;
    cuda_room room = cuda_workspace(c);
    filter_plan p = plan(o, &room);
    int64_t step = p.rooms.queries;
    for (int64_t q = 0; q < Q; q += step) {
        int64_t rows = Q - q < step ? Q - q : step;
        TRY(topk_cancelled(c, "scoring"));
        TRY(filter_begin(c, &o->f, &o->x, &p.rooms, q, rows));
        for (int64_t i = 0; i < I; i += p.width) {
            int64_t columns = I - i < p.width ? I - i : p.width;
            TRY(topk_cancelled(c, "scoring"));
            filter_panel(c, &o->f, &p.rooms, rows, i, columns, p.panel ? p.panel : o->at.out + q * I, p.width);
            if (p.panel) LAUNCH(pick, (unsigned)rows, 2 * WARP, 0, c, o->at, p.panel, p.width, q, i, columns);
        }
    }
    return cuda_launched(c);
}
