/* precision.cu - reading P in serving layout; see precision.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/precision.h"

static __global__ void invert_diagonal(symmetric p, float *scale)
{
    GRID_STRIDE(j, p.n) scale[j] = 1.0f / precision_at(&p, j, j);
}

recsys_status cuda_precision_check(error *e, const item_weights *w)
{
    if (w->row_ptr != nullptr || w->precision.tile == SYMMETRIC_LINE) return RECSYS_OK;
    return cuda_fail(e, RECSYS_ERR_INTERNAL, "item weights in tiles of %lld rows are not in serving layout",
                     (long long)w->precision.tile);
}

void cuda_precision_scale(op_context *c, const symmetric *p, float *scale)
{
    LAUNCH(invert_diagonal, cuda_blocks(p->n, BLOCK), BLOCK, 0, c, *p, scale);
}
