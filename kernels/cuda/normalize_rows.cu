/* normalize_rows.cu - the normalize_rows kernel: a warp for 32 rows, each thread adding the squares of one.
 *
 * A row's squares are one chain of sums in ascending order. So that reading stays in whole lines, a warp fetches tiles of 32
 * rows and 32 columns into shared memory, row by row, and its threads go through them each in its own row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/normalize_rows.h"
}
#include "kernels/shared/lengths.h"

enum { WARPS = 2, PITCH = WARP + 1 };

static __global__ void normalize_rows(op_normalize_rows o)
{
    __shared__ float tiles[WARPS][WARP * PITCH];
    __shared__ double factors[WARPS][WARP];
    int lane = (int)(threadIdx.x % WARP), warp = (int)(threadIdx.x / WARP);
    float *tile = tiles[warp];
    int64_t step = (int64_t)gridDim.x * WARPS * WARP;
    for (int64_t first = ((int64_t)blockIdx.x * WARPS + warp) * WARP; first < o.rows; first += step) {
        int rows = (int)(o.rows - first < WARP ? o.rows - first : (int64_t)WARP);
        double squares = 0.0;
        for (int64_t d0 = 0; d0 < o.dim; d0 += WARP) {
            int columns = (int)(o.dim - d0 < WARP ? o.dim - d0 : (int64_t)WARP);
            const float *x = o.x + first * o.dim + d0 + lane;
#pragma unroll 8
            for (int r = 0; r < rows; r++) tile[r * PITCH + lane] = lane < columns ? x[r * o.dim] : 0.0f;
            __syncwarp();
            for (int d = 0; d < columns; d++) {
                double term = lane < rows ? (double)tile[lane * PITCH + d] : 0.0;
                squares += term * term;
            }
            __syncwarp();
        }
        double inverse = length_inverse(squares);
        if (lane < rows) o.s[first + lane] = length_inverse_float(inverse);
        factors[warp][lane] = inverse;
        __syncwarp();
        for (int r = 0; r < rows; r++)
            for (int64_t d = lane; d < o.dim; d += WARP) {
                int64_t i = (first + r) * o.dim + d;
                o.y[i] = (float)((double)o.x[i] * factors[warp][r]);
            }
        __syncwarp();
    }
}

size_t recsys__cuda_normalize_rows_workspace(const op_normalize_rows *)
{
    return 0;
}

recsys_status recsys__cuda_normalize_rows(op_context *c, const op_normalize_rows *o)
{
    LAUNCH(normalize_rows, cuda_blocks(o->rows, WARPS * WARP), WARPS * WARP, 0, c, *o);
    return cuda_launched(c);
}
