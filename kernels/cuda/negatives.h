/* negatives.h - one negative by one thread, for the kernels that sample.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_NEGATIVES_H
#define KERNELS_CUDA_NEGATIVES_H

#include "kernels/cuda/cuda.h"

extern "C" {
#include "base/permutation.h"
#include "kernels/shared/negatives.h"
}

/* The negative of this number for user u. */
static __device__ __forceinline__ int32_t draw_negative(const negatives &g, int32_t u, uint64_t number)
{
    const int64_t begin = g.row_ptr[u];
    uint32_t word[4];
    philox4(g.seed, g.stream, g.epoch, number, word);
    return negative_item(&g, g.column + begin, g.row_ptr[u + 1] - begin, number, word);
}

#endif
