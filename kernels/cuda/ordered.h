/* ordered.h - sums in double whose order is that of the host's kernels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_ORDERED_H
#define KERNELS_CUDA_ORDERED_H

#include "kernels/cuda/cuda.h"

/* Terms that are added in four lanes: the block of kernels/cpu/pointwise_block.h. */
enum { TERMS = 256, TERM_LANES = 4 };

/* The sums of `lists` <= 8 lists of TERMS terms, by one whole warp: lanes 4 f to 4 f + 3 get that of list f. Places behind the
 * last term are 0. */
static __device__ __forceinline__ double add_terms(const float *term, int lists, int lane)
{
    double sum = 0.0;
    if (lane < TERM_LANES * lists) {
        const float *own = term + lane / TERM_LANES * TERMS + lane % TERM_LANES;
#pragma unroll 8
        for (int i = 0; i < TERMS; i += TERM_LANES) sum += (double)own[i];
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 2); /* (0 + 2) + (1 + 3) */
    return sum + __shfl_xor_sync(0xffffffffu, sum, 1);
}

/* x_0 + x_1 + ... by one block of at most BLOCK threads; thread 0 has it. */
static __device__ __forceinline__ double sum_in_order(const double *x, int64_t n)
{
    __shared__ double part[BLOCK];
    double sum = 0.0;
    for (int64_t begin = 0; begin < n; begin += blockDim.x) {
        int64_t i = begin + threadIdx.x;
        int count = (int)(n - begin < (int64_t)blockDim.x ? n - begin : (int64_t)blockDim.x);
        if (i < n) part[threadIdx.x] = x[i];
        __syncthreads();
        if (threadIdx.x == 0)
            for (int j = 0; j < count; j++) sum += part[j];
        __syncthreads();
    }
    return sum;
}

/* Threads for a block that calls sum_in_order(). */
static inline unsigned threads_in_order(int64_t n)
{
    const int64_t warps = (n + WARP - 1) / WARP, most = BLOCK / WARP;
    return (unsigned)(warps < 1 ? 1 : warps < most ? warps : most) * WARP;
}

#endif
