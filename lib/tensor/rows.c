/* rows.c - op_rows: rows of an array that follow each other. X: N x D.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/copy_columns.h"
#include "tensor/front.h"
#include "tensor/ops.h"

/* gX is gY in these rows and 0 in the others: columns of an array of one row. */
static void rows_gradient(tape *g, const record *r, tensor gY)
{
    tensor X = r->in[0], gX = front_like(g, X);
    int64_t D = tensor_columns(&X), count = tensor_elements(&gY);
    op_copy_columns o = { .op = { OP_COPY_COLUMNS, sizeof o }, .rows = 1, .count = count, .from = tensor_floats(&gY),
                          .from_width = count, .to = tensor_floats(&gX), .to_width = tensor_elements(&X),
                          .to_first = r->i[0] * D, .zero = 1 };
    recsys__tape_run(g, &o.op);
    recsys__tape_add_gradient(g, X, gX);
}

tensor recsys__op_rows(tape *g, tensor X, int64_t first, int64_t count)
{
    X = front_floats(g, X, "X");
    if (recsys__tape_failed(g)) return X;
    if (first < 0 || count < 0 || first > tensor_rows(&X) - count) {
        char text[SHAPE_ROOM];
        return recsys__tape_fail(g, RECSYS_ERR_OUT_OF_RANGE, "X is %s and has no %lld rows from row %lld on",
                                 recsys__shape_text(X, text), (long long)count, (long long)first);
    }
    tensor Y = X; /* the same memory: results are never written to afterwards */
    Y.data = tensor_floats(&X) + first * tensor_columns(&X);
    Y.shape[0] = count;
    record r = { .rule = rows_gradient, .operation = "rows", .in = { X }, .i = { first } };
    return recsys__tape_record(g, &r, 1, Y);
}
