/* scale_rows.c - each row times its own number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/scale_rows.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* Y = diag(s) X: gX = diag(s) gY, gs_b = gY_b . X_b. */
static void scale_rows_gradient(tape *g, const record *r, tensor gY)
{
    tensor X = r->in[0], s = r->in[1];
    if (front_leads_back(X)) recsys__tape_add_gradient(g, X, recsys__op_scale_rows(g, gY, s));
    if (front_leads_back(s)) recsys__tape_add_gradient(g, s, recsys__op_rowdot(g, gY, X));
}

tensor recsys__op_scale_rows(tape *g, tensor X, tensor s)
{
    X = front_floats(g, X, "X");
    s = front_floats(g, s, "s");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (tensor_elements(&s) != tensor_rows(&X)) return front_mismatch(g, "X", X, "s", s, ": s needs a number for each row of X");
    tensor Y = front_like(g, X);
    op_scale_rows o = { .op = { OP_SCALE_ROWS, sizeof o }, .rows = tensor_rows(&X), .dim = tensor_columns(&X),
                        .x = tensor_floats(&X), .s = tensor_floats(&s), .y = tensor_floats(&Y) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = scale_rows_gradient, .operation = "scale_rows", .in = { X, s } };
    return recsys__tape_record(g, &r, 2, Y);
}
