/* dot_panel.cuh - panels of inner products, which dot_score, dot_rank and the filters share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_DOT_PANEL_CUH
#define KERNELS_CUDA_DOT_PANEL_CUH

#include "kernels/cuda/tile.cuh"

/* out[q, i] = the chain of fmaf over the columns of users' row q and items' row i; rows of out are `stride` floats apart. */
struct dot_panel {
    const float *users, *items;
    int64_t n_users, n_items, dim;
    float *out;
    int64_t stride;
};

/* What becomes of an inner product before it is written: nothing. */
struct dot_as_it_is {
    __device__ __forceinline__ float operator()(int64_t, int64_t, float s) const { return s; }
};

enum { DOT_ACROSS = 8 };

/* Four neighbours of a row, as far as there are any. */
template <typename Finish>
static __device__ __forceinline__ void dot_put(const dot_panel &p, const Finish &finish, int64_t q, int64_t i, const float *s)
{
    float *to = p.out + q * p.stride + i, four[4];
    UNROLL for (int j = 0; j < 4; j++) four[j] = i + j < p.n_items ? finish(q, i + j, s[j]) : 0.0f;
    if (i + 4 <= p.n_items && reinterpret_cast<uintptr_t>(to) % sizeof(float4) == 0) {
        *reinterpret_cast<float4 *>(to) = make_float4(four[0], four[1], four[2], four[3]);
        return;
    }
    UNROLL for (int j = 0; j < 4; j++)
        if (i + j < p.n_items) to[j] = four[j];
}

/* A block for each tile; those that share items come one after another. */
template <int M, typename Finish>
static __global__ void __launch_bounds__(TILE_THREADS, 2) dot_tiles(dot_panel p, Finish finish)
{
    __shared__ tile_room<M, DOT_ACROSS> room;
    const int64_t down = TILE_SIDE * M, across = TILE_SIDE * DOT_ACROSS, rows = (p.n_users + down - 1) / down;
    int64_t first_user = blockIdx.x % rows * down, first_item = blockIdx.x / rows * across;
    float acc[M][DOT_ACROSS];
    UNROLL for (int i = 0; i < M; i++)
        UNROLL for (int j = 0; j < DOT_ACROSS; j++) acc[i][j] = 0.0f;
    tile_product<M, DOT_ACROSS>(acc, &room, tile_matrix_at(p.users, p.dim, first_user, p.n_users),
                                tile_matrix_at(p.items, p.dim, first_item, p.n_items), (int)p.dim);
    UNROLL for (int i = 0; i < M; i++)
    {
        int64_t q = first_user + tile_place<M>(tile_down(), i);
        UNROLL for (int j = 0; j < DOT_ACROSS; j += 4)
            if (q < p.n_users) dot_put(p, finish, q, first_item + tile_place<DOT_ACROSS>(tile_across(), j), acc[i] + j);
    }
}

template <int M, typename Finish> static void dot_launch(op_context *c, const dot_panel &p, const Finish &finish)
{
    const int64_t down = TILE_SIDE * M, across = TILE_SIDE * DOT_ACROSS;
    auto kernel = dot_tiles<M, Finish>;
    int64_t blocks = (p.n_users + down - 1) / down * ((p.n_items + across - 1) / across);
    LAUNCH(kernel, (unsigned)blocks, TILE_THREADS, 0, c, p, finish);
}

/* Few users take tiles of few rows. At most 2^31 tiles: panels of some thousand users. */
template <typename Finish> static void dot_fill(op_context *c, const dot_panel &p, const Finish &finish)
{
    if (p.n_users <= 0 || p.n_items <= 0) return;
    if (p.n_users <= TILE_SIDE) dot_launch<1>(c, p, finish);
    else if (p.n_users <= 4 * TILE_SIDE) dot_launch<4>(c, p, finish);
    else dot_launch<8>(c, p, finish);
}

#endif
