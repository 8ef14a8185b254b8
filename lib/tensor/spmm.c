/* spmm.c - op_spmm, op_spmm_rows: a sparse matrix times a dense one, and some rows of it. A: N x M with E entries, X: M x D.
 *
 * Without A's transposed matrix the gradient of X is one of rows, so that a table that few entries look at is updated by rows.
 * With it the gradient is the dense product A' gY, and X is read as a whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/spmm.h"

#include "backend/op/pull.h"
#include "backend/op/row_numbers.h"
#include "backend/op/row_slots.h"
#include "backend/op/spmm_rows.h"
#include "tensor/front.h"
#include "tensor/scatter_rows.h"

static void rows_gradient(tape *g, const record *r, tensor gy);
static void dense_gradient(tape *g, const record *r, tensor gy);
static void some_rows_gradient(tape *g, const record *r, tensor gy);

/* 1 if A X can be had. */
static int is_good(tape *g, const sparse *A, tensor X)
{
    char text[SHAPE_ROOM];
    if (recsys__tape_failed(g)) return 0;
    if (X.data == NULL)
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "X is no tensor");
    else if (X.dtype != RECSYS_F32)
        recsys__tape_fail(g, RECSYS_ERR_TYPE, "X must be float32");
    else if (X.rank < 1 || X.rank > 2 || A->n_columns != tensor_rows(&X))
        recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "a sparse %lld x %lld times %s", (long long)A->n_rows,
                          (long long)A->n_columns, recsys__shape_text(X, text));
    else if (A->n_entries > INT32_MAX)
        recsys__tape_fail(g, RECSYS_ERR_TOO_LARGE, "a sparse matrix of %lld entries: an index holds 2^31 - 1", (long long)A->n_entries);
    return !recsys__tape_failed(g);
}

/* A X for X as it is. A vector gives a vector. */
static tensor product(tape *g, const sparse *A, tensor X)
{
    tensor out = X.rank == 1 ? recsys__tape_floats(g, A->n_rows, 0) : front_array(g, A->n_rows, tensor_columns(&X));
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = A->n_rows, .dim = tensor_columns(&X), .n_entries = A->n_entries,
                  .row_ptr = A->row_ptr, .column = A->column, .value = A->value, .x = tensor_floats(&X), .y = tensor_floats(&out) };
    recsys__tape_run(g, &o.op);
    return out;
}

tensor recsys__op_spmm(tape *g, const sparse *A, tensor X)
{
    if (!is_good(g, A, X)) return (tensor){ 0 };
    record r = { .operation = "spmm", .in = { X } };
    if (A->transposed != NULL) {
        r.rule = dense_gradient;
        r.matrix = *A->transposed;
        return recsys__tape_record(g, &r, 1, product(g, A, recsys__tape_read_whole(g, X)));
    }
    r.rule = rows_gradient;
    r.matrix = *A;
    tensor column = recsys__tape_constant(g, A->column, RECSYS_I32, 1, &A->n_entries);
    recsys__tape_index(g, 1, &X, &column, recsys__tape_wants(g, X) ? &r.index[0] : NULL);
    sparse looked = *A; /* the columns of what is really read */
    looked.column = tensor_ints(&column);
    X.rank = r.in[0].rank;
    return recsys__tape_record(g, &r, 1, product(g, &looked, X));
}

/* A' gY: entry e of A brings its value times the row of gY that it is in to the row of X that it looked at. */
static void rows_gradient(tape *g, const record *r, tensor gy)
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

/* The same as a product with A', which the record holds. */
static void dense_gradient(tape *g, const record *r, tensor gy)
{
    recsys__tape_add_gradient(g, r->in[0], product(g, &r->matrix, gy));
}

/* ---- some rows ---- */

/* The different rows are computed once each (Z), then looked up: entries of the same row add up their gradients there. */
tensor recsys__op_spmm_rows(tape *g, const sparse *A, tensor rows, tensor X)
{
    char text[SHAPE_ROOM];
    if (!is_good(g, A, X)) return (tensor){ 0 };
    if (rows.data == NULL || rows.dtype != RECSYS_I32 || rows.rank != 1)
        return recsys__tape_fail(g, RECSYS_ERR_TYPE, "row numbers (%s) must be a vector of int32", recsys__shape_text(rows, text));
    if (A->transposed == NULL && recsys__tape_wants(g, X))
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "the gradient of X needs the transposed matrix");
    record r = { .rule = some_rows_gradient, .operation = "spmm_rows", .in = { X } };
    if (A->transposed != NULL) r.matrix = *A->transposed;
    int64_t E = tensor_rows(&rows), D = tensor_columns(&X);
    tensor all = recsys__tape_constant(g, A->row_ptr, RECSYS_F32, 1, &A->n_rows); /* stands for the rows of A */
    recsys__tape_index(g, 1, &all, &rows, &r.index[0]);
    X = recsys__tape_read_whole(g, X);
    tensor Z = r.in[0].rank == 1 ? recsys__tape_floats(g, E, 0) : front_array(g, E, D);
    tensor place = recsys__tape_new(g, RECSYS_I32, 1, &E), slot = { 0 };
    if (recsys__tape_wants(g, r.in[0])) slot = recsys__tape_new(g, RECSYS_I32, 1, &A->n_rows);
    op_row_slots turn = { .op = { OP_ROW_SLOTS, sizeof turn }, .n_rows = A->n_rows, .index = r.index[0], .slot = tensor_ints(&slot),
                          .place = tensor_ints(&place) };
    recsys__tape_run(g, &turn.op);
    op_spmm_rows o = { .op = { OP_SPMM_ROWS, sizeof o }, .most = E, .dim = D, .n_rows = r.index[0].n_rows, .row = r.index[0].row,
                       .row_ptr = A->row_ptr, .column = A->column, .value = A->value, .x = tensor_floats(&X),
                       .z = tensor_floats(&Z) };
    recsys__tape_run(g, &o.op);
    r.saved[0] = slot;
    return recsys__op_lookup(g, recsys__tape_record(g, &r, 1, Z), place);
}

/* A' gZ, along the entries that lead to one of the rows. */
static void some_rows_gradient(tape *g, const record *r, tensor gz)
{
    const sparse *T = &r->matrix;
    int64_t D = tensor_columns(&gz);
    tensor gx = recsys__tape_new(g, RECSYS_F32, r->in[0].rank, r->in[0].shape);
    op_pull o = { .op = { OP_PULL, sizeof o }, .n_rows = T->n_rows, .dim = D, .n_entries = T->n_entries, .row_ptr = T->row_ptr,
                  .column = T->column, .value = T->value, .x = tensor_floats(&gz), .x_stride = D,
                  .x_slot = tensor_ints(&r->saved[0]), .scale = 1.0f, .y = tensor_floats(&gx) };
    recsys__tape_run(g, &o.op);
    recsys__tape_add_gradient(g, r->in[0], gx);
}
