/* places.cuh - the places of a list of items at which scores are wanted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_PLACES_CUH
#define KERNELS_CUDA_PLACES_CUH

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/rank.h"
}

/* The query that place e of the list belongs to: the last one that starts at or before it. */
static __device__ __forceinline__ int64_t query_of_place(const scoring *at, int64_t e)
{
    int64_t low = 0, high = at->n_queries; /* ptr[low] <= e < ptr[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (at->ptr[middle] <= e) low = middle;
        else high = middle;
    }
    return low;
}

#endif
