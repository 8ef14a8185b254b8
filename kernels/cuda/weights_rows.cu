/* weights_rows.cu - the weights_rows kernel: rows of P, scaled, or rows of sparse weights, spread out.
 *
 * Which rows are wanted is known on the host alone: their numbers travel as an argument of the launch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/precision.h"

extern "C" {
#include "backend/op/weights_rows.h"
}

/* Rows of a launch: 1 KiB of numbers. */
enum { ROWS = 256 };

struct row_list {
    int32_t row[ROWS];
};

/* A row for each blockIdx.y. */
static __global__ void write_dense(symmetric p, const float *scale, row_list list, float *out)
{
    int64_t i = list.row[blockIdx.y];
    float *to = out + blockIdx.y * p.n;
    GRID_STRIDE(j, p.n) to[j] = precision_score(i == j ? 0.0f : precision_at(&p, i, j) + 0.0f, scale[j]);
}

/* The rows are zeros. A block for each. */
static __global__ void write_sparse(item_weights w, row_list list, float *out)
{
    int64_t i = list.row[blockIdx.x], end = w.row_ptr[i + 1];
    float *to = out + blockIdx.x * w.n_items;
    for (int64_t e = w.row_ptr[i] + threadIdx.x; e < end; e += blockDim.x) to[w.col[e]] = w.val[e];
}

size_t recsys__cuda_weights_rows_workspace(const op_weights_rows *o)
{
    cuda_room room = { nullptr, 0 };
    if (o->weights.row_ptr == nullptr) room.take<float>(o->weights.n_items);
    return room.used;
}

recsys_status recsys__cuda_weights_rows(op_context *c, const op_weights_rows *o)
{
    const item_weights *w = &o->weights;
    TRY(cuda_precision_check(c->error, w));
    if (o->n_rows == 0 || w->n_items == 0) return RECSYS_OK;
    bool sparse = w->row_ptr != nullptr;
    size_t bytes = sizeof(float) * (size_t)(o->n_rows * w->n_items);
    cuda_room room = cuda_workspace(c);
    float *scale = sparse ? nullptr : room.take<float>(w->n_items);
    if (sparse) TRY(cuda_ok(c->error, cudaMemsetAsync(o->out, 0, bytes, cuda_queue(c)->stream)));
    else cuda_precision_scale(c, &w->precision, scale);
    for (int64_t first = 0; first < o->n_rows; first += ROWS) {
        unsigned count = (unsigned)(o->n_rows - first < ROWS ? o->n_rows - first : (int64_t)ROWS);
        row_list list = {};
        for (unsigned n = 0; n < count; n++) list.row[n] = o->rows[first + n];
        if (c->cancelled(c->host)) return cuda_fail(c->error, RECSYS_ERR_CANCELLED, "cancelled while reading item weights");
        float *out = o->out + first * w->n_items;
        if (sparse) LAUNCH(write_sparse, count, BLOCK / 2, 0, c, *w, list, out);
        else LAUNCH(write_dense, dim3(cuda_blocks(w->n_items, BLOCK), count), BLOCK, 0, c, w->precision, scale, list, out);
    }
    return cuda_launched(c);
}
