/* precision.h - reading P, in serving layout, and what becomes of a sum over it; the words of kernels/cpu/precision.h hold here
 * too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_PRECISION_H
#define KERNELS_CUDA_PRECISION_H

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/item_weights.h"
}

/* P_ij of any i and j. */
PART_OF_CALLER float precision_at(const symmetric *p, int64_t i, int64_t j)
{
    return p->data[symmetric_element(i, j)];
}

/* -s r, where a zero is +0. */
PART_OF_CALLER float precision_score(float sum, float scale)
{
    return fmaf(-sum, scale, 0.0f);
}

/* ERR_INTERNAL unless the weights are sparse or in serving layout. */
recsys_status cuda_precision_check(error *e, const item_weights *w);

/* scale[j] = 1 / P_jj for all n items. Only launches. */
void cuda_precision_scale(op_context *c, const symmetric *p, float *scale);

#endif
