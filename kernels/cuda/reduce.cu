/* reduce.cu - the reduce kernel: sums in double, in the chunks and lanes of the contract.
 *
 * Over everything and over columns 16 threads are the lanes of a chunk or a row; over rows a thread has one column of a chunk.
 * A second launch adds the chunks, one thread for each sum and the others of its block fetching for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/reduce.h"
}

/* Chunks or rows of a block, and doubles that it fetches before it adds them. */
enum { GROUPS = BLOCK / REDUCE_LANES, STAGED = 2048 };

/* A square of a float is exact in double. */
static __device__ double term(float x, int32_t squares)
{
    return squares ? (double)x * (double)x : (double)x;
}

/* The 16 lanes of a chunk or of a row, length elements each but the last: the chunks' sums go to `partial`, the rows' to y. The
 * rounds are the same for all threads of a block, which wait for each other by warps. */
static __global__ void reduce_lanes(op_reduce o, int64_t count, int64_t length, int64_t n, double *partial)
{
    __shared__ double lanes[BLOCK];
    int lane = (int)(threadIdx.x % REDUCE_LANES), group = (int)(threadIdx.x / REDUCE_LANES);
    for (int64_t first = (int64_t)blockIdx.x * GROUPS; first < count; first += (int64_t)gridDim.x * GROUPS) {
        int64_t own = first + group, left = own < count ? n - own * length : 0;
        const float *x = o.x + (own < count ? own * length : 0);
        double sum = 0.0;
        if (left > length) left = length;
#pragma unroll 8
        for (int64_t i = lane; i < left; i += REDUCE_LANES) sum += term(x[i], o.squares);
        lanes[threadIdx.x] = sum;
        __syncwarp();
        if (lane == 0 && own < count) {
            sum = 0.0;
            for (int j = 0; j < REDUCE_LANES; j++) sum += lanes[group * REDUCE_LANES + j];
            if (partial) partial[own] = sum;
            else o.y[own] = (float)(o.scale * sum);
        }
        __syncwarp();
    }
}

/* Rows that are no longer than their lanes, whose sums are plain ones then: a thread for each. */
static __global__ void reduce_short(op_reduce o)
{
    GRID_STRIDE(n, o.rows) {
        double sum = 0.0;
        for (int64_t d = 0; d < o.dim; d++) sum += term(o.x[n * o.dim + d], o.squares);
        o.y[n] = (float)(o.scale * sum);
    }
}

/* Chunks of 128 rows. */
static __global__ void reduce_rows(op_reduce o, int64_t chunks, double *partial)
{
    GRID_STRIDE(i, chunks * o.dim) {
        int64_t chunk = i / o.dim, first = chunk * REDUCE_ROW_CHUNK, left = o.rows - first;
        const float *x = o.x + first * o.dim + (i - chunk * o.dim);
        double sum = 0.0;
        const int64_t most = REDUCE_ROW_CHUNK;
        int count = (int)(left < most ? left : most);
#pragma unroll 8
        for (int n = 0; n < count; n++) sum += term(x[n * o.dim], o.squares);
        partial[i] = sum;
    }
}

/* Adds the chunks of `width` sums each, in ascending order: a block has `columns` of them at a time. */
template <int columns> __global__ void add_chunks(op_reduce o, int64_t chunks, int64_t width, const double *partial)
{
    __shared__ double staged[STAGED];
    const int rows = STAGED / columns, own = (int)threadIdx.x;
    for (int64_t first = (int64_t)blockIdx.x * columns; first < width; first += (int64_t)gridDim.x * columns) {
        double sum = 0.0;
        for (int64_t chunk = 0; chunk < chunks; chunk += rows) {
            for (int i = own; i < STAGED; i += BLOCK) {
                int64_t from = chunk + i / columns, d = first + i % columns;
                if (from < chunks && d < width) staged[i] = partial[from * width + d];
            }
            __syncthreads();
            int here = (int)(chunks - chunk < rows ? chunks - chunk : rows);
            if (own < columns && first + own < width)
                for (int r = 0; r < here; r++) sum += staged[r * columns + own];
            __syncthreads();
        }
        if (own < columns && first + own < width) o.y[first + own] = (float)(o.scale * sum);
    }
}

static int64_t chunks_in(const op_reduce *o)
{
    if (o->over == REDUCE_ALL) return (o->rows * o->dim + REDUCE_CHUNK - 1) / REDUCE_CHUNK;
    if (o->over == REDUCE_ROWS) return (o->rows + REDUCE_ROW_CHUNK - 1) / REDUCE_ROW_CHUNK;
    return 0;
}

size_t recsys__cuda_reduce_workspace(const op_reduce *o)
{
    cuda_room room = { nullptr, 0 };
    room.take<double>(chunks_in(o) * (o->over == REDUCE_ROWS ? o->dim : 1));
    return room.used;
}

recsys_status recsys__cuda_reduce(op_context *c, const op_reduce *o)
{
    int64_t chunks = chunks_in(o), n = o->rows * o->dim;
    double *partial = cuda_workspace(c).take<double>(chunks * (o->over == REDUCE_ROWS ? o->dim : 1));
    if (o->over == REDUCE_COLUMNS && o->dim <= REDUCE_LANES) {
        LAUNCH(reduce_short, cuda_blocks(o->rows, BLOCK), BLOCK, 0, c, *o);
    } else if (o->over == REDUCE_COLUMNS) {
        LAUNCH(reduce_lanes, cuda_blocks(o->rows, GROUPS), BLOCK, 0, c, *o, o->rows, o->dim, n, (double *)nullptr);
    } else if (o->over == REDUCE_ALL) {
        auto add = add_chunks<1>;
        LAUNCH(reduce_lanes, cuda_blocks(chunks, GROUPS), BLOCK, 0, c, *o, chunks, (int64_t)REDUCE_CHUNK, n, partial);
        LAUNCH(add, 1, BLOCK, 0, c, *o, chunks, (int64_t)1, partial);
    } else {
        auto add = add_chunks<WARP>;
        LAUNCH(reduce_rows, cuda_blocks(chunks * o->dim, BLOCK), BLOCK, 0, c, *o, chunks, partial);
        LAUNCH(add, cuda_blocks(o->dim, WARP), BLOCK, 0, c, *o, chunks, o->dim, partial);
    }
    return cuda_launched(c);
}
