/* linear.cu - the linear kernel: narrow products with b and f in one launch, others by cuBLAS with b and f in a second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/narrow.h"
#include "kernels/cuda/product.h"

extern "C" {
#include "backend/op/linear.h"
#include "backend/op/map.h"
}
#include "kernels/shared/functions.h"
#include "kernels/shared/narrow.h"

/* `index`: 32 bits where they do, as a division of 64 bits takes longer than the element. */
template <typename index> __global__ void add_and_map(op_linear o, int64_t n)
{
    index width = (index)o.width;
    GRID_STRIDE(i, n) {
        float y = o.y[i];
        if (o.b) y += o.b[(index)i % width];
        o.y[i] = element_map(o.f, y);
    }
}

size_t recsys__cuda_linear_workspace(const op_linear *)
{
    return 0;
}

recsys_status recsys__cuda_linear(op_context *c, const op_linear *o)
{
    int64_t n = o->rows * o->width;
    if (is_narrow(0, 1, o->rows, o->width, o->dim) && o->rows <= INT32_MAX) {
        narrow_product p = { o->rows, o->width, o->dim, o->x, o->w, 0, 1, o->b, o->f, o->y };
        return cuda_narrow(c, &p);
    }
    TRY(cuda_product(c, false, true, o->rows, o->width, o->dim, 1.0f, o->x, o->dim, o->w, o->dim, 0.0f, o->y, o->width));
    if (n == 0 || (!o->b && o->f == FN_IDENTITY)) return RECSYS_OK;
    auto finish = n <= (int64_t)UINT32_MAX ? add_and_map<uint32_t> : add_and_map<uint64_t>;
    LAUNCH(finish, cuda_blocks(n, BLOCK), BLOCK, 0, c, *o, n);
    return cuda_launched(c);
}
