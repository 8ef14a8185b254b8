/* rows_rank.c - front-ends of operations on dense rows of scores: lists of them, and weighted sums of them.
 *
 * Rows are device memory, lists and weights are the caller's. Q rows or sums, I columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rows_rank.h"

#include "backend/op/mix_rows.h"
#include "tensor/ops.h"
#include "tensor/rank.h"

recsys_status recsys__rows_rank(recsys_exec *x, const float *rows, ranking *to)
{
    transfers t = transfers_begin(x);
    op_rows_rank o = {
        .op = { OP_ROWS_RANK, sizeof o },
        .rows = rows,
        .to = recsys__bring_ranking(&t, to),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__mix_rows(recsys_exec *x, float *rows, int64_t n_rows, int32_t sigmoid, const row_sums *sums, float *out)
{
    transfers t = transfers_begin(x);
    int64_t entries = sums->ptr[sums->count];
    op_mix_rows o = {
        .op = { OP_MIX_ROWS, sizeof o },
        .n_rows = n_rows,
        .n_sums = sums->count,
        .n_items = sums->n_items,
        .sigmoid = sigmoid,
        .add = sums->add,
        .rows = rows,
        .ptr = recsys__bring(&t, sums->ptr, sums->count + 1, sizeof(int64_t)),
        .row = recsys__bring(&t, sums->row, entries, sizeof(int32_t)),
        .weight = recsys__bring(&t, sums->weight, entries, sizeof(float)),
        .out = out,
    };
    return recsys__transfers_run(&t, &o.op);
}
