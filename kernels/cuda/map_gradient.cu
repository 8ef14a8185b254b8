/* map_gradient.cu - the map_gradient kernel: a thread for each element.
 *
 * The bits are the CPU's but for softplus, which calls the device's library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/map_gradient.h"
}
#include "kernels/shared/functions.h"

static __global__ void map_gradient(op_map_gradient o)
{
    GRID_STRIDE(i, o.n) o.gx[i] = element_gradient(o.f, o.at[i], o.gy[i]);
}

size_t recsys__cuda_map_gradient_workspace(const op_map_gradient *)
{
    return 0;
}

recsys_status recsys__cuda_map_gradient(op_context *c, const op_map_gradient *o)
{
    if (o->f == FN_IDENTITY && o->gx == o->gy) return RECSYS_OK;
    LAUNCH(map_gradient, cuda_blocks(o->n, BLOCK), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
