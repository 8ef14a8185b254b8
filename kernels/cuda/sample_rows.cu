/* sample_rows.cu - the sample_rows kernel: the users and the lengths of their rows, the places of the rows by adding up, then a
 * block for each row.
 *
 * B rows, E cells in them, n negatives a cell. How many cells there are only the device knows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/negatives.h"
#include "kernels/cuda/prefix.h"

extern "C" {
#include "backend/op/sample_rows.h"
}

enum { ROW_THREADS = 128 };

static __global__ void pick_rows(op_sample_rows o)
{
    GRID_STRIDE(b, o.count) {
        int64_t row = o.in_order ? o.position + b : permutation_at(&o.order, o.position + b);
        int32_t u = o.row_user[row];
        o.users[b] = u;
        o.out_ptr[b + 1] = o.row_ptr[u + 1] - o.row_ptr[u];
    }
}

/* The samples of row b: d cells from `first` on of user u, then their negatives. */
static __device__ void sample_row(const op_sample_rows &o, int64_t b, int32_t u, int64_t first, int64_t d)
{
    const int64_t n = o.negatives.per_positive, at = o.out_ptr[b] * (1 + n);
    for (int64_t k = threadIdx.x; k < (1 + n) * d; k += blockDim.x) {
        bool is_cell = k < d;
        o.labels[at + k] = is_cell ? 1.0f : 0.0f;
        o.sample_row[at + k] = (int32_t)b;
        if (o.clean) o.clean[at + k] = is_cell ? o.flag[first + k] : 2;
        o.items[at + k] = is_cell ? o.column[first + k]
                                  : draw_negative(o.negatives, u, (uint64_t)(o.n_cells + first * n + k - d));
    }
}

/* Row b of the B x I flags: I bytes, as words where they are aligned. */
static __device__ void flag_row(const op_sample_rows &o, int64_t b, int64_t first, int64_t d)
{
    const int64_t I = o.negatives.n_items;
    uint8_t *clean = o.clean + b * I;
    int64_t head = (int64_t)(-reinterpret_cast<uintptr_t>(clean) & 3), words;
    if (head > I) head = I;
    words = (I - head) / 4;
    for (int64_t k = threadIdx.x; k < words; k += blockDim.x) reinterpret_cast<uint32_t *>(clean + head)[k] = 0x02020202u;
    for (int64_t k = threadIdx.x; k < I - 4 * words; k += blockDim.x) clean[k < head ? k : k + 4 * words] = 2;
    __syncthreads();
    for (int64_t e = first + threadIdx.x; e < first + d; e += blockDim.x) clean[o.column[e]] = o.flag[e];
}

static __global__ void fill_rows(op_sample_rows o)
{
    for (int64_t b = blockIdx.x; b < o.count; b += gridDim.x) {
        const int32_t u = o.users[b];
        const int64_t first = o.row_ptr[u], d = o.row_ptr[u + 1] - first;
        int32_t *column = o.out_column + o.out_ptr[b];
        for (int64_t k = threadIdx.x; k < d; k += blockDim.x) column[k] = o.column[first + k];
        if (o.items) sample_row(o, b, u, first, d);
        else if (o.clean) flag_row(o, b, first, d);
    }
}

size_t recsys__cuda_sample_rows_workspace(const op_sample_rows *)
{
    return 0;
}

recsys_status recsys__cuda_sample_rows(op_context *c, const op_sample_rows *o)
{
    LAUNCH(pick_rows, cuda_blocks(o->count, ROW_THREADS), ROW_THREADS, 0, c, *o);
    cuda_prefix(c, o->count, o->out_ptr);
    LAUNCH(fill_rows, cuda_blocks(o->count, 1), ROW_THREADS, 0, c, *o);
    return cuda_launched(c);
}
