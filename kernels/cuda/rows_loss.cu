/* rows_loss.cu - the rows_loss kernel: a warp for each 256 columns of a row, their labels as bits in shared memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/ordered.h"
#include "kernels/shared/pointwise.h"

extern "C" {
#include "backend/op/rows_loss.h"
}

/* Warps of a block; cells of a lane. */
enum { WARPS = 4, EACH = TERMS / WARP };

static int64_t blocks_of(int64_t columns)
{
    return (columns + TERMS - 1) / TERMS;
}

/* The first of the entries begin..end-1, ascending, that is at least `column`: a warp asks 32 at once. */
static __device__ __forceinline__ int64_t first_at_least(const int32_t *entry, int64_t begin, int64_t end, int64_t column,
                                                         int lane)
{
    while (begin < end) {
        int64_t step = (end - begin + WARP - 1) / WARP, e = begin + lane * step;
        int below = __popc(__ballot_sync(0xffffffffu, e < end && entry[e] < column));
        if (below == 0) return begin;
        int64_t to = begin + below * step;
        begin += (below - 1) * step + 1;
        end = to < end ? to : end;
    }
    return begin;
}

/* Bits of the labels of columns begin..begin+TERMS-1 of row b. */
static __device__ __forceinline__ void mark_labels(const op_rows_loss &o, int64_t b, int64_t begin, unsigned *bits, int lane)
{
    const int64_t last = o.row_ptr[b + 1], first = first_at_least(o.column, o.row_ptr[b], last, begin, lane);
    if (lane < EACH) bits[lane] = 0u;
    __syncwarp();
    for (int64_t e = first + lane;; e += WARP) {
        int64_t at = e < last ? o.column[e] - begin : (int64_t)TERMS;
        if (at < TERMS) atomicOr(bits + at / WARP, 1u << at % WARP);
        if (!__all_sync(0xffffffffu, at < TERMS)) break;
    }
    __syncwarp();
}

/* Losses and gradients; part[k * B + b] is the sum of the k-th block of row b. */
static __global__ void cells(op_rows_loss o, double *part, int64_t blocks, float scale)
{
    __shared__ unsigned label[WARPS][EACH];
    __shared__ float term[WARPS][TERMS];
    const int64_t N = o.columns, all = o.rows * blocks;
    const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    for (int64_t at = (int64_t)blockIdx.x * WARPS + warp; at < all; at += (int64_t)gridDim.x * WARPS) {
        int64_t b = at / blocks, k = at - b * blocks, begin = k * TERMS;
        float z[EACH]; /* loaded before anything waits */
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            int64_t n = begin + i * WARP + lane;
            z[i] = n < N ? o.logit[b * N + n] : 0.0f;
        }
        mark_labels(o, b, begin, label[warp], lane);
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const int64_t n = begin + i * WARP + lane;
            const float y = (float)(label[warp][i] >> lane & 1u);
            sample_loss one = o.kind == LOSS_CELLS_MSE ? squared_error(z[i], y) : cross_entropy(z[i], y, 0, 0.0f);
            term[warp][i * WARP + lane] = n < N ? one.l : 0.0f;
            if (n < N && o.gradient) o.gradient[b * N + n] = one.g * scale;
        }
        __syncwarp();
        double sum = add_terms(term[warp], 1, lane); /* its shuffles come after all lanes' reading */
        if (lane == 0) part[k * o.rows + b] = sum;
    }
}

static __global__ void sum_blocks(const double *part, double *row, int64_t rows, int64_t blocks)
{
    GRID_STRIDE(b, rows) {
        double sum = 0.0;
#pragma unroll 8
        for (int64_t k = 0; k < blocks; k++) sum += part[k * rows + b];
        row[b] = sum;
    }
}

static __global__ void mean_of_cells(op_rows_loss o, const double *row, int64_t rows, double cells)
{
    double sum = sum_in_order(row, rows);
    if (threadIdx.x == 0) *o.loss = (float)(cells > 0.0 ? sum / cells : 0.0);
}

/* The sums of blocks, and those of rows. */
size_t recsys__cuda_rows_loss_workspace(const op_rows_loss *o)
{
    cuda_room room = { nullptr, 0 };
    room.take<double>(o->rows * blocks_of(o->columns));
    room.take<double>(o->rows);
    return room.used;
}

recsys_status recsys__cuda_rows_loss(op_context *c, const op_rows_loss *o)
{
    cuda_room room = cuda_workspace(c);
    const int64_t B = o->rows, blocks = blocks_of(o->columns);
    const double count = (double)B * (double)o->columns;
    double *part = room.take<double>(B * blocks), *row = blocks > 1 ? room.take<double>(B) : part;
    if (B * blocks > 0)
        LAUNCH(cells, cuda_blocks(B * blocks, WARPS), WARPS * WARP, 0, c, *o, part, blocks,
               (float)(1.0 / count));
    if (B > 0 && blocks > 1)
        LAUNCH(sum_blocks, cuda_blocks(B, 64), 64, 0, c, (const double *)part, row, B, blocks);
    LAUNCH(mean_of_cells, 1, threads_in_order(B), 0, c, *o, (const double *)row, blocks > 0 ? B : 0, count);
    return cuda_launched(c);
}
