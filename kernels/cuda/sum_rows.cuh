/* sum_rows.cuh - weighted sums of rows of a table, one for each row of a sparse matrix: the graph's kernels are made of it.
 *
 * A kernel describes its sums in a struct, the job, and has cuda_sum_rows() run it:
 *
 *     sparse_terms terms;                                      the matrix and the table
 *     int64_t rows() const;                                    sums, at most as many as it was launched for
 *     int64_t begin(int64_t n) const, end(int64_t n) const;    the entries of sum n
 *     void finish(int64_t n, int64_t c, columns<V> sum) const; what becomes of its columns c to c + V - 1
 *
 * Each sum is an fmaf chain from 0 in each column, over the entries as stored. A group of lanes has a sum: a lane has V
 * columns, reads the entries for itself, AT_ONCE of them before the first is added, and needs no other lane. Lost: one lane
 * reading for the others, who wait for it. A row of more than LONG entries, which would keep its lanes busy long after the
 * others have ended, is left to the whole block: that brings many rows of the table to shared memory at a time, where one group
 * adds them up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_SUM_ROWS_CUH
#define KERNELS_CUDA_SUM_ROWS_CUH

#include "kernels/cuda/cuda.h"

enum { AT_ONCE = 8, LONG = 2048, TILE_FLOATS = 4096 };

/* V neighbouring floats, read and written at once: aligned to their size. */
template <int V> struct alignas(4 * V) columns {
    float at[V];
};

template <int V> static __device__ __forceinline__ columns<V> read_columns(const float *from)
{
    return *reinterpret_cast<const columns<V> *>(from);
}

template <int V> static __device__ __forceinline__ void write_columns(float *to, columns<V> x)
{
    *reinterpret_cast<columns<V> *>(to) = x;
}

template <int V> static __device__ __forceinline__ columns<V> no_columns()
{
    columns<V> zero;
    for (int v = 0; v < V; v++) zero.at[v] = 0.0f;
    return zero;
}

/* y + weight x, rounded once. */
template <int V> static __device__ __forceinline__ columns<V> add_columns(columns<V> y, float weight, columns<V> x)
{
    for (int v = 0; v < V; v++) y.at[v] = fmaf(weight, x.at[v], y.at[v]);
    return y;
}

/* Entry e is weight value_e (NULL: 1) and row column_e of `table`, or row slot[column_e]: none where that is -1. */
struct sparse_terms {
    const int32_t *column;
    const float *value;
    const float *table;
    int64_t dim, stride; /* columns, and floats from a row of the table to the next */
    const int32_t *slot;
};

template <bool SLOTS> static __device__ __forceinline__ int32_t table_row(const sparse_terms &t, int64_t e)
{
    int32_t row = t.column[e];
    return SLOTS ? t.slot[row] : row;
}

/* Adds the terms of the entries e..e+count-1, count from 1 to AT_ONCE, to one lane's columns from c on. Behind the last entry
 * that one is read again, and not added: a branch there would have each row waited for before the next is asked for. */
template <int V, bool SLOTS>
static __device__ __forceinline__ columns<V> add_terms(columns<V> sum, const sparse_terms &t, int64_t e, int count, int64_t c)
{
    int32_t row[AT_ONCE];
    float weight[AT_ONCE];
    columns<V> x[AT_ONCE];
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++) {
        int64_t from = e + (k < count ? k : count - 1);
        row[k] = table_row<SLOTS>(t, from);
        weight[k] = t.value ? t.value[from] : 1.0f;
    }
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++)
        x[k] = !SLOTS || row[k] >= 0 ? read_columns<V>(t.table + row[k] * t.stride + c) : no_columns<V>();
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++)
        if ((k == 0 || k < count) && (!SLOTS || row[k] >= 0)) sum = add_columns<V>(sum, weight[k], x[k]);
    return sum;
}

/* Adds the terms of the entries begin..end-1 to one lane's columns from c on. */
template <int V, bool SLOTS>
static __device__ __forceinline__ columns<V> add_entries(columns<V> sum, const sparse_terms &t, int64_t begin, int64_t end,
                                                         int64_t c)
{
    int64_t e = begin;
    for (; e + AT_ONCE <= end; e += AT_ONCE) sum = add_terms<V, SLOTS>(sum, t, e, AT_ONCE, c);
    return e < end ? add_terms<V, SLOTS>(sum, t, e, (int)(end - e), c) : sum;
}

/* What a block needs for a long row: entries that have a row of the table, and some of those rows. */
template <int V> struct long_room {
    int32_t row[BLOCK];
    float weight[BLOCK];
    int of_warp[BLOCK / WARP];
    columns<V> tile[TILE_FLOATS / V];
};

/* Entries begin to begin + BLOCK - 1, so far as they are below `end` and have a row, to room.row and room.weight in their
 * order; how many there are. Ends in a barrier. */
template <int V, bool SLOTS>
static __device__ int pick_entries(const sparse_terms &t, int64_t begin, int64_t end, long_room<V> &room)
{
    const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP;
    const int64_t e = begin + threadIdx.x;
    int32_t row = e < end ? table_row<SLOTS>(t, e) : -1;
    unsigned found = __ballot_sync(0xffffffffu, row >= 0);
    int at = __popc(found & ((1u << lane) - 1)), count = 0;
    if (lane == 0) room.of_warp[warp] = __popc(found);
    __syncthreads();
    for (int w = 0; w < BLOCK / WARP; w++) {
        if (w < warp) at += room.of_warp[w];
        count += room.of_warp[w];
    }
    if (row >= 0) {
        room.row[at] = row;
        room.weight[at] = t.value ? t.value[e] : 1.0f;
    }
    __syncthreads();
    return count;
}

/* The same sum by all threads of the block, 2^lanes lanes wide from column c0 on: threads below 2^lanes get their columns. */
template <int V, bool SLOTS>
static __device__ columns<V> sum_of_block(const sparse_terms &t, int64_t begin, int64_t end, int64_t c0, int lanes,
                                          long_room<V> &room)
{
    const int rows_of_tile = (TILE_FLOATS / V) >> lanes, mask = (1 << lanes) - 1;
    columns<V> sum = no_columns<V>();
    for (; begin < end; begin += BLOCK) {
        const int count = pick_entries<V, SLOTS>(t, begin, end, room);
        for (int first = 0; first < count; first += rows_of_tile) {
            const int rows = count - first < rows_of_tile ? count - first : rows_of_tile;
#pragma unroll 4
            for (int i = (int)threadIdx.x; i < rows << lanes; i += BLOCK) {
                int64_t c = c0 + (i & mask) * V;
                if (c < t.dim) room.tile[i] = read_columns<V>(t.table + room.row[first + (i >> lanes)] * t.stride + c);
            }
            __syncthreads();
            if ((int)threadIdx.x <= mask && c0 + (int64_t)threadIdx.x * V < t.dim)
#pragma unroll 8
                for (int k = 0; k < rows; k++)
                    sum = add_columns<V>(sum, room.weight[first + k], room.tile[(k << lanes) + (int)threadIdx.x]);
            __syncthreads();
        }
    }
    return sum;
}

/* BLOCK / 2^lanes sums a block, 2^lanes V columns of them: those from blockIdx.y 2^lanes V on. Four blocks at a time leave each
 * thread the registers for AT_ONCE rows. */
template <typename JOB, int V, bool SLOTS> static __global__ void __launch_bounds__(BLOCK, 4) sum_rows(JOB job, int lanes)
{
    __shared__ long_room<V> room;
    __shared__ int n_long, long_group[BLOCK];
    const int group = (int)threadIdx.x >> lanes, lane = (int)threadIdx.x & ((1 << lanes) - 1), groups = BLOCK >> lanes;
    const int64_t c0 = (int64_t)blockIdx.y * (V << lanes), c = c0 + lane * V, N = job.rows();
    for (int64_t n0 = (int64_t)blockIdx.x * groups; n0 < N; n0 += (int64_t)gridDim.x * groups) {
        const int64_t n = n0 + group;
        const int64_t begin = n < N ? job.begin(n) : 0, end = n < N ? job.end(n) : 0;
        const bool is_long = end - begin > LONG;
        if (n < N && c < job.terms.dim && !is_long)
            job.finish(n, c, add_entries<V, SLOTS>(no_columns<V>(), job.terms, begin, end, c));
        if (threadIdx.x == 0) n_long = 0;
        __syncthreads();
        if (is_long && lane == 0) long_group[atomicAdd(&n_long, 1)] = group;
        __syncthreads();
        const int all_long = n_long;
        for (int k = 0; k < all_long; k++) {
            const int64_t m = n0 + long_group[k];
            columns<V> sum = sum_of_block<V, SLOTS>(job.terms, job.begin(m), job.end(m), c0, lanes, room);
            if (group == 0 && c < job.terms.dim) job.finish(m, c, sum);
        }
        __syncthreads();
    }
}

template <typename JOB, int V, bool SLOTS> static void launch_sum_rows(op_context *c, const JOB &job, int64_t most)
{
    int lanes = 0;
    while (lanes < 5 && (int64_t)V << lanes < job.terms.dim) lanes++;
    const int64_t width = (int64_t)V << lanes;
    const dim3 blocks(cuda_blocks(most, BLOCK >> lanes), (unsigned)((job.terms.dim + width - 1) / width));
    auto kernel = sum_rows<JOB, V, SLOTS>;
    LAUNCH(kernel, blocks, BLOCK, 0, c, job, lanes);
}

/* Whether rows `stride` apart from p on can be read and written four floats at a time. */
static inline bool cuda_is_wide(const void *p, int64_t stride)
{
    return reinterpret_cast<uintptr_t>(p) % 16 == 0 && stride % 4 == 0;
}

/* Runs a job of at most `most` sums. `wide`: whether cuda_is_wide() holds for what its finish() reads and writes. */
template <typename JOB> static recsys_status cuda_sum_rows(op_context *c, const JOB &job, int64_t most, bool wide)
{
    const bool slots = job.terms.slot != nullptr;
    if (most == 0 || job.terms.dim == 0) return RECSYS_OK;
    wide = wide && cuda_is_wide(job.terms.table, job.terms.stride) && job.terms.dim % 4 == 0;
    if (wide && slots) launch_sum_rows<JOB, 4, true>(c, job, most);
    else if (wide) launch_sum_rows<JOB, 4, false>(c, job, most);
    else if (slots) launch_sum_rows<JOB, 1, true>(c, job, most);
    else launch_sum_rows<JOB, 1, false>(c, job, most);
    return cuda_launched(c);
}

#endif
