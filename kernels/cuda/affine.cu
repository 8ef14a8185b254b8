/* affine.cu - the affine kernel: s x + t.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/affine.h"
}

static __global__ void affine(op_affine o)
{
    GRID_STRIDE(i, o.n) o.y[i] = o.s * o.x[i] + o.t;
}

size_t recsys__cuda_affine_workspace(const op_affine *)
{
    return 0;
}

recsys_status recsys__cuda_affine(op_context *c, const op_affine *o)
{
    LAUNCH(affine, cuda_blocks(o->n, BLOCK), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
