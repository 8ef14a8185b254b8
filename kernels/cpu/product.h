/* product.h - dense products cut into parts of BLAS calls: what the matmul and linear kernels share.
 *
 * C = op(A) op(B) is cut into tiles of C and, where these are few and K is long, into chunks of K. The cuts follow from M, N
 * and K alone, so the bits are the same for any number of threads. Chunks leave partial products in the workspace, which are
 * added in ascending order. After a tile of C is complete, `finish` works on it while it is in the cache.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_PRODUCT_H
#define KERNELS_CPU_PRODUCT_H

#include "backend/backend.h"

/* Rows and columns of C, from first on. */
typedef struct product_tile {
    int64_t row, column, rows, columns;
} product_tile;

typedef struct product {
    int64_t m, n, k;
    const float *a, *b;
    int32_t transpose_a, transpose_b;
    float *c;
    void (*finish)(const void *data, const product_tile *t); /* NULL: nothing */
    const void *data;
} product;

size_t recsys__cpu_product_workspace(const product *p);
recsys_status recsys__cpu_product(op_context *c, const product *p);

#endif
