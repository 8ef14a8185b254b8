/* map.c - a function of each element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/map.h"

#include "backend/op/map_gradient.h"
#include "tensor/front.h"
#include "tensor/ops.h"

tensor recsys__map_gradient(tape *g, tensor at, tensor gy, int32_t f)
{
    if (recsys__tape_failed(g) || f == FN_IDENTITY) return gy;
    tensor gx = front_like(g, gy);
    op_map_gradient o = { .op = { OP_MAP_GRADIENT, sizeof o }, .n = tensor_elements(&gy), .f = f, .at = tensor_floats(&at),
                          .gy = tensor_floats(&gy), .gx = tensor_floats(&gx) };
    recsys__tape_run(g, &o.op);
    return gx;
}

/* y = f(x): gx = gy f'(x), from x or from y, whichever was saved. */
static void map_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__map_gradient(g, r->saved[0], gy, (int32_t)r->i[0]));
}

tensor recsys__op_map(tape *g, tensor x, int32_t f)
{
    x = front_floats(g, x, "x");
    if (recsys__tape_failed(g)) return x;
    if (f < 0 || f >= FN_COUNT) return recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "there is no function %d", (int)f);
    if (f == FN_IDENTITY) return x;
    tensor y = front_like(g, x);
    op_map o = { .op = { OP_MAP, sizeof o }, .n = tensor_elements(&x), .f = f, .x = tensor_floats(&x), .y = tensor_floats(&y) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = map_gradient, .operation = "map", .in = { x }, .saved = { map_gradient_from_x(f) ? x : y }, .i = { f } };
    return recsys__tape_record(g, &r, 1, y);
}
