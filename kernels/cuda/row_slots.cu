/* row_slots.cu - the row_slots kernel: a thread for each row of the index, and one for each entry in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/rows.cuh"

extern "C" {
#include "backend/op/row_slots.h"
}

enum { RUN = 4 * BLOCK };

/* Places k of `order`, whose row is the one before the first that begins behind k. */
static __global__ void row_slots(op_row_slots o)
{
    __shared__ int64_t bound[2];
    const row_index &x = o.index;
    int64_t S = *x.n_rows, all = x.begin[S], begin = (int64_t)blockIdx.x * RUN, end = all - begin < RUN ? all : begin + RUN;
    for (int64_t s = begin + threadIdx.x; o.slot && s < begin + RUN && s < S; s += BLOCK) o.slot[x.row[s]] = (int32_t)s;
    if (!o.place || begin >= all) return;
    if (threadIdx.x < 2) bound[threadIdx.x] = first_above(x.begin, 0, S, threadIdx.x == 0 ? begin : end - 1);
    __syncthreads();
    for (int64_t k = begin + threadIdx.x; k < end; k += BLOCK)
        o.place[x.order[k]] = o.first + (int32_t)first_above(x.begin, bound[0], bound[1], k) - 1;
}

size_t recsys__cuda_row_slots_workspace(const op_row_slots *)
{
    return 0;
}

/* -1 everywhere. */
static recsys_status clear(op_context *c, int32_t *to, int64_t n)
{
    if (!to || n == 0) return RECSYS_OK;
    return cuda_ok(c->error, cudaMemsetAsync(to, 0xff, sizeof *to * (size_t)n, cuda_queue(c)->stream));
}

recsys_status recsys__cuda_row_slots(op_context *c, const op_row_slots *o)
{
    int64_t E = o->index.n_entries;
    TRY(clear(c, o->slot, o->n_rows));
    TRY(clear(c, o->place, E));
    if (E > 0) LAUNCH(row_slots, (unsigned)((E + RUN - 1) / RUN), BLOCK, 0, c, *o);
    return cuda_launched(c);
}
