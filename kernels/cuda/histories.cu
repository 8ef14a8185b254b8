/* histories.cu - scores of sparse histories; see histories.h.
 *
 * A thread has a query and an item and goes through the history, item after item: of P the threads of a warp read lines of four
 * by four elements that stand next to each other or below each other, of packed columns a run of one row. Sparse rows are added
 * by a block for each query, in the row that is the result.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/histories.h"

enum { TEAM = 128 };

/* Where P is read: its lines, or columns of it. */
struct from_lines {
    symmetric p;
    __device__ float operator()(int64_t i, int64_t j, int64_t) const { return i == j ? 0.0f : precision_at(&p, i, j); }
};

struct from_columns {
    const float *packed;
    int64_t width;
    __device__ float operator()(int64_t i, int64_t, int64_t column) const { return packed[i * width + column]; }
};

/* `chunks` blocks for each query. */
template <typename P> static __global__ void score_dense(histories x, P p, const float *scale, history_block to, int64_t chunks)
{
    int64_t row = blockIdx.x / chunks, q = to.first_query + row, column = blockIdx.x % chunks * blockDim.x + threadIdx.x;
    if (column >= to.n_items) return;
    int64_t j = to.first_item + column, end = x.ptr[q + 1];
    float sum = 0.0f;
    for (int64_t e = x.ptr[q]; e < end; e++) sum = fmaf(x.val ? x.val[e] : 1.0f, p(x.item[e], j, column), sum);
    to.out[row * to.stride + column] = precision_score(sum, scale[j]);
}

/* A block for each query. The ends of the rows that it adds are looked up for blockDim.x entries of the history at a time. */
static __global__ void score_sparse(histories x, item_weights w, history_block to)
{
    __shared__ int64_t begin[TEAM], end[TEAM];
    __shared__ float value[TEAM];
    int64_t row = blockIdx.x, last = x.ptr[to.first_query + row + 1];
    float *out = to.out + row * to.stride;
    for (int64_t j = threadIdx.x; j < to.n_items; j += blockDim.x) out[j] = 0.0f;
    for (int64_t e = x.ptr[to.first_query + row]; e < last; e += blockDim.x) {
        int64_t own = e + threadIdx.x, count = last - e < blockDim.x ? last - e : blockDim.x;
        if (own < last) {
            begin[threadIdx.x] = w.row_ptr[x.item[own]];
            end[threadIdx.x] = w.row_ptr[x.item[own] + 1];
            value[threadIdx.x] = x.val ? x.val[own] : 1.0f;
        }
        __syncthreads();
        for (int64_t k = 0; k < count; k++) {
            for (int64_t at = begin[k] + threadIdx.x; at < end[k]; at += blockDim.x) {
                int64_t j = w.col[at] - to.first_item;
                if (j >= 0 && j < to.n_items) out[j] = fmaf(value[k], w.val[at], out[j]);
            }
            __syncthreads(); /* the next row may have the same columns */
        }
    }
}

/* A thread for each line of 4 x 4 elements, read as it stands or transposed. */
static __global__ void pack(symmetric p, int64_t first, int64_t width, float *packed)
{
    int64_t strips = (p.n + 3) / 4, across = width / 4;
    GRID_STRIDE(at, strips * across) {
        int64_t a = at / across, column = at % across, b = first / 4 + column;
        if (b >= strips) continue;
        const float4 *line = reinterpret_cast<const float4 *>(p.data + (a >= b ? symmetric_line(a, b) : symmetric_line(b, a)));
        float4 r0 = line[0], r1 = line[1], r2 = line[2], r3 = line[3];
        if (a < b) {
            float4 c0 = make_float4(r0.x, r1.x, r2.x, r3.x), c1 = make_float4(r0.y, r1.y, r2.y, r3.y);
            float4 c2 = make_float4(r0.z, r1.z, r2.z, r3.z), c3 = make_float4(r0.w, r1.w, r2.w, r3.w);
            r0 = c0, r1 = c1, r2 = c2, r3 = c3;
        }
        if (a == b) r0.x = r1.y = r2.z = r3.w = 0.0f;
        float4 *to = reinterpret_cast<float4 *>(packed + 4 * a * width + 4 * column);
        to[0] = r0;
        to[across] = r1;
        to[2 * across] = r2;
        to[3 * across] = r3;
    }
}

template <typename P>
static void launch_dense(op_context *c, const histories *x, const P &p, const float *scale, const history_block &to)
{
    int64_t chunks = (to.n_items + TEAM - 1) / TEAM, most = INT32_MAX / chunks;
    auto kernel = score_dense<P>;
    for (int64_t q = 0; q < to.n_queries; q += most) {
        history_block part = to;
        part.first_query += q;
        part.out += q * to.stride;
        part.n_queries = to.n_queries - q < most ? to.n_queries - q : most;
        LAUNCH(kernel, (unsigned)(part.n_queries * chunks), TEAM, 0, c, *x, p, scale, part, chunks);
    }
}

void cuda_history_scores(op_context *c, const histories *x, const item_weights *w, const float *scale, history_block to)
{
    if (to.n_queries == 0 || to.n_items == 0) return;
    if (w->row_ptr == nullptr) launch_dense(c, x, from_lines{ w->precision }, scale, to);
    else {
        unsigned threads = to.n_items < TEAM ? (unsigned)((to.n_items + WARP - 1) / WARP * WARP) : (unsigned)TEAM;
        LAUNCH(score_sparse, (unsigned)to.n_queries, threads, 0, c, *x, *w, to);
    }
}

void cuda_history_pack(op_context *c, const symmetric *p, int64_t first, int64_t width, float *packed)
{
    LAUNCH(pack, cuda_blocks((p->n + 3) / 4 * (width / 4), BLOCK), BLOCK, 0, c, *p, first, width, packed);
}

void cuda_history_packed_scores(op_context *c, const histories *x, const float *packed, int64_t width, const float *scale,
                                history_block to)
{
    if (to.n_queries > 0 && to.n_items > 0) launch_dense(c, x, from_columns{ packed, width }, scale, to);
}
