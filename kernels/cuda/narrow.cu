/* narrow.cu - narrow products: a thread for each chain, from operands that its block has fetched into shared memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/narrow.h"

extern "C" {
#include "backend/op/map.h"
}
#include "kernels/shared/functions.h"
#include "kernels/shared/narrow.h"

/* Rows of C that a block has at a time, and steps of K that it fetches for A' B. */
enum { ROWS = 64, ROW_THREADS = 128, STEPS = 64 };

/* C = A op(B): rows of A follow each other with an odd pitch, so that the threads of a warp read from different banks. */
static __global__ void narrow_rows(narrow_product p)
{
    __shared__ float a[ROWS * (NARROW_K + 1)], b[NARROW_K * NARROW_COLUMNS];
    const int K = (int)p.k, N = (int)p.n, pitch = K | 1, own = (int)threadIdx.x;
    for (int i = own; i < K * N; i += ROW_THREADS) b[p.transpose_b ? i % K * N + i / K : i] = p.b[i];
    for (int64_t first = (int64_t)blockIdx.x * ROWS; first < p.m; first += (int64_t)gridDim.x * ROWS) {
        const int rows = (int)(p.m - first < (int64_t)ROWS ? p.m - first : (int64_t)ROWS);
        for (int i = own; i < rows * K; i += ROW_THREADS) a[i / K * pitch + i % K] = p.a[first * K + i];
        __syncthreads();
        for (int i = own; i < rows * N; i += ROW_THREADS) {
            const int r = i / N, n = i - r * N;
            float sum = 0.0f;
            for (int k = 0; k < K; k++) sum = fmaf(a[r * pitch + k], b[k * N + n], sum);
            if (p.bias) sum += p.bias[n];
            p.c[first * N + i] = element_map(p.f, sum);
        }
        __syncthreads();
    }
}

/* C = A' B: a chunk of K for each block, whose sums go to `to`, M x N for each chunk. */
static __global__ void narrow_chunks(narrow_product p, int64_t chunks, float *to)
{
    __shared__ float a[STEPS * NARROW_COLUMNS], b[STEPS * NARROW_COLUMNS];
    const int M = (int)p.m, N = (int)p.n, own = (int)threadIdx.x, m = own / N, n = own % N, threads = (int)blockDim.x;
    for (int64_t chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
        const int64_t begin = chunk * NARROW_CHUNK, left = p.k - begin, end = left < NARROW_CHUNK ? p.k : begin + NARROW_CHUNK;
        float sum = 0.0f;
        for (int64_t k0 = begin; k0 < end; k0 += STEPS) {
            const int steps = (int)(end - k0 < (int64_t)STEPS ? end - k0 : (int64_t)STEPS);
            for (int i = own; i < steps * M; i += threads) a[i] = p.a[k0 * M + i];
            for (int i = own; i < steps * N; i += threads) b[i] = p.b[k0 * N + i];
            __syncthreads();
            if (m < M)
                for (int k = 0; k < steps; k++) sum = fmaf(a[k * M + m], b[k * N + n], sum);
            __syncthreads();
        }
        if (m < M) to[chunk * M * N + own] = sum;
    }
}

static __global__ void add_chunks(float *c, const float *partial, int64_t chunks, int64_t size)
{
    GRID_STRIDE(i, size) {
        float sum = partial[i];
#pragma unroll 8
        for (int64_t chunk = 1; chunk < chunks; chunk++) sum += partial[chunk * size + i];
        c[i] = sum;
    }
}

static int64_t chunks_of(const narrow_product *p)
{
    return (p->k + NARROW_CHUNK - 1) / NARROW_CHUNK;
}

/* Sums of chunks, where there is more than one. */
static int64_t partial_sums(const narrow_product *p)
{
    return p->transpose_a && chunks_of(p) > 1 ? chunks_of(p) * p->m * p->n : 0;
}

size_t cuda_narrow_workspace(const narrow_product *p)
{
    cuda_room room = { nullptr, 0 };
    room.take<float>(partial_sums(p));
    return room.used;
}

recsys_status cuda_narrow(op_context *c, const narrow_product *p)
{
    int64_t chunks = chunks_of(p), size = p->m * p->n;
    if (size == 0) return RECSYS_OK;
    if (!p->transpose_a) {
        LAUNCH(narrow_rows, cuda_blocks(p->m, ROWS), ROW_THREADS, 0, c, *p);
        return cuda_launched(c);
    }
    float *partial = cuda_workspace(c).take<float>(partial_sums(p));
    unsigned threads = size <= 2 * WARP ? 2 * WARP : (unsigned)((size + WARP - 1) / WARP * WARP);
    LAUNCH(narrow_chunks, cuda_blocks(chunks, 1), threads, 0, c, *p, chunks, chunks > 1 ? partial : p->c);
    if (chunks > 1) LAUNCH(add_chunks, cuda_blocks(size, WARP), WARP, 0, c, p->c, partial, chunks, size);
    return cuda_launched(c);
}
