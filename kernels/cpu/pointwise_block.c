/* pointwise_block.c - binary cross-entropies of a few samples and their derivatives, plain and for AVX2.
 *
 * The loop stands once and becomes part of a function of each rung, with the same operations in the same order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/pointwise_block.h"

#include "kernels/cpu/vec/vec.h"
#include "kernels/shared/pointwise.h"

PART_OF_CALLER void losses_alone(pointwise_block *k, const float *x, const float *y, int64_t n)
{
#pragma omp simd
    for (int64_t s = 0; s < n; s++) {
        sample_loss one = cross_entropy(x[s], y[s], 0, 0.0f);
        k->l[s] = one.l;
        k->g[s] = one.g;
    }
}

PART_OF_CALLER void losses_weighted(pointwise_block *k, const float *x, const float *y, int64_t n, float alpha)
{
#pragma omp simd
    for (int64_t s = 0; s < n; s++) {
        sample_loss one = cross_entropy(x[s], y[s], 1, alpha);
        k->l[s] = one.l;
        k->term[s] = one.term;
        k->g[s] = one.g;
    }
}

static void pointwise_plain(pointwise_block *k, const float *x, const float *y, int64_t n, int weighted, float alpha)
{
    if (weighted) losses_weighted(k, x, y, n, alpha);
    else losses_alone(k, x, y, n);
}

#if VEC_X86
TARGET_AVX2 static void pointwise_avx2(pointwise_block *k, const float *x, const float *y, int64_t n, int weighted,
                                       float alpha)
{
    if (weighted) losses_weighted(k, x, y, n, alpha);
    else losses_alone(k, x, y, n);
}
#endif

pointwise_fn recsys__cpu_pointwise(int32_t rung)
{
#if VEC_X86
    if (rung >= SIMD_AVX2) return pointwise_avx2;
#endif
    (void)rung;
    return pointwise_plain;
}
