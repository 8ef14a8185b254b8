/* reduce.c - sums over everything, over rows and over columns, means and sums of squares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/reduce.h"

#include "tensor/front.h"
#include "tensor/ops.h"

static tensor reduce(tape *g, tensor x, int32_t over, int32_t squares, double scale, const record *r)
{
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    int64_t N = tensor_rows(&x), D = tensor_columns(&x);
    tensor y = recsys__tape_floats(g, over == REDUCE_ALL ? 1 : over == REDUCE_ROWS ? D : N, 0);
    op_reduce o = { .op = { OP_REDUCE, sizeof o }, .rows = N, .dim = D, .over = over, .squares = squares, .scale = scale,
                    .x = tensor_floats(&x), .y = tensor_floats(&y) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, r, 1, y);
}

/* `factor` in every element, in the shape of t. */
static tensor filled(tape *g, tensor t, float factor)
{
    tensor zeros = recsys__tape_zeros(g, tensor_elements(&t), 0);
    memcpy(zeros.shape, t.shape, sizeof zeros.shape);
    zeros.rank = t.rank;
    return factor == 0.0f ? zeros : recsys__op_affine(g, zeros, 1.0f, factor);
}

/* y = factor * sum of x: every gx is factor * gy. */
static void sum_gradient(tape *g, const record *r, tensor gy)
{
    tensor x = r->in[0];
    recsys__tape_add_gradient(g, x, recsys__op_add(g, filled(g, x, 0.0f), recsys__op_affine(g, gy, r->f, 0.0f)));
}

tensor recsys__op_sum(tape *g, tensor x)
{
    x = front_floats(g, x, "x");
    record r = { .rule = sum_gradient, .operation = "sum", .in = { x }, .f = 1.0f };
    return reduce(g, x, REDUCE_ALL, 0, 1.0, &r);
}

tensor recsys__op_mean(tape *g, tensor x)
{
    x = front_floats(g, x, "x");
    int64_t n = tensor_elements(&x);
    double scale = n > 0 ? 1.0 / (double)n : 0.0;
    record r = { .rule = sum_gradient, .operation = "mean", .in = { x }, .f = (float)scale };
    return reduce(g, x, REDUCE_ALL, 0, scale, &r);
}

/* y_d = sum over b of x_bd: every row of gx is gy. */
static void sum_rows_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__op_add(g, filled(g, r->in[0], 0.0f), gy));
}

tensor recsys__op_sum_rows(tape *g, tensor x)
{
    x = front_floats(g, x, "x");
    record r = { .rule = sum_rows_gradient, .operation = "sum_rows", .in = { x } };
    return reduce(g, x, REDUCE_ROWS, 0, 1.0, &r);
}

/* y_b = sum over d of x_bd: row b of gx is gy_b everywhere. */
static void sum_columns_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__op_scale_rows(g, filled(g, r->in[0], 1.0f), gy));
}

tensor recsys__op_sum_columns(tape *g, tensor x)
{
    x = front_floats(g, x, "x");
    record r = { .rule = sum_columns_gradient, .operation = "sum_columns", .in = { x } };
    return reduce(g, x, REDUCE_COLUMNS, 0, 1.0, &r);
}

/* y = sum of x^2: gx = 2 gy x. */
static void sumsq_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], recsys__op_mul(g, r->in[0], recsys__op_affine(g, gy, 2.0f, 0.0f)));
}

tensor recsys__op_sumsq(tape *g, tensor x)
{
    x = front_floats(g, x, "x");
    record r = { .rule = sumsq_gradient, .operation = "sumsq", .in = { x } };
    return reduce(g, x, REDUCE_ALL, 1, 1.0, &r);
}
