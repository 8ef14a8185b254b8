/* spmm.cu - the spmm kernel: each row of Y is a weighted sum of rows of X; see sum_rows.cuh.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/sum_rows.cuh"

extern "C" {
#include "backend/op/spmm.h"
}

namespace {

struct product {
    sparse_terms terms;
    int64_t n_rows;
    const int64_t *row_ptr;
    float *y;

    __device__ int64_t rows() const { return n_rows; }
    __device__ int64_t begin(int64_t n) const { return row_ptr[n]; }
    __device__ int64_t end(int64_t n) const { return row_ptr[n + 1]; }
    template <int V> __device__ void finish(int64_t n, int64_t c, columns<V> sum) const
    {
        write_columns<V>(y + n * terms.dim + c, sum);
    }
};

} // namespace

size_t recsys__cuda_spmm_workspace(const op_spmm *)
{
    return 0;
}

recsys_status recsys__cuda_spmm(op_context *c, const op_spmm *o)
{
    const product job = { { o->column, o->value, o->x, o->dim, o->dim, nullptr }, o->n_rows, o->row_ptr, o->y };
    return cuda_sum_rows(c, job, o->n_rows, cuda_is_wide(o->y, o->dim));
}
