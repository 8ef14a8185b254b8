/* matmul.cu - the matmul kernel: narrow products by narrow.cu, with the CPU's bits, others by cuBLAS.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/narrow.h"
#include "kernels/cuda/product.h"

extern "C" {
#include "backend/op/map.h"
#include "backend/op/matmul.h"
}
#include "kernels/shared/narrow.h"

static narrow_product narrow_of(const op_matmul *o)
{
    return narrow_product{ o->m, o->n, o->k, o->a, o->b, o->transpose_a, o->transpose_b, nullptr, FN_IDENTITY, o->c };
}

static bool narrow(const op_matmul *o)
{
    return is_narrow(o->transpose_a, o->transpose_b, o->m, o->n, o->k);
}

size_t recsys__cuda_matmul_workspace(const op_matmul *o)
{
    narrow_product p = narrow_of(o);
    return narrow(o) && o->k <= INT32_MAX ? cuda_narrow_workspace(&p) : 0;
}

recsys_status recsys__cuda_matmul(op_context *c, const op_matmul *o)
{
    narrow_product p = narrow_of(o);
    if (narrow(o) && o->m <= INT32_MAX && o->k <= INT32_MAX) return cuda_narrow(c, &p);
    return cuda_product(c, o->transpose_a, o->transpose_b, o->m, o->n, o->k, 1.0f, o->a, o->transpose_a ? o->m : o->k, o->b,
                        o->transpose_b ? o->k : o->n, 0.0f, o->c, o->n);
}
