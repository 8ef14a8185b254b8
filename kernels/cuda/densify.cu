/* densify.cu - the densify kernel: zeros, then a block for the entries of each row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/densify.h"
}

enum { THREADS = 128 };

static __global__ void densify(op_densify o)
{
    for (int64_t n = blockIdx.x; n < o.n_rows; n += gridDim.x) {
        int64_t end = o.row_ptr[n + 1];
        float *y = o.y + n * o.n_columns;
        for (int64_t e = o.row_ptr[n] + threadIdx.x; e < end; e += THREADS) y[o.column[e]] = o.value ? o.value[e] : 1.0f;
    }
}

size_t recsys__cuda_densify_workspace(const op_densify *)
{
    return 0;
}

recsys_status recsys__cuda_densify(op_context *c, const op_densify *o)
{
    size_t bytes = sizeof(float) * (size_t)(o->n_rows * o->n_columns);
    if (bytes == 0) return RECSYS_OK;
    TRY(cuda_ok(c->error, cudaMemsetAsync(o->y, 0, bytes, cuda_queue(c)->stream)));
    LAUNCH(densify, cuda_blocks(o->n_rows, 1), THREADS, 0, c, *o);
    return cuda_launched(c);
}
