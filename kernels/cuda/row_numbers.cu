/* row_numbers.cu - the row_numbers kernel: a thread for each entry, which searches among the rows of its block's entries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/rows.cuh"

extern "C" {
#include "backend/op/row_numbers.h"
}

enum { RUN = 4 * BLOCK };

/* The row of entry e is the one before the first that starts behind it. */
static __global__ void row_numbers(op_row_numbers o)
{
    __shared__ int64_t bound[2];
    int64_t begin = (int64_t)blockIdx.x * RUN, end = o.n_entries - begin < RUN ? o.n_entries : begin + RUN;
    if (threadIdx.x < 2) bound[threadIdx.x] = first_above(o.row_ptr, 0, o.n_rows, threadIdx.x == 0 ? begin : end - 1);
    __syncthreads();
    for (int64_t e = begin + threadIdx.x; e < end; e += BLOCK)
        o.row[e] = (int32_t)(first_above(o.row_ptr, bound[0], bound[1], e) - 1);
}

size_t recsys__cuda_row_numbers_workspace(const op_row_numbers *)
{
    return 0;
}

recsys_status recsys__cuda_row_numbers(op_context *c, const op_row_numbers *o)
{
    if (o->n_entries == 0) return RECSYS_OK;
    LAUNCH(row_numbers, (unsigned)((o->n_entries + RUN - 1) / RUN), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
