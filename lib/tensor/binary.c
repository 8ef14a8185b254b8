/* binary.c - sums, differences and products, element by element or with a row or a number for all rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/binary.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* How b goes with a: BINARY_SAME, BINARY_ROW, BINARY_NUMBER, or -1. */
static int32_t second_of(tensor a, tensor b)
{
    if (front_same_shape(a, b)) return BINARY_SAME;
    if (tensor_elements(&b) == 1) return BINARY_NUMBER;
    int is_row = b.rank == 1 || tensor_rows(&b) == 1;
    return is_row && tensor_elements(&b) == tensor_columns(&a) ? BINARY_ROW : -1;
}

static tensor combine(tape *g, tensor a, tensor b, int32_t kind, const char *operation, gradient_rule rule)
{
    a = front_floats(g, a, "a");
    b = front_floats(g, b, "b");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    int32_t second = second_of(a, b);
    if (second < 0) return front_mismatch(g, "a", a, "b", b, "");
    tensor y = front_like(g, a);
    op_binary o = { .op = { OP_BINARY, sizeof o }, .rows = tensor_rows(&a), .dim = tensor_columns(&a), .kind = kind,
                    .second = second, .a = tensor_floats(&a), .b = tensor_floats(&b), .y = tensor_floats(&y) };
    recsys__tape_run(g, &o.op);
    record r = { .rule = rule, .operation = operation, .in = { a, b }, .i = { second } };
    return recsys__tape_record(g, &r, 2, y);
}

/* A gradient of the shape of a, as one of b: summed over where b was used. */
static tensor of_second(tape *g, const record *r, tensor gradient)
{
    if (r->i[0] == BINARY_ROW) return recsys__op_sum_rows(g, gradient);
    return r->i[0] == BINARY_NUMBER ? recsys__op_sum(g, gradient) : gradient;
}

/* y = a + b: ga = gb = gy. */
static void add_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], gy);
    if (front_leads_back(r->in[1])) recsys__tape_add_gradient(g, r->in[1], of_second(g, r, gy));
}

/* y = a - b: ga = gy, gb = -gy. */
static void sub_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], gy);
    if (front_leads_back(r->in[1]))
        recsys__tape_add_gradient(g, r->in[1], recsys__op_affine(g, of_second(g, r, gy), -1.0f, 0.0f));
}

/* y = a b: ga = gy b, gb = gy a. */
static void mul_gradient(tape *g, const record *r, tensor gy)
{
    tensor a = r->in[0], b = r->in[1];
    if (front_leads_back(a)) recsys__tape_add_gradient(g, a, recsys__op_mul(g, gy, b));
    if (front_leads_back(b)) recsys__tape_add_gradient(g, b, of_second(g, r, recsys__op_mul(g, gy, a)));
}

tensor recsys__op_add(tape *g, tensor a, tensor b)
{
    return combine(g, a, b, BINARY_ADD, "add", add_gradient);
}

tensor recsys__op_sub(tape *g, tensor a, tensor b)
{
    return combine(g, a, b, BINARY_SUB, "sub", sub_gradient);
}

tensor recsys__op_mul(tape *g, tensor a, tensor b)
{
    return combine(g, a, b, BINARY_MUL, "mul", mul_gradient);
}
