/* softmax_loss.c - op_softmax_loss: the cross-entropy of a softmax over all or some columns of each row. Logits: B x N.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/softmax_loss.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* The kernel left the gradient for gy = 1: no pass over it where the loss is all that there is. */
static void softmax_loss_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__tape_is_one(g, gy) ? r->saved[0] : recsys__op_mul(g, r->saved[0], gy));
}

/* An int32 vector of n elements; else the tape has failed. */
static void check_ints(tape *g, const char *name, tensor t, int64_t n, const char *what)
{
    char text[SHAPE_ROOM];
    if (t.data == NULL)
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "%s is no tensor", name);
    else if (t.dtype != RECSYS_I32)
        recsys__tape_fail(g, RECSYS_ERR_TYPE, "%s (%s) holds float32, int32 is needed", name, recsys__shape_text(t, text));
    else if (tensor_elements(&t) != n)
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "%s is %s, and the logits have %lld %s", name,
                          recsys__shape_text(t, text), (long long)n, what);
}

static void check_rule(tape *g, const softmax_rule *rule, int64_t B, int64_t N)
{
    if ((rule->targets != NULL) == (rule->target.data != NULL))
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "targets are either a sparse matrix or a column a row");
    else if (rule->targets == NULL)
        check_ints(g, "target", rule->target, B, "rows");
    else if (rule->targets->n_rows != B || rule->targets->n_columns != N)
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "logits are %lld x %lld but targets are %lld x %lld", (long long)B,
                          (long long)N, (long long)rule->targets->n_rows, (long long)rule->targets->n_columns);
    if (rule->row_id.data == NULL && rule->column_id.data == NULL) return;
    if (!recsys__tape_failed(g)) check_ints(g, "row_id", rule->row_id, B, "rows");
    if (!recsys__tape_failed(g)) check_ints(g, "column_id", rule->column_id, N, "columns");
}

tensor recsys__op_softmax_loss(tape *g, tensor logits, const softmax_rule *rule)
{
    record r = { .rule = softmax_loss_gradient, .operation = "softmax_loss", .in = { logits } };
    logits = front_floats(g, logits, "logits");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    const int64_t B = tensor_rows(&logits), N = tensor_columns(&logits);
    check_rule(g, rule, B, N);
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (recsys__tape_wants(g, r.in[0])) r.saved[0] = front_like(g, logits);
    const sparse *T = rule->targets;
    tensor out = recsys__tape_floats(g, 1, 0);
    op_softmax_loss o = { .op = { OP_SOFTMAX_LOSS, sizeof o },
                          .rows = B,
                          .columns = N,
                          .logit = tensor_floats(&logits),
                          .row_ptr = T ? T->row_ptr : NULL,
                          .target = T ? T->column : tensor_ints(&rule->target),
                          .weight = T ? T->value : NULL,
                          .row_id = tensor_ints(&rule->row_id),
                          .column_id = tensor_ints(&rule->column_id),
                          .loss = tensor_floats(&out),
                          .gradient = tensor_floats(&r.saved[0]) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, &r, 1, out);
}
