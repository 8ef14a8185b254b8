/* tile.cuh - products A B' of tiles in shared memory whose sums are chains over the columns, as the contracts of scores want
 * them.
 *
 * A block of 256 threads has 16 M rows of A and 16 N rows of B, a thread M x N sums in registers. Columns come in steps of
 * 16: while one step is multiplied the next is on its way from memory, so that there are two rooms, in which a step lies by
 * columns. Each sum is one accumulator: acc = fmaf(a[k], b[k], acc) for k ascending.
 *
 * A source gives element k of its row: `float get(int row, int k)`, rows counted from the tile's first. What lies past the
 * last row is the source's to choose: its sums are not asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_TILE_CUH
#define KERNELS_CUDA_TILE_CUH

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/unroll.h"

enum { TILE_SIDE = 16, TILE_STEP = 16, TILE_THREADS = TILE_SIDE * TILE_SIDE };

/* A step's columns of 16 M rows; 4 more floats keep columns in different banks and float4 aligned. */
template <int M> struct tile_columns {
    float at[TILE_STEP][TILE_SIDE * M + 4];
};

template <int M, int N> struct tile_room {
    alignas(16) tile_columns<M> a[2];
    alignas(16) tile_columns<N> b[2];
};

/* Rows of a matrix; those past the last are read as the last. */
struct tile_matrix {
    static const bool by_columns = false; /* neighbouring threads read neighbouring columns of a row */
    const float *x;
    int64_t length;
    int last;
    __device__ __forceinline__ float get(int row, int k) const { return x[(row < last ? row : last) * length + k]; }
};

static __device__ __forceinline__ tile_matrix tile_matrix_at(const float *x, int64_t length, int64_t first, int64_t rows)
{
    int64_t last = rows - 1 - first;
    tile_matrix m;
    m.x = x + first * length;
    m.length = length;
    m.last = (int)(last < INT32_MAX ? last : INT32_MAX);
    return m;
}

/* Where the thread's element j of a step lies. */
template <int M, typename Source> static __device__ __forceinline__ int tile_row(int j)
{
    return Source::by_columns ? (int)threadIdx.x % (TILE_SIDE * M) + 0 * j : (int)threadIdx.x / TILE_STEP + TILE_SIDE * j;
}

template <int M, typename Source> static __device__ __forceinline__ int tile_column(int j)
{
    return Source::by_columns ? (int)threadIdx.x / (TILE_SIDE * M) + j * (TILE_STEP / M) : (int)threadIdx.x % TILE_STEP;
}

template <int M, typename Source>
static __device__ __forceinline__ void tile_load(float *own, const Source &s, int first, int K)
{
    UNROLL for (int j = 0; j < M; j++)
    {
        int k = first + tile_column<M, Source>(j);
        own[j] = k < K ? s.get(tile_row<M, Source>(j), k) : 0.0f;
    }
}

template <int M, typename Source> static __device__ __forceinline__ void tile_keep(tile_columns<M> *to, const float *own)
{
    UNROLL for (int j = 0; j < M; j++) to->at[tile_column<M, Source>(j)][tile_row<M, Source>(j)] = own[j];
}

/* The row of the tile that a thread's j-th is: fours of neighbours where M allows. `side`: 0 to 15. */
template <int M> static __device__ __forceinline__ int tile_place(int side, int j)
{
    return M % 4 == 0 ? j / 4 * (4 * TILE_SIDE) + 4 * side + j % 4 : j * TILE_SIDE + side;
}

template <int M> static __device__ __forceinline__ void tile_fetch(float *own, const float *column, int side)
{
    if (M % 4 == 0) {
        UNROLL for (int j = 0; j + 4 <= M; j += 4)
        {
            float4 four = *reinterpret_cast<const float4 *>(column + tile_place<M>(side, j));
            own[j] = four.x, own[j + 1] = four.y, own[j + 2] = four.z, own[j + 3] = four.w;
        }
    } else {
        UNROLL for (int j = 0; j < M; j++) own[j] = column[tile_place<M>(side, j)];
    }
}

static __device__ __forceinline__ int tile_down() /* which rows of A are the thread's */
{
    return (int)threadIdx.x / TILE_SIDE;
}

static __device__ __forceinline__ int tile_across() /* which rows of B */
{
    return (int)threadIdx.x % TILE_SIDE;
}

template <int M, int N>
static __device__ __forceinline__ void tile_add(float (*acc)[N], const tile_room<M, N> *room, int half, int k)
{
    float a[M], b[N];
    tile_fetch<M>(a, room->a[half].at[k], tile_down());
    tile_fetch<N>(b, room->b[half].at[k], tile_across());
    UNROLL for (int i = 0; i < M; i++)
        UNROLL for (int j = 0; j < N; j++) acc[i][j] = fmaf(a[i], b[j], acc[i][j]);
}

/* acc[i][j] goes on by the K columns of row tile_place<M>(tile_down(), i) of A and row tile_place<N>(tile_across(), j) of B.
 * All threads of the block take part; the room may be used again when it returns. */
template <int M, int N, typename A, typename B>
static __device__ __forceinline__ void tile_product(float (*acc)[N], tile_room<M, N> *room, const A &a, const B &b, int K)
{
    float next_a[M], next_b[N];
    tile_load<M>(next_a, a, 0, K);
    tile_load<N>(next_b, b, 0, K);
    tile_keep<M, A>(&room->a[0], next_a);
    tile_keep<N, B>(&room->b[0], next_b);
    __syncthreads();
    for (int k = 0, half = 0; k < K; k += TILE_STEP, half ^= 1) {
        bool more = k + TILE_STEP < K;
        if (more) {
            tile_load<M>(next_a, a, k + TILE_STEP, K);
            tile_load<N>(next_b, b, k + TILE_STEP, K);
        }
        if (K - k >= TILE_STEP) {
            UNROLL for (int c = 0; c < TILE_STEP; c++) tile_add<M, N>(acc, room, half, c);
        } else { /* the columns that are left and no zeros: adding 0 makes 0 of -0 */
            for (int c = 0; c < K - k; c++) tile_add<M, N>(acc, room, half, c);
        }
        if (more) {
            tile_keep<M, A>(&room->a[half ^ 1], next_a);
            tile_keep<N, B>(&room->b[half ^ 1], next_b);
        }
        __syncthreads();
    }
}

#endif
