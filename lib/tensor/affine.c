/* affine.c - s x + t with constants.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/affine.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* y = s x + t: gx = s gy. */
static void affine_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__op_affine(g, gy, r->f, 0.0f));
}

tensor recsys__op_affine(tape *g, tensor x, float s, float t)
{
    x = front_floats(g, x, "x");
    if (recsys__tape_failed(g)) return x;
    tensor y = front_like(g, x);
    op_affine o = { .op = { OP_AFFINE, sizeof o }, .n = tensor_elements(&x), .s = s, .t = t, .x = tensor_floats(&x),
                    .y = tensor_floats(&y) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = affine_gradient, .operation = "affine", .in = { x }, .f = s };
    return recsys__tape_record(g, &r, 1, y);
}
