/* part_of_caller.h - how functions are declared that both backends compile into their kernels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PART_OF_CALLER_H
#define BASE_PART_OF_CALLER_H

#if defined(__CUDACC__)
#define PART_OF_CALLER static __host__ __device__ __forceinline__
#elif defined(__GNUC__)
#define PART_OF_CALLER static inline __attribute__((always_inline, unused))
#else
#define PART_OF_CALLER static inline
#endif

#endif
