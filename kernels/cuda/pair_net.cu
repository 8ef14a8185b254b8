/* pair_net.cu - scores by a pair network; see pair_net.cuh.
 *
 * A block takes 128 pairs through all layers. A layer is a product in tiles (tile.cuh) of activations and weights, whose
 * chains begin with the bias; the first layer is added up from its halves as it is read. Activations of later layers lie by
 * columns, 128 pairs side by side, in a part of the workspace that is the block's own and small enough for caches. Then the
 * block takes the next 128 pairs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/pair_net.cuh"
#include "kernels/cuda/places.cuh"
#include "kernels/cuda/tile.cuh"

/* Pairs of a block, in rows of the tile; the tile's columns for wide layers and for others. */
enum { DOWN = 8, PAIRS = TILE_SIDE * DOWN, WIDE = 4, NARROW = 2 };

/* Blocks: as many as large devices run at once, fewer where activations would take more than this many bytes. */
static const int64_t BLOCKS = 396, BLOCKS_LEAST = 64, ROOM_BYTES = (int64_t)128 << 20;

/* ---- sizes ---- */

recsys_status pair_check(error *e, const char *operation, const pair_net *net)
{
    if (net->n_layers < 0 || net->n_layers > PAIR_MAX_LAYERS)
        return cuda_fail(e, RECSYS_ERR_UNSUPPORTED, "%s: %lld layers, at most %d are possible", operation,
                         (long long)net->n_layers, (int)PAIR_MAX_LAYERS);
    if (net->dot_dim < 0)
        return cuda_fail(e, RECSYS_ERR_UNSUPPORTED, "%s: a dot product of %lld columns", operation, (long long)net->dot_dim);
    for (int64_t l = 0; l < net->n_layers; l++)
        if (net->widths[l] < 1 || net->widths[l] > INT32_MAX)
            return cuda_fail(e, RECSYS_ERR_UNSUPPORTED, "%s: layer %lld has width %lld", operation, (long long)l + 1,
                             (long long)net->widths[l]);
    return RECSYS_OK;
}

/* Layers in turn have the two halves of a block's part: floats of the half that layer `first` and every other after it use. */
static int64_t half_floats(const pair_net *net, int64_t first)
{
    int64_t most = 0;
    for (int64_t l = first; l < net->n_layers; l += 2) most = net->widths[l] > most ? net->widths[l] : most;
    return most * PAIRS;
}

static int64_t block_count(const pair_net *net)
{
    int64_t bytes = (half_floats(net, 1) + half_floats(net, 2)) * (int64_t)sizeof(float);
    int64_t fit = bytes > 0 ? ROOM_BYTES / bytes : BLOCKS;
    return fit < BLOCKS_LEAST ? BLOCKS_LEAST : fit < BLOCKS ? fit : BLOCKS;
}

float *pair_room(cuda_room *room, const pair_net *net)
{
    if (pair_check(nullptr, "", net)) return nullptr;
    return room->take<float>(block_count(net) * (half_floats(net, 1) + half_floats(net, 2)));
}

/* ---- the kernel ---- */

/* Not fmaxf(), which hides a NaN. */
static __device__ __forceinline__ float relu(float x)
{
    return 0.0f > x ? 0.0f : x;
}

/* The pairs that the block is at. */
struct pairs {
    int64_t query[PAIRS];
    int32_t item[PAIRS];
};

/* The first layer, from its halves. */
struct first_layer {
    static const bool by_columns = false;
    const pairs *at;
    const float *query_half, *item_half;
    int64_t width;
    __device__ __forceinline__ float get(int row, int k) const
    {
        return relu(query_half[at->query[row] * width + k] + item_half[at->item[row] * width + k]);
    }
};

/* A later one, as the layer before it was left. */
struct later_layer {
    static const bool by_columns = true; /* neighbouring threads read neighbouring pairs */
    const float *z;
    __device__ __forceinline__ float get(int row, int k) const { return z[(int64_t)k * PAIRS + row]; }
};

/* Pair r of what is asked for, and where its score goes. */
static __device__ __forceinline__ float *locate(const pair_block *b, int64_t r, int64_t *query, int32_t *item)
{
    if (b->at.ptr) {
        int64_t place = b->at.ptr[0] + r;
        *query = query_of_place(&b->at, place);
        *item = b->at.item[place];
        return b->at.out + place;
    }
    int64_t row = r / b->n_items, i = r - row * b->n_items;
    *query = b->first_query + row;
    *item = (int32_t)(b->first_item + i);
    return b->out + row * b->stride + i;
}

/* Columns first.. of layer l, 16 N of them. */
template <int N, typename Source>
static __device__ void some_columns(tile_room<DOWN, N> *room, const pair_net &net, int l, const Source &from, float *to,
                                    int64_t first)
{
    int64_t width = net.widths[l];
    float acc[DOWN][N];
    UNROLL for (int j = 0; j < N; j++)
    {
        int64_t h = first + tile_place<N>(tile_across(), j);
        float bias = net.biases[l] && h < width ? net.biases[l][h] : 0.0f;
        UNROLL for (int i = 0; i < DOWN; i++) acc[i][j] = bias;
    }
    tile_product<DOWN, N>(acc, room, from, tile_matrix_at(net.weights[l], net.widths[l - 1], first, width),
                          (int)net.widths[l - 1]);
    UNROLL for (int j = 0; j < N; j++)
    {
        int64_t h = first + tile_place<N>(tile_across(), j);
        if (h >= width) continue;
        UNROLL for (int i = 0; i < DOWN; i += 4)
            *reinterpret_cast<float4 *>(to + h * PAIRS + tile_place<DOWN>(tile_down(), i)) =
                make_float4(relu(acc[i][j]), relu(acc[i + 1][j]), relu(acc[i + 2][j]), relu(acc[i + 3][j]));
    }
}

template <typename Source>
static __device__ void layer(tile_room<DOWN, WIDE> *room, const pair_net &net, int l, const Source &from, float *to)
{
    int64_t width = net.widths[l];
    for (int64_t h = 0; h < width; h += TILE_SIDE * WIDE) {
        if (width - h > TILE_SIDE * NARROW) some_columns<WIDE>(room, net, l, from, to, h);
        else some_columns<NARROW>(reinterpret_cast<tile_room<DOWN, NARROW> *>(room), net, l, from, to, h);
    }
    __syncthreads();
}

/* The score of pair r, a row of the tile, from the last layer z (NULL: that is the first). */
static __device__ float last_chain(const pair_net &net, const float *z, int r, int64_t query, int32_t item)
{
    float s = net.bias ? *net.bias : 0.0f;
    int64_t D = net.dot_dim, H = net.n_layers > 0 ? net.widths[net.n_layers - 1] : 0;
    if (z)
        for (int64_t h = 0; h < H; h++) s = fmaf(net.last[h], z[h * PAIRS + r], s);
    else
        for (int64_t h = 0; h < H; h++)
            s = fmaf(net.last[h], relu(net.query_half[query * H + h] + net.item_half[item * H + h]), s);
    for (int64_t d = 0; d < D; d++) s = fmaf(net.query_vector[query * D + d], net.item_vector[item * D + d], s);
    return s;
}

static __global__ void __launch_bounds__(TILE_THREADS, 2)
pair_tiles(pair_net net, pair_block b, float *part, int64_t odd_floats, int64_t even_floats)
{
    __shared__ tile_room<DOWN, WIDE> room;
    __shared__ pairs at;
    float *half[2] = { part + blockIdx.x * (odd_floats + even_floats) + odd_floats, nullptr };
    half[1] = half[0] - odd_floats;
    int64_t all = b.at.ptr ? b.at.ptr[b.at.n_queries] - b.at.ptr[0] : b.n_queries * b.n_items;
    for (int64_t first = (int64_t)blockIdx.x * PAIRS; first < all; first += (int64_t)gridDim.x * PAIRS) {
        float *out = nullptr;
        int r = (int)threadIdx.x;
        if (r < PAIRS) out = locate(&b, first + r < all ? first + r : all - 1, &at.query[r], &at.item[r]);
        __syncthreads();
        for (int l = 1; l < net.n_layers; l++) {
            if (l == 1) layer(&room, net, l, first_layer{ &at, net.query_half, net.item_half, net.widths[0] }, half[1]);
            else layer(&room, net, l, later_layer{ half[(l - 1) & 1] }, half[l & 1]);
        }
        if (r < PAIRS) {
            float s = last_chain(net, net.n_layers > 1 ? half[(net.n_layers - 1) & 1] : nullptr, r, at.query[r], at.item[r]);
            if (first + r < all) *out = s;
        }
        __syncthreads();
    }
}

void pair_scores(op_context *c, const pair_net *net, float *room, const pair_block *b)
{
    int64_t blocks = block_count(net), tiles = (b->n_queries * b->n_items + PAIRS - 1) / PAIRS;
    if (!b->at.ptr && tiles < blocks) blocks = tiles;
    if (blocks <= 0) return;
    LAUNCH(pair_tiles, (unsigned)blocks, TILE_THREADS, 0, c, *net, *b, room, half_floats(net, 1), half_floats(net, 2));
}
