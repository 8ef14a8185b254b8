/* targets.cuh - how the blocks of one launch are dealt to the targets of a training step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_TARGETS_CUH
#define KERNELS_CUDA_TARGETS_CUH

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/optimize.h"
}

/* Blocks first[k]..first[k + 1] - 1 work on target k; behind the last target all numbers are that of blocks. */
struct block_plan {
    uint32_t first[OPTIMIZE_TARGETS + 1];
};

/* The target of this block, and which of its blocks it is. */
struct block_share {
    int target;
    uint32_t block;
};

/* Every place is looked at by its own number, so that the plan stays where parameters are. */
static __device__ __forceinline__ block_share share_of_targets(const block_plan &plan)
{
    block_share share = { 0, blockIdx.x };
#pragma unroll
    for (int k = 1; k < OPTIMIZE_TARGETS; k++)
        if (blockIdx.x >= plan.first[k]) share.target = k, share.block = blockIdx.x - plan.first[k];
    return share;
}

/* Gives target k its blocks, for k = 0, 1, ... */
static inline void plan_target(block_plan *plan, int64_t k, int64_t blocks)
{
    for (int64_t i = k + 1; i <= OPTIMIZE_TARGETS; i++) plan->first[i] = plan->first[k] + (uint32_t)blocks;
}

#endif
