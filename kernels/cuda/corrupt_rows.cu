/* corrupt_rows.cu - the corrupt_rows kernel: a warp for each row.
 *
 * A draw depends on its number alone, so a warp walks 32 flips at a time: each lane draws the gap before one, and the sums of
 * the gaps are where they fall. Rows with flips are walked twice, to count and to write.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/prefix.h"

extern "C" {
#include "backend/op/corrupt_rows.h"
#include "kernels/shared/corruption.h"
#include "kernels/shared/negatives.h"
}

enum { ROW_WARPS = 4 };
static const unsigned ALL = 0xffffffffu;

/* The value of cell (b, i) of A where kept ones become `kept`. */
static __device__ float cell_value(const op_corrupt_rows &o, uint64_t below, float kept, int64_t b, int32_t i)
{
    uint32_t word[4];
    if (below == 0) return kept;
    mask_words(&o, b, i / 4, word);
    uint32_t low = i & 1 ? word[1] : word[0], high = i & 1 ? word[3] : word[2];
    return (i & 2 ? high : low) < below ? 0.0f : kept;
}

static __global__ void corrupt_values(op_corrupt_rows o)
{
    const int lane = (int)threadIdx.x % WARP;
    const uint64_t below = mask_below(&o);
    for (int64_t b = (int64_t)blockIdx.x * ROW_WARPS + threadIdx.x / WARP; b < o.n_rows; b += (int64_t)gridDim.x * ROW_WARPS) {
        const int64_t begin = o.row_ptr[b], end = o.row_ptr[b + 1];
        const float kept = row_scale(&o, end - begin) * o.kept;
        for (int64_t e = begin + lane; e < end; e += WARP) o.out_value[e] = cell_value(o, below, kept, b, o.column[e]);
    }
}

/* 32 flips of row b from number `drawn` on, the last one before them at `at`: the column of this lane's, I or more: past the
 * end. */
static __device__ int64_t flip_columns(const op_corrupt_rows &o, double log_other, int64_t b, uint64_t drawn, int64_t at)
{
    const int lane = (int)threadIdx.x % WARP;
    int64_t step = 1 + flip_gap(&o, log_other, b, drawn + (uint64_t)lane);
    for (int by = 1; by < WARP; by *= 2) {
        int64_t before = __shfl_up_sync(ALL, step, (unsigned)by);
        if (lane >= by) step += before;
    }
    return at + step;
}

static __global__ void count_flips(op_corrupt_rows o, double log_other)
{
    const int lane = (int)threadIdx.x % WARP;
    for (int64_t b = (int64_t)blockIdx.x * ROW_WARPS + threadIdx.x / WARP; b < o.n_rows; b += (int64_t)gridDim.x * ROW_WARPS) {
        const int64_t begin = o.row_ptr[b], d = o.row_ptr[b + 1] - begin;
        int64_t cells = d, at = -1;
        for (uint64_t drawn = 0; at < o.n_columns; drawn += WARP) {
            int64_t column = flip_columns(o, log_other, b, drawn, at);
            bool is_set = column < o.n_columns && !is_listed(o.column + begin, d, column);
            cells += __popc(__ballot_sync(ALL, is_set));
            at = __shfl_sync(ALL, column, WARP - 1);
        }
        if (lane == 0) o.out_ptr[b + 1] = cells;
    }
}

/* How many of flip[0..31], which ascend, are below column i. */
static __device__ int flips_below(const int64_t *flip, int32_t i)
{
    int count = 0;
    for (int half = WARP / 2; half > 0; half /= 2)
        if (flip[count + half - 1] < i) count += half;
    return count + (flip[count] < i);
}

/* Row b of A, d cells from `begin` on, merged with its flips. `flip`: room for 32. */
static __device__ void merge_row(const op_corrupt_rows &o, double log_other, int64_t b, int64_t *flip)
{
    const int lane = (int)threadIdx.x % WARP;
    const uint64_t below = mask_below(&o);
    const int64_t begin = o.row_ptr[b], d = o.row_ptr[b + 1] - begin;
    const int32_t *own = o.column + begin;
    const float f = row_scale(&o, d), kept = f * o.kept;
    int32_t *column = o.out_column + o.out_ptr[b];
    float *value = o.out_value + o.out_ptr[b];
    int64_t at = -1, set = 0, e0 = 0; /* flips that are cells, and cells of A, that have their places */
    for (uint64_t drawn = 0; at < o.n_columns; drawn += WARP) {
        int64_t i = flip_columns(o, log_other, b, drawn, at), rank = count_below(own, d, i);
        bool is_set = i < o.n_columns && !(rank < d && own[rank] == i);
        unsigned sets = __ballot_sync(ALL, is_set);
        if (is_set) {
            int64_t place = rank + set + __popc(sets & ((1u << lane) - 1));
            column[place] = (int32_t)i;
            value[place] = f;
        }
        flip[lane] = i;
        __syncwarp();
        at = flip[WARP - 1];
        int64_t e1 = at < o.n_columns ? count_below(own, d, at + 1) : d;
        for (int64_t e = e0 + lane; e < e1; e += WARP) {
            int before = flips_below(flip, own[e]);
            int64_t place = e + set + __popc(before == WARP ? sets : sets & ((1u << before) - 1));
            column[place] = own[e];
            value[place] = cell_value(o, below, kept, b, own[e]);
        }
        e0 = e1;
        set += __popc(sets);
        __syncwarp();
    }
}

static __global__ void merge_rows(op_corrupt_rows o, double log_other)
{
    __shared__ int64_t flip[ROW_WARPS][WARP];
    for (int64_t b = (int64_t)blockIdx.x * ROW_WARPS + threadIdx.x / WARP; b < o.n_rows; b += (int64_t)gridDim.x * ROW_WARPS)
        merge_row(o, log_other, b, flip[threadIdx.x / WARP]);
}

size_t recsys__cuda_corrupt_rows_workspace(const op_corrupt_rows *)
{
    return 0;
}

recsys_status recsys__cuda_corrupt_rows(op_context *c, const op_corrupt_rows *o)
{
    const unsigned blocks = cuda_blocks(o->n_rows, ROW_WARPS), threads = ROW_WARPS * WARP;
    if (o->flip == 0.0) {
        LAUNCH(corrupt_values, blocks, threads, 0, c, *o);
        return cuda_launched(c);
    }
    const double log_other = double_log_other(o->flip);
    LAUNCH(count_flips, blocks, threads, 0, c, *o, log_other);
    cuda_prefix(c, o->n_rows, o->out_ptr);
    if (o->out_column) LAUNCH(merge_rows, blocks, threads, 0, c, *o, log_other);
    return cuda_launched(c);
}
