/* scale_rows.cu - the scale_rows kernel: a thread for each element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/scale_rows.h"
}

/* `index`: 32 bits where they do, as a division of 64 bits takes longer than the element. */
template <typename index> __global__ void scale_rows(op_scale_rows o, int64_t n)
{
    index dim = (index)o.dim;
    GRID_STRIDE(i, n) o.y[i] = o.s[(index)i / dim] * o.x[i];
}

size_t recsys__cuda_scale_rows_workspace(const op_scale_rows *)
{
    return 0;
}

recsys_status recsys__cuda_scale_rows(op_context *c, const op_scale_rows *o)
{
    int64_t n = o->rows * o->dim;
    auto scale = n <= (int64_t)UINT32_MAX ? scale_rows<uint32_t> : scale_rows<uint64_t>;
    if (n > 0) LAUNCH(scale, cuda_blocks(n, BLOCK), BLOCK, 0, c, *o, n);
    return cuda_launched(c);
}
