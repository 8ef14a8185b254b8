/* narrow.h - dense products that are too narrow for BLAS: few columns, where packing would cost more than the product.
 *
 * Two forms: C = A op(B) with few columns in both, and C = A' B with a long K and a small C. Each number is a chain of fused
 * multiply-adds over ascending k, in the second form one for every NARROW_CHUNK of K, added in ascending order. M, N and K
 * alone say whether a product is narrow, so bits are the same for all threads and rungs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_NARROW_H
#define KERNELS_CPU_NARROW_H

#include "kernels/cpu/product.h"

enum { NARROW_COLUMNS = 16, NARROW_K = 64, NARROW_CHUNK = 512 };

/* 1 if recsys__cpu_narrow() does this product, which must not be empty. */
int recsys__cpu_is_narrow(const product *p);
size_t recsys__cpu_narrow_workspace(const product *p);
void recsys__cpu_narrow(op_context *c, const product *p);

#endif
