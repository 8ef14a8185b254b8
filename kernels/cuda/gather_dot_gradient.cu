/* gather_dot_gradient.cu - the gather_dot_gradient kernel: a block for each chunk of samples and 32 columns.
 *
 * All threads load and multiply; one warp then does the chains, from shared memory, where they wait for nothing. Up to one
 * chunk needs no second launch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/gather_dot_gradient.h"
}

/* Samples that are added up in float before they go on in double; columns of a block. */
enum { CHUNK = 256, COLUMNS = 32, LOADERS = BLOCK / COLUMNS };

static int64_t chunks_of(const op_gather_dot_gradient *o)
{
    return (o->count + CHUNK - 1) / CHUNK;
}

static int64_t tiles_of(int64_t columns)
{
    return columns > 0 ? (columns + COLUMNS - 1) / COLUMNS : 1;
}

/* Block k * tiles + tile has chunk k. Its D + 1 sums go to sums[k (D + 1)...], or where there is but one chunk to the end. */
static __global__ void add_chunk(op_gather_dot_gradient o, float *sums, int64_t tiles)
{
    __shared__ float product[CHUNK * COLUMNS], gy[CHUNK];
    const int64_t D = o.dim, k = blockIdx.x / tiles, tile = blockIdx.x % tiles, begin = k * CHUNK;
    const int count = (int)(o.count - begin < CHUNK ? o.count - begin : (int64_t)CHUNK);
    const int lane = threadIdx.x % COLUMNS, loader = threadIdx.x / COLUMNS;
    const int64_t d = tile * COLUMNS + lane;
#pragma unroll 8
    for (int b = loader; b < count; b += LOADERS)
        if (d < D) product[b * COLUMNS + lane] = o.p_rows[(begin + b) * D + d] * o.q_rows[(begin + b) * D + d];
    for (int b = threadIdx.x; b < count; b += BLOCK) gy[b] = o.gy[begin + b];
    __syncthreads();
    float sum = 0.0f;
    if (loader == 0 && d < D) {
#pragma unroll 8
        for (int b = 0; b < count; b++) sum = fmaf(gy[b], product[b * COLUMNS + lane], sum);
        *(sums ? sums + k * (D + 1) + d : o.gh + d) = sum;
    }
    if (loader == 1 && lane == 0 && tile == 0 && o.gc) {
#pragma unroll 8
        for (int b = 0; b < count; b++) sum += gy[b];
        *(sums ? sums + k * (D + 1) + D : o.gc) = sum;
    }
}

/* The chunks of 32 of the D + 1 columns, in order. */
static __global__ void add_chunks(op_gather_dot_gradient o, const float *sums, int64_t chunks)
{
    __shared__ float part[CHUNK * COLUMNS];
    const int64_t stride = o.dim + 1, d = (int64_t)blockIdx.x * COLUMNS + threadIdx.x % COLUMNS;
    const bool wanted = d < o.dim || (d == o.dim && o.gc);
    const int lane = threadIdx.x % COLUMNS, loader = threadIdx.x / COLUMNS;
    double sum = 0.0;
    for (int64_t begin = 0; begin < chunks; begin += CHUNK) {
        int count = (int)(chunks - begin < CHUNK ? chunks - begin : (int64_t)CHUNK);
#pragma unroll 8
        for (int k = loader; k < count; k += LOADERS)
            if (wanted) part[k * COLUMNS + lane] = sums[(begin + k) * stride + d];
        __syncthreads();
        if (loader == 0 && wanted)
            for (int k = 0; k < count; k++) sum += (double)part[k * COLUMNS + lane];
        __syncthreads();
    }
    if (loader == 0 && wanted) *(d < o.dim ? o.gh + d : o.gc) = (float)sum;
}

/* A chunk's sums: D for gh, then one for gc. */
size_t recsys__cuda_gather_dot_gradient_workspace(const op_gather_dot_gradient *o)
{
    cuda_room room = { nullptr, 0 };
    if (chunks_of(o) > 1) room.take<float>(chunks_of(o) * (o->dim + 1));
    return room.used;
}

recsys_status recsys__cuda_gather_dot_gradient(op_context *c, const op_gather_dot_gradient *o)
{
    cuda_room room = cuda_workspace(c);
    const int64_t chunks = chunks_of(o), tiles = tiles_of(o->dim);
    float *sums = chunks > 1 ? room.take<float>(chunks * (o->dim + 1)) : nullptr;
    LAUNCH(add_chunk, (unsigned)((chunks > 1 ? chunks : 1) * tiles), BLOCK, 0, c, *o, sums, tiles);
    if (sums) LAUNCH(add_chunks, (unsigned)tiles_of(o->dim + 1), BLOCK, 0, c, *o, (const float *)sums, chunks);
    return cuda_launched(c);
}
