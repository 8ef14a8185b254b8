/* history_score.cu - the history_score kernels: all items as in histories.h, listed ones with a thread for each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/histories.h"

extern "C" {
#include "backend/op/history_score.h"
}

enum { TEAM = 128 };

/* Scores of a launch, between which the host asks whether to stop; blocks that are enough for a device. */
static const int64_t PART_SCORES = (int64_t)1 << 26;
static const int64_t ENOUGH_BLOCKS = 1024;

static __device__ float listed_dense(const op_history_score &o, int64_t q, int64_t j)
{
    const symmetric *p = &o.weights.precision;
    float sum = 0.0f;
    for (int64_t e = o.x.ptr[q]; e < o.x.ptr[q + 1]; e++) {
        int64_t i = o.x.item[e];
        if (i != j) sum = fmaf(o.x.val ? o.x.val[e] : 1.0f, precision_at(p, i, j), sum);
    }
    return precision_score(sum, 1.0f / precision_at(p, j, j));
}

/* Columns ascend within a row: each row of the history is searched for the item. */
static __device__ float listed_sparse(const op_history_score &o, int64_t q, int64_t j)
{
    const item_weights *w = &o.weights;
    float sum = 0.0f;
    for (int64_t e = o.x.ptr[q]; e < o.x.ptr[q + 1]; e++) {
        int64_t low = w->row_ptr[o.x.item[e]], end = w->row_ptr[o.x.item[e] + 1], high = end;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (w->col[middle] < j) low = middle + 1;
            else high = middle;
        }
        if (low < end && w->col[low] == j) sum = fmaf(o.x.val ? o.x.val[e] : 1.0f, w->val[low], sum);
    }
    return sum;
}

/* gridDim.y blocks for each query. */
static __global__ void score_listed(op_history_score o, int64_t first_query)
{
    int64_t q = first_query + blockIdx.x, step = (int64_t)gridDim.y * blockDim.x, end = o.at.ptr[q + 1];
    for (int64_t e = o.at.ptr[q] + (int64_t)blockIdx.y * blockDim.x + threadIdx.x; e < end; e += step)
        o.at.out[e] = o.weights.row_ptr != nullptr ? listed_sparse(o, q, o.at.item[e]) : listed_dense(o, q, o.at.item[e]);
}

static bool needs_scale(const op_history_score *o)
{
    return o->weights.row_ptr == nullptr && o->at.ptr == nullptr;
}

size_t recsys__cuda_history_score_workspace(const op_history_score *o)
{
    cuda_room room = { nullptr, 0 };
    if (needs_scale(o)) room.take<float>(o->at.n_items);
    return room.used;
}

recsys_status recsys__cuda_history_score(op_context *c, const op_history_score *o)
{
    int64_t Q = o->at.n_queries, I = o->at.n_items;
    TRY(cuda_precision_check(c->error, &o->weights));
    if (Q == 0 || I == 0) return RECSYS_OK;
    cuda_room room = cuda_workspace(c);
    float *scale = needs_scale(o) ? room.take<float>(I) : nullptr;
    if (scale) cuda_precision_scale(c, &o->weights.precision, scale);
    int64_t each = PART_SCORES / I + 1, per_query = ENOUGH_BLOCKS / Q + 1, most = (I + TEAM - 1) / TEAM;
    for (int64_t q = 0; q < Q; q += each) {
        int64_t count = Q - q < each ? Q - q : each;
        if (c->cancelled(c->host)) return cuda_fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while scoring");
        if (o->at.ptr == nullptr)
            cuda_history_scores(c, &o->x, &o->weights, scale, history_block{ q, count, 0, I, o->at.out + q * I, I });
        else
            LAUNCH(score_listed, dim3((unsigned)count, (unsigned)(per_query < most ? per_query : most)), TEAM, 0, c, *o, q);
    }
    return cuda_launched(c);
}
