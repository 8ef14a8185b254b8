/* linear.c - f(X W' + b), one layer of a network.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/linear.h"

#include "backend/op/map.h"
#include "tensor/front.h"
#include "tensor/ops.h"

/* Y = f(Z), Z = X W' + b: gZ = gY f'(Z), which all f of this operation have from Y; gX = gZ W, gW = gZ' X, gb = sum of the
 * rows of gZ. */
static void linear_gradient(tape *g, const record *r, tensor gY)
{
    tensor X = r->in[0], W = r->in[1], b = r->in[2];
    tensor gZ = recsys__map_gradient(g, r->saved[0], gY, (int32_t)r->i[0]);
    if (front_leads_back(X)) recsys__tape_add_gradient(g, X, recsys__op_matmul(g, gZ, W));
    if (front_leads_back(W)) recsys__tape_add_gradient(g, W, recsys__op_matmul_tn(g, gZ, X));
    if (front_leads_back(b)) recsys__tape_add_gradient(g, b, recsys__op_sum_rows(g, gZ));
}

tensor recsys__op_linear(tape *g, tensor X, tensor W, tensor b, int32_t f)
{
    X = front_floats(g, X, "X");
    W = front_floats(g, W, "W");
    if (b.data != NULL) b = front_floats(g, b, "b");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    int64_t B = tensor_rows(&X), D = tensor_columns(&X), H = tensor_rows(&W);
    if (D != tensor_columns(&W)) return front_mismatch(g, "X", X, "W", W, ": X W' needs as many columns in both");
    if (b.data != NULL && tensor_elements(&b) != H)
        return front_mismatch(g, "W", W, "b", b, ": b needs a number for each row of W");
    if (f < 0 || f >= FN_COUNT) return recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "there is no function %d", (int)f);
    int32_t fused = map_gradient_from_x(f) ? FN_IDENTITY : f; /* the others need Z for their gradient */
    tensor Y = front_array(g, B, H);
    op_linear o = { .op = { OP_LINEAR, sizeof o }, .rows = B, .dim = D, .width = H, .x = tensor_floats(&X), .w = tensor_floats(&W),
                    .b = tensor_floats(&b), .f = fused, .y = tensor_floats(&Y) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = linear_gradient, .operation = "linear", .in = { X, W, b }, .saved = { Y }, .i = { fused } };
    Y = recsys__tape_record(g, &r, 3, Y);
    return fused == f ? Y : recsys__op_map(g, Y, f);
}
