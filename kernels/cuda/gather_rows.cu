/* gather_rows.cu - the gather_rows kernel: a thread for each element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/gather_rows.h"
}

/* `index`: 32 bits where they do, as a division of 64 bits takes longer than the element. */
template <typename index> __global__ void gather_rows(op_gather_rows o, int64_t n)
{
    index dim = (index)o.dim;
    GRID_STRIDE(i, n) {
        index q = (index)i / dim;
        int64_t row = o.row[q];
        o.out[i] = row < 0 ? 0.0f : o.table[row * o.dim + (int64_t)((index)i - q * dim)];
    }
}

size_t recsys__cuda_gather_rows_workspace(const op_gather_rows *)
{
    return 0;
}

recsys_status recsys__cuda_gather_rows(op_context *c, const op_gather_rows *o)
{
    int64_t n = o->count * o->dim;
    auto gather = n <= (int64_t)UINT32_MAX ? gather_rows<uint32_t> : gather_rows<uint64_t>;
    if (n > 0) LAUNCH(gather, cuda_blocks(n, BLOCK), BLOCK, 0, c, *o, n);
    return cuda_launched(c);
}
