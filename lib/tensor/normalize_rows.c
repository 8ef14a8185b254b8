/* normalize_rows.c - each row divided by its length.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/normalize_rows.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* Y = diag(s) X with s_n = 1 / |X_n|: gX = diag(s) (gY - diag(gY . Y) Y). A row of zeros has s_n = 0 and no gradient. */
static void normalize_rows_gradient(tape *g, const record *r, tensor gY)
{
    tensor Y = r->saved[0], s = r->saved[1];
    tensor along = recsys__op_scale_rows(g, Y, recsys__op_rowdot(g, gY, Y));
    recsys__tape_add_gradient(g, r->in[0], recsys__op_scale_rows(g, recsys__op_sub(g, gY, along), s));
}

tensor recsys__op_normalize_rows(tape *g, tensor X)
{
    X = front_floats(g, X, "X");
    if (recsys__tape_failed(g)) return X;
    tensor Y = front_like(g, X), s = recsys__tape_floats(g, tensor_rows(&X), 0);
    op_normalize_rows o = { .op = { OP_NORMALIZE_ROWS, sizeof o }, .rows = tensor_rows(&X), .dim = tensor_columns(&X),
                            .x = tensor_floats(&X), .y = tensor_floats(&Y), .s = tensor_floats(&s) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = normalize_rows_gradient, .operation = "normalize_rows", .in = { X }, .saved = { Y, s } };
    return recsys__tape_record(g, &r, 1, Y);
}
