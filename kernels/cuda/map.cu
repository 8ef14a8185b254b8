/* map.cu - the map kernel: a thread for each element.
 *
 * The bits are the CPU's but for softplus and log, which call the device's library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/map.h"
}
#include "kernels/shared/functions.h"

static __global__ void map(op_map o)
{
    GRID_STRIDE(i, o.n) o.y[i] = element_map(o.f, o.x[i]);
}

size_t recsys__cuda_map_workspace(const op_map *)
{
    return 0;
}

recsys_status recsys__cuda_map(op_context *c, const op_map *o)
{
    if (o->f == FN_IDENTITY && o->x == o->y) return RECSYS_OK;
    LAUNCH(map, cuda_blocks(o->n, BLOCK), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
