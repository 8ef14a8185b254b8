/* rank.c - front-ends of inner-product ranking, and the lists that all ranking operations share.
 *
 * I items, Q queries, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/rank.h"

#include "backend/op/dot_rank.h"
#include "backend/op/dot_score.h"
#include "backend/op/gather_rows.h"
#include "backend/run.h"
#include "tensor/ops.h"

ranking recsys__bring_ranking(transfers *t, const ranking *to)
{
    ranking r = *to;
    int64_t masked = to->mask_ptr != NULL ? to->mask_ptr[to->n_queries] : 0;
    r.mask_ptr = recsys__bring(t, to->mask_ptr, to->n_queries + 1, sizeof(int64_t));
    r.mask_item = recsys__bring(t, to->mask_item, masked, sizeof(int32_t));
    r.excluded = recsys__bring(t, to->excluded, to->n_items, 1);
    r.items = recsys__take(t, to->items, to->n_queries * to->k, sizeof(int32_t));
    r.scores = recsys__take(t, to->scores, to->n_queries * to->k, sizeof(float));
    return r;
}

scoring recsys__bring_scoring(transfers *t, const scoring *at)
{
    scoring s = *at;
    int64_t count = at->ptr != NULL ? at->ptr[at->n_queries] : at->n_queries * at->n_items;
    s.ptr = recsys__bring(t, at->ptr, at->n_queries + 1, sizeof(int64_t));
    s.item = recsys__bring(t, at->item, at->ptr != NULL ? count : 0, sizeof(int32_t));
    s.out = recsys__take(t, at->out, count, sizeof(float));
    return s;
}

recsys_status recsys__gather_rows(recsys_exec *x, const float *table, int64_t dim, const int32_t *row, int64_t count, float *out)
{
    transfers t = transfers_begin(x);
    op_gather_rows o = {
        .op = { OP_GATHER_ROWS, sizeof o },
        .count = count,
        .dim = dim,
        .table = table,
        .row = recsys__bring(&t, row, count, sizeof(int32_t)),
        .out = out,
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__dot_rank(recsys_exec *x, int64_t dim, const float *users, const float *items, ranking *to)
{
    transfers t = transfers_begin(x);
    op_dot_rank o = {
        .op = { OP_DOT_RANK, sizeof o },
        .dim = dim,
        .users = users,
        .items = items,
        .to = recsys__bring_ranking(&t, to),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__dot_score(recsys_exec *x, int64_t dim, const float *users, const float *items, scoring *at)
{
    transfers t = transfers_begin(x);
    op_dot_score o = {
        .op = { OP_DOT_SCORE, sizeof o },
        .dim = dim,
        .users = users,
        .items = items,
        .at = recsys__bring_scoring(&t, at),
    };
    return recsys__transfers_run(&t, &o.op);
}
