/* pointwise_block.h - binary cross-entropies of a few samples, and their derivatives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_POINTWISE_BLOCK_H
#define KERNELS_CPU_POINTWISE_BLOCK_H

#include <stdint.h>

/* Samples of a block, a multiple of every vector width. */
enum { POINTWISE_BLOCK = 256 };

/* l; w l and w dl/dx, where w is the weight of R-CE. Places behind the last sample are written too. */
typedef struct pointwise_block {
    float l[POINTWISE_BLOCK], term[POINTWISE_BLOCK], g[POINTWISE_BLOCK];
} pointwise_block;

/* Samples 0..n-1, n <= POINTWISE_BLOCK. `weighted` 0: w is 1, and `term` is left without meaning. */
typedef void (*pointwise_fn)(pointwise_block *k, const float *x, const float *y, int64_t n, int weighted, float alpha);

/* The function of a rung that recsys__cpu_simd() gave. */
pointwise_fn recsys__cpu_pointwise(int32_t rung);

/* The sum of a block's terms: in four lanes, so that additions need not wait for each other. */
static inline double add_terms(const float *term, int64_t n)
{
    double sum[4] = { 0.0 };
    int64_t s = 0;
    for (; s + 4 <= n; s += 4)
        for (int j = 0; j < 4; j++) sum[j] += (double)term[s + j];
    for (int j = 0; s < n; s++, j++) sum[j] += (double)term[s];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

#endif
