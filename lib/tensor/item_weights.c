/* item_weights.c - front-ends of the operations of item-based models: Gram matrix, inverse, item weights, histories.
 *
 * I items, Q queries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gram.h"
#include "backend/op/history_rank.h"
#include "backend/op/history_score.h"
#include "backend/op/spd_inverse.h"
#include "backend/op/weights_rows.h"
#include "backend/op/weights_sparsify.h"
#include "backend/run.h"
#include "tensor/ops.h"
#include "tensor/rank.h"
#include "tensor/transfers.h"

recsys_status recsys__gram(recsys_exec *x, const csr *by_user, const float *user_val, const csr *by_item, const float *item_val,
                           double l2, symmetric *g)
{
    int64_t n_users = by_user->n_rows, n_items = by_item->n_rows, entries = by_user->ptr[n_users];
    transfers t = transfers_begin(x);
    op_gram o = {
        .op = { OP_GRAM, sizeof o },
        .n_users = n_users,
        .n_items = n_items,
        .user_ptr = recsys__bring(&t, by_user->ptr, n_users + 1, sizeof(int64_t)),
        .user_item = recsys__bring(&t, by_user->col, entries, sizeof(int32_t)),
        .user_val = recsys__bring(&t, user_val, entries, sizeof(float)),
        .item_ptr = recsys__bring(&t, by_item->ptr, n_items + 1, sizeof(int64_t)),
        .item_user = recsys__bring(&t, by_item->col, entries, sizeof(int32_t)),
        .item_val = recsys__bring(&t, item_val, entries, sizeof(float)),
        .l2 = l2,
        .out = *g,
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__spd_inverse(recsys_exec *x, symmetric *g)
{
    op_spd_inverse o = { .op = { OP_SPD_INVERSE, sizeof o }, .inout = *g };
    recsys_status status = recsys__run(x, &o.op);
    if (status >= 0)
        g->tile = SYMMETRIC_LINE;
    return status;
}

recsys_status recsys__weights_sparsify(recsys_exec *x, const symmetric *precision, int64_t top_k, int64_t *row_ptr, int32_t *col,
                                       float *val)
{
    op_weights_sparsify o = {
        .op = { OP_WEIGHTS_SPARSIFY, sizeof o },
        .precision = *precision,
        .top_k = top_k,
        .row_ptr = row_ptr,
        .col = col,
        .val = val,
    };
    return recsys__run(x, &o.op);
}

recsys_status recsys__weights_rows(recsys_exec *x, const item_weights *w, int64_t first_row, int64_t n_rows, float *out)
{
    enum { ROWS_AT_ONCE = 64 };
    int32_t rows[ROWS_AT_ONCE];
    recsys_status status = RECSYS_OK;
    for (int64_t r = 0; r < n_rows && status >= 0; r += ROWS_AT_ONCE) {
        int64_t count = n_rows - r < ROWS_AT_ONCE ? n_rows - r : ROWS_AT_ONCE;
        for (int64_t i = 0; i < count; i++)
            rows[i] = (int32_t)(first_row + r + i);
        transfers t = transfers_begin(x);
        op_weights_rows o = {
            .op = { OP_WEIGHTS_ROWS, sizeof o },
            .weights = *w,
            .n_rows = count,
            .rows = rows,
            .out = recsys__take(&t, out + r * w->n_items, count * w->n_items, sizeof(float)),
        };
        status = recsys__transfers_run(&t, &o.op);
    }
    return status;
}

/* Sparse rows of queries, brought to the device. */
static histories bring_histories(transfers *t, const histories *h, int64_t n_queries)
{
    int64_t entries = h->ptr[n_queries];
    return (histories){
        .ptr = recsys__bring(t, h->ptr, n_queries + 1, sizeof(int64_t)),
        .item = recsys__bring(t, h->item, entries, sizeof(int32_t)),
        .val = recsys__bring(t, h->val, entries, sizeof(float)),
    };
}

recsys_status recsys__history_rank(recsys_exec *x, const item_weights *w, const histories *h, ranking *to)
{
    transfers t = transfers_begin(x);
    op_history_rank o = {
        .op = { OP_HISTORY_RANK, sizeof o },
        .x = bring_histories(&t, h, to->n_queries),
        .n_entries = h->ptr[to->n_queries] - h->ptr[0],
        .weights = *w,
        .to = recsys__bring_ranking(&t, to),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__history_score(recsys_exec *x, const item_weights *w, const histories *h, scoring *at)
{
    transfers t = transfers_begin(x);
    op_history_score o = {
        .op = { OP_HISTORY_SCORE, sizeof o },
        .x = bring_histories(&t, h, at->n_queries),
        .weights = *w,
        .at = recsys__bring_scoring(&t, at),
    };
    return recsys__transfers_run(&t, &o.op);
}
