/* prefix.h - pointers to rows from the lengths of the rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_PREFIX_H
#define KERNELS_CUDA_PREFIX_H

#include "kernels/cuda/cuda.h"

/* ptr[1..n] hold the lengths of n rows: ptr[0] = 0, and each becomes the sum of those up to it. For the rows of a batch: one
 * block works on them, which takes less time than three launches up to some 100,000 rows. */
void cuda_prefix(op_context *c, int64_t n, int64_t *ptr);

#endif
