/* tall.h - Gram matrices of tall matrices with few columns, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_TALL_H
#define KERNELS_CUDA_TALL_H

#include "kernels/cuda/cuda.h"

/* Doubles of workspace for the Gram matrix of an M x N matrix. */
int64_t cuda_tall_gram_doubles(int64_t m, int64_t n);

/* g (N x N): the lower half of X'X. Rows are cut by M and N alone, parts added as they ascend. Only launches. */
void cuda_tall_gram(op_context *c, const float *x, int64_t m, int64_t n, double *parts, double *g);

/* ERR_TOO_LARGE, as on the CPU. */
recsys_status cuda_tall_check(const op_context *c, const char *name, int64_t m, int64_t n);

#endif
