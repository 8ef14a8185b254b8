/* rowdot.cu - the rowdot kernel: a warp for each row, whose threads are the lanes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/rowdot.h"
}

static __global__ void rowdot(op_rowdot o)
{
    int lane = (int)(threadIdx.x % WARP);
    int64_t warps = (int64_t)gridDim.x * (BLOCK / WARP);
    for (int64_t n = (int64_t)blockIdx.x * (BLOCK / WARP) + threadIdx.x / WARP; n < o.rows; n += warps) {
        const float *a = o.a + n * o.dim, *b = o.b + n * o.dim;
        float sum = 0.0f;
#pragma unroll 4
        for (int64_t d = lane; d < o.dim; d += WARP) sum = fmaf(a[d], b[d], sum);
        for (int half = WARP / 2; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, (unsigned)half);
        if (lane == 0) o.y[n] = sum;
    }
}

size_t recsys__cuda_rowdot_workspace(const op_rowdot *)
{
    return 0;
}

recsys_status recsys__cuda_rowdot(op_context *c, const op_rowdot *o)
{
    LAUNCH(rowdot, cuda_blocks(o->rows, BLOCK / WARP), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
