/* spmm.c - op_spmm: a sparse matrix times a dense one. A: N x M with E entries, X: M x D.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/spmm.h"

#include "backend/op/row_numbers.h"
#include "tensor/front.h"
#include "tensor/scatter_rows.h"

static void spmm_gradient(tape *g, const record *r, tensor gy);

tensor recsys__op_spmm(tape *g, const sparse *A, tensor X)
{
    char text[SHAPE_ROOM];
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (X.data == NULL) return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "X is no tensor");
    if (X.dtype != RECSYS_F32) return recsys__tape_fail(g, RECSYS_ERR_TYPE, "X must be float32");
    if (X.rank < 1 || X.rank > 2 || A->n_columns != tensor_rows(&X))
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "a sparse %lld x %lld times %s", (long long)A->n_rows,
                                 (long long)A->n_columns, recsys__shape_text(X, text));
    if (A->n_entries > INT32_MAX)
        return recsys__tape_fail(g, RECSYS_ERR_TOO_LARGE, "a sparse matrix of %lld entries: an index holds 2^31 - 1",
                                 (long long)A->n_entries);
    record r = { .rule = spmm_gradient, .operation = "spmm", .in = { X }, .matrix = *A };
    tensor column = recsys__tape_constant(g, A->column, RECSYS_I32, 1, &A->n_entries);
    recsys__tape_index(g, 1, &X, &column, recsys__tape_wants(g, X) ? &r.index[0] : NULL);
    int64_t D = tensor_columns(&X);
    tensor out = r.in[0].rank == 1 ? recsys__tape_floats(g, A->n_rows, 0) : front_array(g, A->n_rows, D);
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = A->n_rows, .dim = D, .n_entries = A->n_entries,
                  .row_ptr = A->row_ptr, .column = tensor_ints(&column), .value = A->value, .x = tensor_floats(&X),
                  .y = tensor_floats(&out) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, &r, 1, out);
}

/* A' gY: entry e of A brings its value times the row of gY that it is in to the row of X that it looked at. */
static void spmm_gradient(tape *g, const record *r, tensor gy)
{
    const sparse *A = &r->matrix;
    tensor row = recsys__tape_new(g, RECSYS_I32, 1, &A->n_entries);
    op_row_numbers o = { .op = { OP_ROW_NUMBERS, sizeof o }, .n_rows = A->n_rows, .n_entries = A->n_entries,
                         .row_ptr = A->row_ptr, .row = tensor_ints(&row) };
    recsys__tape_run(g, &o.op);
    row_gradient rows = { .index = r->index[0], .source = tensor_floats(&gy), .source_row = tensor_ints(&row),
                          .weight = A->value };
    if (!recsys__tape_failed(g)) recsys__add_row_gradient(g, r->in[0], &rows);
}
