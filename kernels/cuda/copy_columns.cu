/* copy_columns.cu - the copy_columns kernel: a thread for each element that is written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/copy_columns.h"
}

/* Columns first to first + width - 1 of `to`. `index`: 32 bits where they do, as a division of 64 bits takes longer than the
 * element. */
template <typename index> __global__ void copy_columns(op_copy_columns o, int64_t first, int64_t width)
{
    GRID_STRIDE(i, o.rows * width) {
        index row = (index)i / (index)width, column = (index)i - row * (index)width;
        int64_t to = first + (int64_t)column, at = to - o.to_first;
        float copied = 0.0f;
        if (at >= 0 && at < o.count) copied = o.from[(int64_t)row * o.from_width + o.from_first + at];
        o.to[(int64_t)row * o.to_width + to] = copied;
    }
}

size_t recsys__cuda_copy_columns_workspace(const op_copy_columns *)
{
    return 0;
}

recsys_status recsys__cuda_copy_columns(op_context *c, const op_copy_columns *o)
{
    int64_t first = o->zero ? 0 : o->to_first, width = o->zero ? o->to_width : o->count, n = o->rows * width;
    auto copy = n <= (int64_t)UINT32_MAX ? copy_columns<uint32_t> : copy_columns<uint64_t>;
    if (n > 0) LAUNCH(copy, cuda_blocks(n, BLOCK), BLOCK, 0, c, *o, first, width);
    return cuda_launched(c);
}
