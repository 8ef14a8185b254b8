/* team.h - the teams of kernels/shared/team.h as the threads of a block.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_TEAM_H
#define KERNELS_CUDA_TEAM_H

#include "kernels/cuda/cuda.h"

#ifdef __CUDA_ARCH__
#define TEAM_WAIT() __syncthreads()
#elif defined(__CUDACC__)
#define TEAM_WAIT() ((void)0) /* never called: shared functions are compiled for the host too */
#else
#define TEAM_WAIT() __syncthreads()
#endif
#include "kernels/shared/team.h"

/* Most threads of a team. */
enum { TEAM_MOST = 256 };

/* Threads that suit rows of n elements: whole warps. */
static inline unsigned team_threads(int64_t n)
{
    return n < TEAM_MOST ? (unsigned)((n + WARP - 1) / WARP * WARP) : (unsigned)TEAM_MOST;
}

#endif
