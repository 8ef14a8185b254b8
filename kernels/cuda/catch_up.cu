/* catch_up.cu - the catch_up kernel: a thread for each element of the rows that are asked for.
 *
 * The pairs of rows that missed few steps depend on the number of steps alone, and are made by a launch of their own before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/lag.cuh"
#include "kernels/cuda/rows.cuh"

extern "C" {
#include "backend/op/catch_up.h"
}

/* The first `blocks` blocks have the rows of table 0, the others those of table 1. */
static __global__ void catch_up(op_catch_up o, const lag_pair *near_pair, int64_t blocks)
{
    int k = blockIdx.x >= blocks;
    const catch_up_table &t = o.table[k];
    const updated &table = t.table;
    int64_t D = table.dim, rows = rows_of_block(D), all = t.whole ? table.n_rows : *t.index.n_rows;
    row_share share = share_of_rows(D);
    int64_t s = (blockIdx.x - k * blocks) * rows + share.row, r = 0;
    bool in = share.row < rows && s < all;
    int32_t last = (int32_t)o.rule.t;
    if (in) {
        r = t.whole ? s : t.index.row[s];
        last = table.last[r];
    }
    __syncthreads(); /* all threads of a row have read what one of them changes */
    row_lag lag = lag_since(o.rule, last, near_pair);
    if (lag.k.steps == 0) return;
    if (share.first == 0) table.last[r] = (int32_t)o.rule.t;
    for (int64_t c = share.first; c < D; c += share.step) element_catches_up(o.rule, lag, table, r * D + c);
}

size_t recsys__cuda_catch_up_workspace(const op_catch_up *o)
{
    cuda_room room = { nullptr, 0 };
    (void)recsys__cuda_take_near_pairs(&room, &o->rule);
    return room.used;
}

recsys_status recsys__cuda_catch_up(op_context *c, const op_catch_up *o)
{
    cuda_room room = cuda_workspace(c);
    lag_pair *pair = recsys__cuda_take_near_pairs(&room, &o->rule);
    int64_t blocks[CATCH_UP_TABLES] = { 0, 0 };
    for (int64_t k = 0; k < o->n_tables; k++) {
        const catch_up_table *t = &o->table[k];
        int64_t rows = t->whole ? t->table.n_rows : most_rows_of(&t->index, t->table.n_rows);
        blocks[k] = blocks_of_rows(rows, t->table.dim);
    }
    if (blocks[0] + blocks[1] == 0) return RECSYS_OK;
    recsys__cuda_make_near_pairs(c, &o->rule, pair);
    LAUNCH(catch_up, (unsigned)(blocks[0] + blocks[1]), BLOCK, 0, c, *o, pair, blocks[0]);
    return cuda_launched(c);
}
