/* propagate_rows.cu - the propagate_rows kernel: the last layer of some nodes as in sum_rows.cuh, the mean where its sum ends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/sum_rows.cuh"

extern "C" {
#include "backend/op/propagate_rows.h"
}

namespace {

/* All n rows of the output: those from S on have no entries and become 0. */
struct nodes {
    sparse_terms terms;
    op_propagate_rows o;

    __device__ bool has_entries(int64_t s) const { return o.layers > 0 && s < *o.n_rows; }
    __device__ int64_t rows() const { return o.most; }
    __device__ int64_t begin(int64_t s) const { return has_entries(s) ? o.row_ptr[o.row[s]] : 0; }
    __device__ int64_t end(int64_t s) const { return has_entries(s) ? o.row_ptr[o.row[s] + 1] : 0; }
    template <int V> __device__ void finish(int64_t s, int64_t c, columns<V> sum) const
    {
        float *out = o.out + s * 2 * o.dim + c;
        columns<V> first = no_columns<V>(), mean = first;
        if (s < *o.n_rows) {
            const int64_t r = o.row[s];
            mean = first = read_columns<V>(o.first + r * o.dim + c);
            for (int64_t l = 1; l < o.layers; l++)
                mean = add_columns<V>(mean, 1.0f, read_columns<V>(o.later + ((l - 1) * o.n_nodes + r) * o.dim + c));
            if (o.layers > 0) mean = add_columns<V>(mean, 1.0f, sum);
            for (int v = 0; v < V; v++) mean.at[v] *= o.scale;
        }
        write_columns<V>(out, mean);
        write_columns<V>(out + o.dim, first);
    }
};

} // namespace

size_t recsys__cuda_propagate_rows_workspace(const op_propagate_rows *)
{
    return 0;
}

recsys_status recsys__cuda_propagate_rows(op_context *c, const op_propagate_rows *o)
{
    const nodes job = { { o->column, o->value, o->other, o->dim, o->dim, nullptr }, *o };
    return cuda_sum_rows(c, job, o->most, cuda_is_wide(o->out, o->dim) && cuda_is_wide(o->first, o->dim) &&
                                              cuda_is_wide(o->later, o->dim));
}
