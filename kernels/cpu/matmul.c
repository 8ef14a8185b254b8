/* matmul.c - the matmul kernel: tiles and chunks of sgemm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/matmul.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/product.h"

static product product_of(const op_matmul *o)
{
    return (product){ .m = o->m, .n = o->n, .k = o->k, .a = o->a, .b = o->b, .transpose_a = o->transpose_a,
                      .transpose_b = o->transpose_b, .c = o->c };
}

size_t recsys__cpu_matmul_workspace(const op_matmul *o, int32_t threads)
{
    (void)threads;
    product p = product_of(o);
    return recsys__cpu_product_workspace(&p);
}

recsys_status recsys__cpu_matmul(op_context *c, const op_matmul *o)
{
    product p = product_of(o);
    return recsys__cpu_product(c, &p);
}
