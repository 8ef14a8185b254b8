/* binary.cu - the binary kernel: a thread for each element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/binary.h"
}

static __device__ float combined(int32_t kind, float a, float b)
{
    return kind == BINARY_ADD ? a + b : kind == BINARY_SUB ? a - b : a * b;
}

static __global__ void binary(op_binary o, int64_t n)
{
    if (o.second == BINARY_SAME) {
        GRID_STRIDE(i, n) o.y[i] = combined(o.kind, o.a[i], o.b[i]);
    } else {
        float b = o.b[0];
        GRID_STRIDE(i, n) o.y[i] = combined(o.kind, o.a[i], b);
    }
}

/* B is a row. `index`: 32 bits where they do, as a division of 64 bits takes longer than the element. */
template <typename index> __global__ void binary_row(op_binary o, int64_t n)
{
    index dim = (index)o.dim;
    GRID_STRIDE(i, n) o.y[i] = combined(o.kind, o.a[i], o.b[(index)i % dim]);
}

size_t recsys__cuda_binary_workspace(const op_binary *)
{
    return 0;
}

recsys_status recsys__cuda_binary(op_context *c, const op_binary *o)
{
    int64_t n = o->rows * o->dim;
    if (n == 0) return RECSYS_OK;
    auto row = n <= (int64_t)UINT32_MAX ? binary_row<uint32_t> : binary_row<uint64_t>;
    if (o->second == BINARY_ROW) LAUNCH(row, cuda_blocks(n, BLOCK), BLOCK, 0, c, *o, n);
    else LAUNCH(binary, cuda_blocks(n, BLOCK), BLOCK, 0, c, *o, n);
    return cuda_launched(c);
}
