/* scatter_rows.cu - the scatter_rows kernel: zeros everywhere, then the rows of the index, a thread for each element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/rows.cuh"

extern "C" {
#include "backend/op/scatter_rows.h"
}

static __global__ void scatter_rows(op_scatter_rows o)
{
    const row_index &x = o.from.index;
    row_share share = share_of_rows(o.dim);
    int64_t rows = rows_of_block(o.dim), s = blockIdx.x * rows + share.row;
    if (share.row >= rows || s >= *x.n_rows) return;
    int64_t begin = x.begin[s], end = x.begin[s + 1];
    float *out = o.out + x.row[s] * o.dim;
    for (int64_t c = share.first; c < o.dim; c += share.step) out[c] = sum_of_entries(o.from, begin, end, o.dim, c);
}

size_t recsys__cuda_scatter_rows_workspace(const op_scatter_rows *)
{
    return 0;
}

recsys_status recsys__cuda_scatter_rows(op_context *c, const op_scatter_rows *o)
{
    size_t bytes = sizeof *o->out * (size_t)(o->n_rows * o->dim);
    if (bytes > 0) TRY(cuda_ok(c->error, cudaMemsetAsync(o->out, 0, bytes, cuda_queue(c)->stream)));
    int64_t blocks = blocks_of_rows(most_rows_of(&o->from.index, o->n_rows), o->dim);
    if (blocks > 0) LAUNCH(scatter_rows, (unsigned)blocks, BLOCK, 0, c, *o);
    return cuda_launched(c);
}
