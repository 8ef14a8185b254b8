/* mix_rows.cu - the mix_rows kernel: the sigmoid of all rows, then a thread for each V columns of a sum, stripe after stripe.
 *
 * A stripe is some columns of all sums, and one launch. In it neighbouring blocks work on neighbouring sums of the same
 * columns, so a row that many sums want stays in the cache; between stripes the host may stop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/sum_rows.cuh"
#include "kernels/shared/elementary.h"

extern "C" {
#include "backend/op/mix_rows.h"
}

enum { STRIPE = 1024, MOST_STRIPES = 16 };

static __global__ void sigmoid_rows(int64_t n, float *x)
{
    GRID_STRIDE(i, n) x[i] = element_sigmoid(x[i]);
}

/* Columns from c0 up to c1 of the sums, blockIdx.x a sum and blockIdx.y BLOCK V columns. */
template <int V> static __global__ void __launch_bounds__(BLOCK, 4) mix_stripe(op_mix_rows o, int64_t c0, int64_t c1)
{
    const sparse_terms terms = { o.row, o.weight, o.rows, o.n_items, o.n_items, nullptr };
    const int64_t c = c0 + ((int64_t)blockIdx.y * BLOCK + threadIdx.x) * V;
    for (int64_t q = blockIdx.x; q < o.n_sums && c < c1; q += gridDim.x) {
        float *y = o.out + q * o.n_items + c;
        columns<V> sum = o.add ? read_columns<V>(y) : no_columns<V>();
        write_columns<V>(y, add_entries<V, false>(sum, terms, o.ptr[q], o.ptr[q + 1], c));
    }
}

template <int V> static recsys_status mix_stripes(op_context *c, const op_mix_rows *o)
{
    const int64_t I = o->n_items, least = (I + MOST_STRIPES - 1) / MOST_STRIPES;
    const int64_t stripe = (least + STRIPE - 1) / STRIPE * STRIPE;
    auto kernel = mix_stripe<V>;
    for (int64_t c0 = 0; c0 < I; c0 += stripe) {
        const int64_t c1 = c0 + stripe < I ? c0 + stripe : I;
        if (c->cancelled(c->host)) return cuda_fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while mixing rows");
        const dim3 blocks(cuda_blocks(o->n_sums, 1), (unsigned)((c1 - c0 + BLOCK * V - 1) / (BLOCK * V)));
        LAUNCH(kernel, blocks, BLOCK, 0, c, *o, c0, c1);
    }
    return cuda_launched(c);
}

size_t recsys__cuda_mix_rows_workspace(const op_mix_rows *)
{
    return 0;
}

recsys_status recsys__cuda_mix_rows(op_context *c, const op_mix_rows *o)
{
    if (o->n_items == 0) return RECSYS_OK;
    if (o->sigmoid) {
        if (c->cancelled(c->host)) return cuda_fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while mixing rows");
        LAUNCH(sigmoid_rows, cuda_blocks(o->n_rows * o->n_items, BLOCK), BLOCK, 0, c, o->n_rows * o->n_items, o->rows);
    }
    if (o->n_sums == 0) return cuda_launched(c);
    return cuda_is_wide(o->rows, o->n_items) && cuda_is_wide(o->out, o->n_items) ? mix_stripes<4>(c, o) : mix_stripes<1>(c, o);
}
