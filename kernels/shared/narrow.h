/* narrow.h - dense products that are too narrow for a BLAS: few columns, where packing would cost more than the product.
 *
 * Two forms: C = A op(B) with few columns in both, and C = A' B with a small C. Each number is a chain of fused multiply-adds
 * over ascending k, in the second form one for every NARROW_CHUNK of K, added in ascending order: the same bits on every
 * device.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_NARROW_H
#define KERNELS_SHARED_NARROW_H

#include <stdint.h>

#include "base/part_of_caller.h"

enum { NARROW_COLUMNS = 16, NARROW_K = 64, NARROW_CHUNK = 512 };

/* 1 if the product M x K by K x N is a narrow one. M, N and K alone say so. */
PART_OF_CALLER int is_narrow(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k)
{
    if (n > NARROW_COLUMNS) return 0;
    return transpose_a ? m <= NARROW_COLUMNS && !transpose_b && k > 0 : k <= NARROW_K;
}

#endif
