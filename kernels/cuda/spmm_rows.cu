/* spmm_rows.cu - the spmm_rows kernel: a few rows of a product; see sum_rows.cuh.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/sum_rows.cuh"

extern "C" {
#include "backend/op/spmm_rows.h"
}

namespace {

struct some_rows {
    sparse_terms terms;
    const int32_t *n_rows, *row;
    const int64_t *row_ptr;
    float *z;

    __device__ int64_t rows() const { return *n_rows; }
    __device__ int64_t begin(int64_t s) const { return row_ptr[row[s]]; }
    __device__ int64_t end(int64_t s) const { return row_ptr[row[s] + 1]; }
    template <int V> __device__ void finish(int64_t s, int64_t c, columns<V> sum) const
    {
        write_columns<V>(z + s * terms.dim + c, sum);
    }
};

} // namespace

size_t recsys__cuda_spmm_rows_workspace(const op_spmm_rows *)
{
    return 0;
}

recsys_status recsys__cuda_spmm_rows(op_context *c, const op_spmm_rows *o)
{
    const some_rows job = { { o->column, o->value, o->x, o->dim, o->dim, nullptr }, o->n_rows, o->row, o->row_ptr, o->z };
    return cuda_sum_rows(c, job, o->most, cuda_is_wide(o->z, o->dim));
}
