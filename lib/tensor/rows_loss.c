/* rows_loss.c - op_rows_loss: logits (B x N) against sparse rows of ones, all cells counting the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rows_loss.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* The kernel left the gradient for gy = 1: no pass over it where the loss is all that there is. */
static void rows_loss_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__tape_is_one(g, gy) ? r->saved[0] : recsys__op_mul(g, r->saved[0], gy));
}

tensor recsys__op_rows_loss(tape *g, tensor logits, const sparse *targets, int32_t kind)
{
    char text[SHAPE_ROOM];
    record r = { .rule = rows_loss_gradient, .operation = "rows_loss", .in = { logits } };
    logits = front_floats(g, logits, "logits");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (kind != LOSS_CELLS_BCE && kind != LOSS_CELLS_MSE)
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "there is no loss %d of cells", (int)kind);
    if (targets->n_rows != tensor_rows(&logits) || targets->n_columns != tensor_columns(&logits))
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "logits are %s but targets are %lld x %lld",
                                 recsys__shape_text(logits, text), (long long)targets->n_rows, (long long)targets->n_columns);
    if (recsys__tape_wants(g, r.in[0])) r.saved[0] = front_like(g, logits);
    tensor out = recsys__tape_floats(g, 1, 0);
    op_rows_loss o = { .op = { OP_ROWS_LOSS, sizeof o }, .rows = tensor_rows(&logits), .columns = tensor_columns(&logits),
                       .logit = tensor_floats(&logits), .row_ptr = targets->row_ptr, .column = targets->column, .kind = kind,
                       .loss = tensor_floats(&out), .gradient = tensor_floats(&r.saved[0]) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, &r, 1, out);
}
