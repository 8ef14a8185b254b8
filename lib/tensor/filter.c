/* filter.c - front-ends of graph filters: lists and scores, and what their low-rank part is made with.
 *
 * Filters and matrices are device memory; queries and lists are the caller's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/filter_rank.h"
#include "backend/op/filter_score.h"
#include "backend/op/gaussian.h"
#include "backend/op/orthonormalize.h"
#include "backend/op/ritz.h"
#include "backend/op/spmm.h"
#include "backend/run.h"
#include "tensor/ops.h"
#include "tensor/rank.h"

static histories bring_histories(transfers *t, const histories *h, int64_t n_queries)
{
    int64_t entries = h->ptr[n_queries];
    return (histories){
        .ptr = recsys__bring(t, h->ptr, n_queries + 1, sizeof(int64_t)),
        .item = recsys__bring(t, h->item, entries, sizeof(int32_t)),
        .val = recsys__bring(t, h->val, entries, sizeof(float)),
    };
}

recsys_status recsys__filter_rank(recsys_exec *x, const filter *f, const histories *h, ranking *to)
{
    transfers t = transfers_begin(x);
    op_filter_rank o = {
        .op = { OP_FILTER_RANK, sizeof o },
        .x = bring_histories(&t, h, to->n_queries),
        .f = *f,
        .to = recsys__bring_ranking(&t, to),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__filter_score(recsys_exec *x, const filter *f, const histories *h, scoring *at)
{
    transfers t = transfers_begin(x);
    op_filter_score o = {
        .op = { OP_FILTER_SCORE, sizeof o },
        .x = bring_histories(&t, h, at->n_queries),
        .f = *f,
        .at = recsys__bring_scoring(&t, at),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__gaussian(recsys_exec *x, uint32_t stream, uint64_t step, int64_t count, float *out)
{
    op_gaussian o = { .op = { OP_GAUSSIAN, sizeof o }, .seed = x->seed, .stream = stream, .step = step, .count = count,
                      .out = out };
    return recsys__run(x, &o.op);
}

recsys_status recsys__orthonormalize(recsys_exec *x, int64_t m, int64_t n, int32_t passes, float *X, float *least)
{
    float *device;
    recsys_status status = recsys__device_scratch(x, 1, sizeof *device, &device);
    op_orthonormalize o = { .op = { OP_ORTHONORMALIZE, sizeof o }, .m = m, .n = n, .passes = passes, .x = X, .least = device };
    if (status >= 0)
        status = recsys__run(x, &o.op);
    return status < 0 ? status : recsys__download(x, least, device, sizeof *least);
}

recsys_status recsys__ritz(recsys_exec *x, int64_t m, int64_t n, int64_t l, int64_t k, const float *Q, const float *C, float *V,
                           float *s)
{
    op_ritz o = { .op = { OP_RITZ, sizeof o }, .m = m, .n = n, .l = l, .k = k, .q = Q, .c = C, .v = V, .s = s };
    return recsys__run(x, &o.op);
}

recsys_status recsys__spmm(recsys_exec *x, const sparse *A, int64_t dim, const float *X, float *Y)
{
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = A->n_rows, .dim = dim, .n_entries = A->n_entries,
                  .row_ptr = A->row_ptr,
                  .column = A->column, .value = A->value, .x = X, .y = Y };
    return recsys__run(x, &o.op);
}
