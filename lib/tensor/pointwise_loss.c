/* pointwise_loss.c - op_pointwise_loss: the loss of n samples from their logits and labels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pointwise_loss.h"

#include "tensor/front.h"
#include "tensor/ops.h"

static void pointwise_loss_gradient(tape *g, const record *r, tensor gy);

/* 1 if the rule's numbers are ones that the loss is defined for; else the tape has failed. */
static int check_rule(tape *g, const pointwise_rule *rule)
{
    int known = rule->kind == LOSS_BCE || rule->kind == LOSS_TCE || rule->kind == LOSS_RCE;
    if (!known || (rule->drop_of != DROP_OF_BATCH && rule->drop_of != DROP_OF_POSITIVES))
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "loss %d with drop_of %d: there is none", (int)rule->kind,
                          (int)rule->drop_of);
    else if (rule->kind == LOSS_TCE && !(rule->drop_rate >= 0.0 && rule->drop_rate < 1.0))
        recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "drop_rate must be at least 0 and below 1");
    else if (rule->kind == LOSS_RCE && !(rule->alpha >= 0.0))
        recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "alpha must be at least 0");
    return !recsys__tape_failed(g);
}

tensor recsys__op_pointwise_loss(tape *g, tensor logits, tensor labels, const struct pointwise_rule *rule)
{
    if (recsys__tape_failed(g) || !check_rule(g, rule)) return (tensor){ 0 };
    record r = { .rule = pointwise_loss_gradient, .operation = "pointwise_loss", .in = { logits } };
    logits = front_floats(g, logits, "logits");
    labels = front_floats(g, labels, "labels");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (!front_same_shape(logits, labels)) return front_mismatch(g, "logits", logits, "labels", labels, "");
    if (recsys__tape_wants(g, r.in[0])) r.saved[0] = front_like(g, logits);
    tensor out = recsys__tape_floats(g, 1, 0);
    op_pointwise_loss o = { .op = { OP_POINTWISE_LOSS, sizeof o }, .n = tensor_elements(&logits),
                            .logit = tensor_floats(&logits), .label = tensor_floats(&labels), .rule = *rule,
                            .loss = tensor_floats(&out), .gradient = tensor_floats(&r.saved[0]) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, &r, 1, out);
}

/* The kernel left the gradient for gy = 1. */
static void pointwise_loss_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__op_mul(g, r->saved[0], gy));
}
