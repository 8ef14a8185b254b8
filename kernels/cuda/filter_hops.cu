/* filter_hops.cu - scores by a graph filter; see filter_hops.cuh.
 *
 * Both hops are pulls: a warp takes a row of R, by user for the first hop and by item for the second, and its lanes are 32
 * queries. Each entry of R is read once for 32 queries, adds to 32 chains, and brings 32 neighbouring numbers with it. What
 * is not in a history has weight 0, which leaves a chain as it is. The low-rank part is a product in tiles, joined with the
 * hops as it is written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/filter_hops.cuh"
#include "kernels/cuda/dot_panel.cuh"

/* Warps of a block; entries whose loads are under way at once. */
enum { WARPS = 8, AHEAD = 8 };

/* Bytes of w and t of all groups, unless one group takes more. */
static const int64_t LANES_BYTES = (int64_t)256 << 20;

filter_rooms filter_take(cuda_room *room, const filter *f, int64_t n_queries, int64_t most)
{
    filter_rooms r;
    int64_t floats = (f->n_items + f->n_users) * WARP, queries = n_queries < most ? n_queries : most;
    int64_t groups = LANES_BYTES / (int64_t)sizeof(float) / (floats > 0 ? floats : 1);
    groups = groups < 1 ? 1 : groups;
    r.queries = queries < groups * WARP ? queries : groups * WARP;
    groups = (r.queries + WARP - 1) / WARP;
    r.weight = room->take<float>(groups * f->n_items * WARP);
    r.user = room->take<float>(groups * f->n_users * WARP);
    r.z = room->take<float>(r.queries * f->dim);
    return r;
}

/* ---- a history ---- */

static __device__ __forceinline__ float weight_of(const filter &f, const histories &x, int64_t e)
{
    return (x.val ? x.val[e] : 1.0f) * f.item_scale[x.item[e]];
}

/* A block for each query: w at its items, in its lane. */
static __global__ void spread_histories(filter f, histories x, float *weight, int64_t first_query)
{
    int64_t row = blockIdx.x, q = first_query + row, group = row / WARP, lane = row % WARP;
    for (int64_t e = x.ptr[q] + threadIdx.x; e < x.ptr[q + 1]; e += blockDim.x)
        weight[(group * f.n_items + x.item[e]) * WARP + lane] = weight_of(f, x, e);
}

/* A thread for each direction of a query. */
static __global__ void project_histories(filter f, histories x, float *z, int64_t first_query, int64_t n)
{
    GRID_STRIDE(at, n * f.dim) {
        int64_t row = at / f.dim, d = at - row * f.dim, q = first_query + row;
        float sum = 0.0f;
        for (int64_t e = x.ptr[q]; e < x.ptr[q + 1]; e++) sum = fmaf(weight_of(f, x, e), f.vectors[x.item[e] * f.dim + d], sum);
        z[at] = sum;
    }
}

/* ---- hops ---- */

/* A lane's chain over the entries begin..end-1 of a row of R: from 0 of sum + from_c value_c, columns c as they stand.
 * Entries are read some at a time, so that the loads do not wait for the sums. */
static __device__ __forceinline__ float pull(const int32_t *column, const float *value, int64_t begin, int64_t end,
                                             const float *from)
{
    float sum = 0.0f, product[AHEAD];
    int64_t e = begin;
    for (; e + AHEAD <= end; e += AHEAD) {
        UNROLL for (int j = 0; j < AHEAD; j++)
        {
            float x = from[(int64_t)column[e + j] * WARP];
            product[j] = value ? x * value[e + j] : x;
        }
        UNROLL for (int j = 0; j < AHEAD; j++) sum += product[j];
    }
    for (; e < end; e++) {
        float x = from[(int64_t)column[e] * WARP];
        sum += value ? x * value[e] : x;
    }
    return sum;
}

/* t of all users: a warp for a user of a group. */
static __global__ void to_users(filter f, const float *weight, float *user, int64_t groups)
{
    int lane = (int)threadIdx.x % WARP;
    int64_t begin = (int64_t)blockIdx.x * WARPS + threadIdx.x / WARP, step = (int64_t)gridDim.x * WARPS;
    for (int64_t at = begin; at < groups * f.n_users; at += step) {
        int64_t group = at / f.n_users, u = at - group * f.n_users;
        float y = pull(f.user_item, f.user_val, f.user_ptr[u], f.user_ptr[u + 1], weight + group * f.n_items * WARP + lane);
        user[at * WARP + lane] = y == 0.0f ? 0.0f : f.user_weight[u] * y;
    }
}

/* h of 32 items for a group, scaled where nothing is to be joined: added up with queries side by side, written with items
 * side by side. */
static __global__ void to_items(filter f, const float *user, int64_t n_queries, int64_t first_item, int64_t n_items, float *out,
                                int64_t stride)
{
    __shared__ float square[WARP][WARP + 1];
    const int64_t across = (n_items + WARP - 1) / WARP;
    int64_t group = blockIdx.x / across, first = blockIdx.x % across * WARP;
    int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP;
    for (int i = warp; i < WARP; i += WARPS) {
        int64_t j = first_item + first + i;
        if (first + i < n_items)
            square[i][lane] = pull(f.item_user, f.item_val, f.item_ptr[j], f.item_ptr[j + 1],
                                   user + group * f.n_users * WARP + lane);
    }
    __syncthreads();
    for (int row = warp; row < WARP; row += WARPS) {
        int64_t q = group * WARP + row, i = first + lane;
        if (q >= n_queries || i >= n_items) continue;
        float h = square[lane][row];
        out[q * stride + i] = f.dim > 0 ? h : f.item_scale[first_item + i] * h;
    }
}

/* s of an inner product l and of h, which stands where s is to be. */
struct join {
    const float *scale, *weight, *out;
    int64_t stride;
    __device__ __forceinline__ float operator()(int64_t q, int64_t i, float l) const
    {
        return scale[i] * out[q * stride + i] + weight[i] * l;
    }
};

/* ---- launches ---- */

recsys_status filter_begin(op_context *c, const filter *f, const histories *x, const filter_rooms *r, int64_t first_query,
                           int64_t n)
{
    int64_t groups = (n + WARP - 1) / WARP;
    TRY(cuda_ok(c->error, cudaMemsetAsync(r->weight, 0, sizeof(float) * (size_t)(groups * f->n_items * WARP),
                                          cuda_queue(c)->stream)));
    LAUNCH(spread_histories, (unsigned)n, 2 * WARP, 0, c, *f, *x, r->weight, first_query);
    LAUNCH(to_users, cuda_blocks(groups * f->n_users, WARPS), WARPS * WARP, 0, c, *f, r->weight, r->user, groups);
    if (f->dim > 0) LAUNCH(project_histories, cuda_blocks(n * f->dim, 2 * WARP), 2 * WARP, 0, c, *f, *x, r->z, first_query, n);
    return RECSYS_OK;
}

void filter_panel(op_context *c, const filter *f, const filter_rooms *r, int64_t n, int64_t first_item, int64_t n_items,
                  float *out, int64_t stride)
{
    int64_t groups = (n + WARP - 1) / WARP, blocks = groups * ((n_items + WARP - 1) / WARP);
    if (blocks <= 0) return;
    LAUNCH(to_items, (unsigned)blocks, WARPS * WARP, 0, c, *f, r->user, n, first_item, n_items, out, stride);
    if (f->dim > 0)
        dot_fill(c, dot_panel{ r->z, f->vectors + first_item * f->dim, n, n_items, f->dim, out, stride },
                 join{ f->item_scale + first_item, f->low_weight + first_item, out, stride });
}
