/* columns.c - arrays side by side, and some of the columns of one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/copy_columns.h"
#include "backend/run.h"

#include "tensor/front.h"
#include "tensor/ops.h"

/* Copies `count` columns of `from` into `to`; with `zero` the others of `to` become 0. */
static void copy(tape *g, tensor to, int64_t to_first, tensor from, int64_t from_first, int64_t count, int32_t zero)
{
    op_copy_columns o = { .op = { OP_COPY_COLUMNS, sizeof o }, .rows = tensor_rows(&to), .count = count,
                          .from = tensor_floats(&from), .from_width = tensor_columns(&from), .from_first = from_first,
                          .to = tensor_floats(&to), .to_width = tensor_columns(&to), .to_first = to_first, .zero = zero };
    recsys__tape_run(g, &o.op);
}

/* ---- some columns ---- */

/* Y = columns of X: gX is gY there and 0 elsewhere. */
static void columns_gradient(tape *g, const record *r, tensor gY)
{
    tensor X = r->in[0], gX = front_like(g, X);
    copy(g, gX, r->i[0], gY, 0, tensor_columns(&gY), 1);
    recsys__tape_add_gradient(g, X, gX);
}

tensor recsys__op_columns(tape *g, tensor X, int64_t first, int64_t count)
{
    X = front_floats(g, X, "X");
    if (recsys__tape_failed(g)) return X;
    if (first < 0 || count < 0 || first > tensor_columns(&X) - count) {
        char text[SHAPE_ROOM];
        return recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "X is %s and has no %lld columns from column %lld on",
                                 recsys__shape_text(X, text), (long long)count, (long long)first);
    }
    tensor Y = front_array(g, tensor_rows(&X), count);
    copy(g, Y, 0, X, first, count, 0);
    record r = { .rule = columns_gradient, .operation = "columns", .in = { X }, .i = { first } };
    return recsys__tape_record(g, &r, 1, Y);
}

/* ---- side by side ---- */

/* Y = [A B]: gA and gB are the parts of gY. */
static void concat_gradient(tape *g, const record *r, tensor gY)
{
    tensor A = r->in[0], B = r->in[1];
    int64_t D = tensor_columns(&A), H = tensor_columns(&B);
    if (front_leads_back(A)) recsys__tape_add_gradient(g, A, recsys__op_columns(g, gY, 0, D));
    if (front_leads_back(B)) recsys__tape_add_gradient(g, B, recsys__op_columns(g, gY, D, H));
}

tensor recsys__op_concat(tape *g, tensor A, tensor B)
{
    A = front_floats(g, A, "A");
    B = front_floats(g, B, "B");
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (tensor_rows(&A) != tensor_rows(&B)) return front_mismatch(g, "A", A, "B", B, ": [A B] needs as many rows in both");
    int64_t D = tensor_columns(&A), H = tensor_columns(&B);
    tensor Y = front_array(g, tensor_rows(&A), D + H);
    copy(g, Y, 0, A, 0, D, 0);
    copy(g, Y, D, B, 0, H, 0);
    record r = { .rule = concat_gradient, .operation = "concat", .in = { A, B } };
    return recsys__tape_record(g, &r, 2, Y);
}

/* ---- a whole array ---- */

recsys_status recsys__device_copy(recsys_exec *x, const float *from, float *to, int64_t n)
{
    enum { WIDTH = 1024 }; /* so that rows can be shared among threads; the rest is a row of its own */
    int64_t rows = n / WIDTH, rest = n % WIDTH;
    op_copy_columns o = { .op = { OP_COPY_COLUMNS, sizeof o }, .rows = rows, .count = WIDTH, .from = from, .from_width = WIDTH,
                          .to = to, .to_width = WIDTH };
    recsys_status status = rows > 0 ? recsys__run(x, &o.op) : RECSYS_OK;
    if (status < 0 || rest == 0)
        return status;
    o.rows = 1;
    o.count = o.from_width = o.to_width = rest;
    o.from = from + rows * WIDTH;
    o.to = to + rows * WIDTH;
    return recsys__run(x, &o.op);
}
