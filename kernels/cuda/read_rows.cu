/* read_rows.cu - the read_rows kernel: a thread for each element that is read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/lag.cuh"
#include "kernels/cuda/rows.cuh"

extern "C" {
#include "backend/op/read_rows.h"
}

static __global__ void read_rows(op_read_rows o, const lag_pair *near_pair)
{
    int64_t D = o.table.dim, rows = rows_of_block(D);
    row_share share = share_of_rows(D);
    int64_t q = blockIdx.x * rows + share.row;
    if (share.row >= rows || q >= o.count) return;
    int64_t r = o.row ? o.row[q] : q;
    row_lag lag = {};
    if (r >= 0 && o.table.last) lag = lag_since(o.rule, o.table.last[r], near_pair);
    for (int64_t c = share.first; c < D; c += share.step) {
        float value = 0.0f;
        if (r >= 0) value = lag.k.steps > 0 ? element_after(o.rule, lag, o.table, r * D + c) : o.table.p[r * D + c];
        o.out[q * D + c] = value;
    }
}

static lag_pair *take_pairs(cuda_room *room, const op_read_rows *o)
{
    return o->table.last ? recsys__cuda_take_near_pairs(room, &o->rule) : nullptr;
}

size_t recsys__cuda_read_rows_workspace(const op_read_rows *o)
{
    cuda_room room = { nullptr, 0 };
    (void)take_pairs(&room, o);
    return room.used;
}

recsys_status recsys__cuda_read_rows(op_context *c, const op_read_rows *o)
{
    cuda_room room = cuda_workspace(c);
    lag_pair *pair = take_pairs(&room, o);
    int64_t blocks = blocks_of_rows(o->count, o->table.dim);
    if (blocks == 0) return RECSYS_OK;
    recsys__cuda_make_near_pairs(c, &o->rule, pair);
    LAUNCH(read_rows, (unsigned)blocks, BLOCK, 0, c, *o, pair);
    return cuda_launched(c);
}
