/* dropout.c - some elements set to 0 while training.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dropout.h"

#include "base/random.h"
#include "base/text.h"
#include "tensor/front.h"
#include "tensor/ops.h"

static tensor drop(tape *g, tensor x, float p, uint32_t place)
{
    tensor y = front_like(g, x);
    op_dropout o = { .op = { OP_DROPOUT, sizeof o }, .n = tensor_elements(&x), .p = p,
                     .stream = RANDOM_DROPOUT + DROPOUT_STREAMS * place, .seed = recsys__tape_seed(g),
                     .step = recsys__tape_step(g), .x = tensor_floats(&x), .y = tensor_floats(&y) };
    recsys__tape_run(g, &o.op);
    return y;
}

/* The mask is a function of seed, step and place, so the gradient meets the same one. */
static void dropout_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], drop(g, gy, r->f, (uint32_t)r->i[0]));
}

tensor recsys__op_dropout(tape *g, tensor x, float p, uint32_t stream)
{
    x = front_floats(g, x, "x");
    if (recsys__tape_failed(g)) return x;
    if (!(p >= 0.0f && p < 1.0f)) {
        char number[NUMBER_ROOM];
        return recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "p is %s, it must be at least 0 and below 1",
                                 recsys__number_float(number, p));
    }
    if (stream > DROPOUT_MAX_PLACE)
        return recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "place %u of a model drops, places go to %d", (unsigned)stream,
                                 (int)DROPOUT_MAX_PLACE);
    if (p == 0.0f || !recsys__tape_training(g)) return x;
    record r = { .rule = dropout_gradient, .operation = "dropout", .in = { x }, .f = p, .i = { stream } };
    return recsys__tape_record(g, &r, 1, drop(g, x, p, stream));
}
