/* prefix.cu - pointers to rows from the lengths of the rows: one block, chunk after chunk; see prefix.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/prefix.h"

/* Most threads, and rows of a thread in a chunk. */
enum { MOST = 1024, EACH = 4 };

/* The sum of `x` over the lanes up to this one. */
static __device__ int64_t sum_up_to(int64_t x, int lane)
{
    for (int by = 1; by < WARP; by *= 2) {
        int64_t before = __shfl_up_sync(0xffffffffu, x, (unsigned)by);
        if (lane >= by) x += before;
    }
    return x;
}

static __global__ void __launch_bounds__(MOST) prefix(int64_t n, int64_t *ptr)
{
    __shared__ int64_t of_warp[MOST / WARP];
    const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP, warps = (int)blockDim.x / WARP;
    int64_t before = 0;
    if (threadIdx.x == 0) ptr[0] = 0;
    for (int64_t chunk = 0; chunk < n; chunk += (int64_t)blockDim.x * EACH) {
        const int64_t first = chunk + (int64_t)threadIdx.x * EACH;
        int64_t own[EACH], sum = 0;
        for (int k = 0; k < EACH; k++) {
            own[k] = first + k < n ? ptr[first + k + 1] : 0;
            sum += own[k];
        }
        int64_t scan = sum_up_to(sum, lane), at = before + scan - sum;
        if (lane == WARP - 1) of_warp[warp] = scan;
        __syncthreads();
        for (int w = 0; w < warps; w++) {
            if (w < warp) at += of_warp[w];
            before += of_warp[w];
        }
        for (int k = 0; k < EACH; k++) {
            at += own[k];
            if (first + k < n) ptr[first + k + 1] = at;
        }
        __syncthreads();
    }
}

void cuda_prefix(op_context *c, int64_t n, int64_t *ptr)
{
    unsigned threads = MOST;
    while (threads > WARP && (int64_t)threads / 2 * EACH >= n) threads /= 2;
    LAUNCH(prefix, 1, threads, 0, c, n, ptr);
}
