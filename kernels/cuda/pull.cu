/* pull.cu - the pull kernel: rows of a sparse product whose entries may have no row of X, and what is added where a sum ends;
 * see sum_rows.cuh.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/sum_rows.cuh"

extern "C" {
#include "backend/op/pull.h"
}

namespace {

struct pulled {
    sparse_terms terms;
    op_pull o;

    __device__ int64_t rows() const { return o.n_rows; }
    __device__ int64_t begin(int64_t n) const { return o.row_ptr ? o.row_ptr[n] : 0; }
    __device__ int64_t end(int64_t n) const { return o.row_ptr ? o.row_ptr[n + 1] : 0; }
    template <int V> __device__ void finish(int64_t n, int64_t c, columns<V> sum) const
    {
        const int64_t slot = o.own_slot ? o.own_slot[n] : -1;
        if (slot >= 0 && o.own) sum = add_columns<V>(sum, 1.0f, read_columns<V>(o.own + slot * o.own_stride + c));
        columns<V> y = sum;
        if (slot >= 0 && o.beside) y = add_columns<V>(read_columns<V>(o.beside + slot * o.own_stride + c), o.scale, sum);
        else
            for (int v = 0; v < V; v++) y.at[v] = o.scale * sum.at[v];
        write_columns<V>(o.y + n * o.dim + c, y);
    }
};

} // namespace

size_t recsys__cuda_pull_workspace(const op_pull *)
{
    return 0;
}

recsys_status recsys__cuda_pull(op_context *c, const op_pull *o)
{
    const int64_t stride = o->x_stride > 0 ? o->x_stride : o->dim;
    const pulled job = { { o->column, o->value, o->x, o->dim, stride, o->x_slot }, *o };
    return cuda_sum_rows(c, job, o->n_rows, cuda_is_wide(o->y, o->dim) && cuda_is_wide(o->own, o->own_stride) &&
                                                cuda_is_wide(o->beside, o->own_stride));
}
