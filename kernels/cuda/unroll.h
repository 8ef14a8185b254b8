/* unroll.h - UNROLL before a loop: all of its steps are written out, so that arrays it indexes can be registers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_UNROLL_H
#define KERNELS_CUDA_UNROLL_H

#ifdef __CUDACC__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

#endif
