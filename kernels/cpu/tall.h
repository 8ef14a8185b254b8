/* tall.h - tall matrices with few columns: Gram matrices in double, cut by the sizes alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_TALL_H
#define KERNELS_CPU_TALL_H

#include "backend/backend.h"

/* Rows that are turned into doubles at a time, and rows of a part of a product. */
enum { TALL_ROWS = 128 };

/* Doubles of workspace of tall_gram(), its parts included. */
int64_t recsys__cpu_tall_gram_doubles(int64_t m, int64_t n, int32_t threads);

/* g (N x N doubles): the lower half of X'X, X of M x N. */
void recsys__cpu_tall_gram(const op_context *c, const float *x, int64_t m, int64_t n, double *workspace, double *g);

/* ERR_TOO_LARGE unless both sides fit BLAS. */
recsys_status recsys__cpu_tall_check(const op_context *c, const char *name, int64_t m, int64_t n);

#endif
