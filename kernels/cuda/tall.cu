/* tall.cu - Gram matrices of tall matrices: tiles of the result over chunks of the rows, then the chunks in order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/tall.h"

/* Rows and columns of a tile, each thread having 2 x 2 elements of it; rows that are in shared memory at a time. */
enum { TILE = 32, SIDE = TILE / 2, STEP = 32, MOST_CHUNKS = 64 };

/* Blocks that are enough for a device, and rows that are enough for a block. */
static const int64_t ENOUGH_BLOCKS = 1024, ENOUGH_ROWS = 256;

static int64_t tiles_of(int64_t n)
{
    int64_t across = (n + TILE - 1) / TILE;
    return across * (across + 1) / 2;
}

static int64_t chunks_of(int64_t m, int64_t n)
{
    int64_t chunks = ENOUGH_BLOCKS / (tiles_of(n) > 0 ? tiles_of(n) : 1) + 1;
    if (chunks > m / ENOUGH_ROWS + 1) chunks = m / ENOUGH_ROWS + 1;
    return chunks < MOST_CHUNKS ? chunks : (int64_t)MOST_CHUNKS;
}

int64_t cuda_tall_gram_doubles(int64_t m, int64_t n)
{
    int64_t chunks = chunks_of(m, n);
    return chunks > 1 ? chunks * n * n : 0;
}

/* Rows `row` to row + STEP - 1 of TILE columns, zeros behind the ends. */
static __device__ void load(double to[STEP][TILE], const float *x, int64_t row, int64_t end, int64_t column, int64_t n)
{
    for (int32_t e = (int32_t)threadIdx.x; e < STEP * TILE; e += SIDE * SIDE) {
        int64_t r = row + e / TILE, j = column + e % TILE;
        to[e / TILE][e % TILE] = r < end && j < n ? (double)x[r * n + j] : 0.0;
    }
}

/* blockIdx.x: a tile of the lower half, blockIdx.y: a chunk of `each` rows. Products of floats are exact in double. */
static __global__ void add_chunk(const float *x, int64_t m, int64_t n, int64_t each, double *parts)
{
    __shared__ double left[STEP][TILE], right[STEP][TILE];
    int64_t a = 0, first = blockIdx.y * each, end = first + each < m ? first + each : m;
    while ((a + 1) * (a + 2) / 2 <= blockIdx.x) a++;
    int64_t b = blockIdx.x - a * (a + 1) / 2;
    int32_t u = (int32_t)threadIdx.x / SIDE, v = (int32_t)threadIdx.x % SIDE;
    double sum[2][2] = { { 0.0, 0.0 }, { 0.0, 0.0 } };
    for (int64_t row = first; row < end; row += STEP) {
        load(left, x, row, end, a * TILE, n);
        load(right, x, row, end, b * TILE, n);
        __syncthreads();
        for (int32_t r = 0; r < STEP; r++)
            for (int32_t i = 0; i < 2; i++)
                for (int32_t j = 0; j < 2; j++)
                    sum[i][j] = fma(left[r][u + SIDE * i], right[r][v + SIDE * j], sum[i][j]);
        __syncthreads();
    }
    for (int32_t i = 0; i < 2; i++)
        for (int32_t j = 0; j < 2; j++) {
            int64_t row = a * TILE + u + SIDE * i, column = b * TILE + v + SIDE * j;
            if (row < n && column <= row) parts[blockIdx.y * n * n + row * n + column] = sum[i][j];
        }
}

static __global__ void add_parts(const double *parts, int64_t chunks, int64_t n, double *g)
{
    GRID_STRIDE(e, n * n) {
        if (e % n > e / n) continue;
        double sum = parts[e];
        for (int64_t k = 1; k < chunks; k++) sum += parts[k * n * n + e];
        g[e] = sum;
    }
}

void cuda_tall_gram(op_context *c, const float *x, int64_t m, int64_t n, double *parts, double *g)
{
    int64_t chunks = chunks_of(m, n), each = (m + chunks - 1) / chunks;
    LAUNCH(add_chunk, dim3((unsigned)tiles_of(n), (unsigned)chunks), SIDE * SIDE, 0, c, x, m, n, each, chunks > 1 ? parts : g);
    if (chunks > 1) LAUNCH(add_parts, cuda_blocks(n * n, BLOCK), BLOCK, 0, c, parts, chunks, n, g);
}

recsys_status cuda_tall_check(const op_context *c, const char *name, int64_t m, int64_t n)
{
    if (m <= INT32_MAX && n <= INT16_MAX) return RECSYS_OK;
    return cuda_fail(c->error, RECSYS_ERR_TOO_LARGE, "%s: a matrix of %lld x %lld is too large", name, (long long)m,
                     (long long)n);
}
