/* rowdot.c - inner products of rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rowdot.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* y_b = a_b . b_b: row b of ga is gy_b times that of b, and the other way round. */
static void rowdot_gradient(tape *g, const record *r, tensor gy)
{
    tensor a = r->in[0], b = r->in[1];
    if (front_leads_back(a)) recsys__tape_add_gradient(g, a, recsys__op_scale_rows(g, b, gy));
    if (front_leads_back(b)) recsys__tape_add_gradient(g, b, recsys__op_scale_rows(g, a, gy));
}

tensor recsys__op_rowdot(tape *g, tensor a, tensor b)
{
    a = front_floats(g, a, "a");
    b = front_floats(g, b, "b");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (!front_same_shape(a, b)) return front_mismatch(g, "a", a, "b", b, "");
    tensor y = recsys__tape_floats(g, tensor_rows(&a), 0);
    op_rowdot o = { .op = { OP_ROWDOT, sizeof o }, .rows = tensor_rows(&a), .dim = tensor_columns(&a), .a = tensor_floats(&a),
                    .b = tensor_floats(&b), .y = tensor_floats(&y) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = rowdot_gradient, .operation = "rowdot", .in = { a, b } };
    return recsys__tape_record(g, &r, 2, y);
}
