/* gram.cu - the gram kernel: column i of the lower half is a sum over the users of item i, in a block's shared memory.
 *
 * A block has a column, or a slice of a long one, and takes the users of its item one after the other, as the contract's order
 * of sums wants: the threads share the items of a user, which are different rows of the column. While one user is added, the
 * first items of the next are on their way. Many short columns at once make up for the short rows. The host waits for the
 * number of entries, for each part of the columns, and at the end for whether everything is finite.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/watch.h"

#include <cfloat>

extern "C" {
#include "backend/op/gram.h"
}

/* Rows of a slice: 32 KiB of doubles. Threads of a block, and users whose ends are looked up at a time. */
enum { SLICE = 4096, TEAM = 128, PARTS = 4 };

/* The rows `from` to `high` - 1 of column i, whose sums begin with row `low`. */
struct slice {
    int64_t i, low, from, high;
};

static __device__ void store_slice(const op_gram &o, const slice &s, const double *sum, int32_t *not_finite)
{
    const symmetric *g = &o.out;
    int64_t b = s.i / g->tile;
    for (int64_t j = s.from + threadIdx.x; j < s.high; j += blockDim.x) {
        double total = sum[j - s.low] + (j == s.i ? o.l2 : 0.0);
        int64_t a = j / g->tile, height = symmetric_height(g, a);
        if (!(fabs(total) <= (double)FLT_MAX)) *not_finite = 1;
        symmetric_tile_at(g, a, b)[s.i % g->tile * height + (j - a * g->tile)] = (float)total;
    }
}

/* Adds the users e.. of item i whose ends are in shared memory. */
static __device__ void add_users(const op_gram &o, const slice &s, double *sum, const int64_t *first, const int64_t *last,
                                 const double *value, int64_t count)
{
    int64_t at = last[0] - threadIdx.x;
    int64_t j = at >= first[0] ? o.user_item[at] : -1;
    for (int64_t k = 0; k < count; k++) {
        int64_t next_at = 0, next_j = -1;
        if (k + 1 < count) {
            next_at = last[k + 1] - threadIdx.x;
            if (next_at >= first[k + 1]) next_j = o.user_item[next_at];
        }
        /* Items ascend within a user: from the last one down. */
        while (j >= s.from) {
            if (j < s.high) sum[j - s.low] += value[k] * (o.user_val ? (double)o.user_val[at] : 1.0);
            at -= blockDim.x;
            j = at >= first[k] ? o.user_item[at] : -1;
        }
        __syncthreads(); /* the next user may have the same items */
        at = next_at;
        j = next_j;
    }
}

static __global__ void add_columns(op_gram o, int64_t first_column, int32_t *not_finite)
{
    __shared__ double sum[SLICE], value[TEAM];
    __shared__ int64_t first[TEAM], last[TEAM];
    slice s;
    s.i = first_column + blockIdx.x;
    s.low = (int64_t)blockIdx.y * SLICE;
    s.high = s.low + SLICE < o.n_items ? s.low + SLICE : o.n_items;
    s.from = s.i > s.low ? s.i : s.low;
    if (s.from >= s.high) return;
    for (int64_t j = s.from + threadIdx.x; j < s.high; j += blockDim.x) sum[j - s.low] = 0.0;
    int64_t end = o.item_ptr[s.i + 1];
    for (int64_t e = o.item_ptr[s.i]; e < end; e += blockDim.x) {
        int64_t own = e + threadIdx.x;
        if (own < end) {
            int64_t u = o.item_user[own];
            first[threadIdx.x] = o.user_ptr[u];
            last[threadIdx.x] = o.user_ptr[u + 1] - 1;
            value[threadIdx.x] = o.item_val ? (double)o.item_val[own] : 1.0;
        }
        __syncthreads();
        add_users(o, s, sum, first, last, value, end - e < blockDim.x ? end - e : blockDim.x);
    }
    __syncthreads();
    store_slice(o, s, sum, not_finite);
}

size_t recsys__cuda_gram_workspace(const op_gram *)
{
    cuda_room room = { nullptr, 0 };
    room.take<int32_t>(1);
    return room.used;
}

/* A thread for each item of a user of the average length, in whole warps: where users are short, more would wait than work. */
static recsys_status team_size(op_context *c, const op_gram *o, unsigned *threads)
{
    int64_t entries = 0, warps;
    if (o->n_users > 0) TRY(cuda_see(c, o->user_ptr + o->n_users, &entries));
    warps = o->n_users > 0 ? (entries / o->n_users + WARP - 1) / WARP : 1;
    *threads = WARP * (unsigned)(warps < 1 ? 1 : warps > TEAM / WARP ? TEAM / WARP : warps);
    return RECSYS_OK;
}

recsys_status recsys__cuda_gram(op_context *c, const op_gram *o)
{
    int64_t I = o->n_items, each = (I + PARTS - 1) / PARTS, slices = (I + SLICE - 1) / SLICE;
    cuda_room room = cuda_workspace(c);
    int32_t *not_finite = room.take<int32_t>(1), found = 0;
    cuda_watch w = { c, "adding up the gram matrix", 0, I };
    if (I == 0) return RECSYS_OK;
    if (slices > 65535)
        return cuda_fail(c->error, RECSYS_ERR_TOO_LARGE, "a gram matrix of %lld items is too large for this device",
                         (long long)I);
    unsigned threads;
    TRY(team_size(c, o, &threads));
    TRY(cuda_ok(c->error, cudaMemsetAsync(not_finite, 0, sizeof *not_finite, cuda_queue(c)->stream)));
    for (int64_t first = 0; first < I; first += each) {
        int64_t columns = I - first < each ? I - first : each;
        TRY(cuda_watch_ask(&w));
        LAUNCH(add_columns, dim3((unsigned)columns, (unsigned)slices), threads, 0, c, *o, first, not_finite);
        TRY(cuda_launched(c));
        TRY(cuda_watch_wait(&w, first + columns));
    }
    TRY(cuda_see(c, not_finite, &found));
    if (found) return cuda_fail(c->error, RECSYS_ERR_NUMERIC, "gram matrix of %lld items is not finite", (long long)I);
    return RECSYS_OK;
}
