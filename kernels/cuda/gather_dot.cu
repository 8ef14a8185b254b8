/* gather_dot.cu - the gather_dot kernel: up to 32 threads for each sample, thread j with the columns of lane j.
 *
 * Where rows are shorter than 32 columns a warp has several samples: lanes without columns would only add zeros.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/gather_dot.h"
}

/* Columns of a thread that are loaded before any is stored: rows come from anywhere, and take long. */
enum { AT_ONCE = 4 };

/* Columns d, d + lanes, ... of sample b: the copies, and the sum that goes on. */
static __device__ __forceinline__ float add_columns(const op_gather_dot &o, int64_t b, int64_t user, int64_t item, int64_t d,
                                                    int lanes, float sum)
{
    float p[AT_ONCE], q[AT_ONCE];
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
        int64_t at = d + i * lanes;
        p[i] = user >= 0 && at < o.dim ? o.p[user * o.dim + at] : 0.0f;
        q[i] = item >= 0 && at < o.dim ? o.q[item * o.dim + at] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
        int64_t at = d + i * lanes;
        if (at >= o.dim) break;
        sum = fmaf(o.h[at], p[i] * q[i], sum);
        if (o.p_rows) o.p_rows[b * o.dim + at] = p[i], o.q_rows[b * o.dim + at] = q[i];
    }
    return sum;
}

/* `lanes` threads a sample: a power of two. */
static __global__ void gather_dot(op_gather_dot o, int lanes)
{
    const int64_t D = o.dim, samples = (int64_t)gridDim.x * blockDim.x / lanes;
    const int64_t thread = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const int lane = (int)(thread % lanes);
    if (o.h_copy) GRID_STRIDE(d, D) o.h_copy[d] = o.h[d];
    /* A warp's lanes go round together: shuffles need all of them. */
    for (int64_t first = thread / WARP * WARP / lanes; first < o.count; first += samples) {
        int64_t b = first + threadIdx.x % WARP / lanes, user = -1, item = -1;
        bool live = b < o.count;
        if (live) user = o.user[b], item = o.item[b];
        float sum = 0.0f;
        for (int64_t d = lane; live && d < D; d += AT_ONCE * lanes) sum = add_columns(o, b, user, item, d, lanes, sum);
        for (int apart = lanes / 2; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
        if (live && lane == 0) o.out[b] = o.c ? sum + o.c[0] : sum;
    }
}

size_t recsys__cuda_gather_dot_workspace(const op_gather_dot *)
{
    return 0;
}

recsys_status recsys__cuda_gather_dot(op_context *c, const op_gather_dot *o)
{
    int lanes = 1;
    while (lanes < o->dim && lanes < WARP) lanes *= 2;
    LAUNCH(gather_dot, cuda_blocks(o->count * lanes, BLOCK), BLOCK, 0, c, *o, lanes);
    return cuda_launched(c);
}
