/* lookup.c - op_lookup: rows of a table. B rows, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gather_rows.h"
#include "tensor/front.h"
#include "tensor/scatter_rows.h"

static void lookup_gradient(tape *g, const record *r, tensor gy);

tensor recsys__op_lookup(tape *g, tensor table, tensor rows)
{
    char a[SHAPE_ROOM], b[SHAPE_ROOM];
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (table.data == NULL || rows.data == NULL)
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "%s no tensor",
                                 table.data ? "the row numbers are" : "the table is");
    if (table.dtype != RECSYS_F32 || rows.dtype != RECSYS_I32)
        return recsys__tape_fail(g, RECSYS_ERR_TYPE, "the table must be float32 and its row numbers int32");
    if (table.rank < 1 || table.rank > 2 || rows.rank != 1)
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "a table of %s and row numbers of %s: the table must have 1 or "
                                 "2 dimensions and the row numbers 1", recsys__shape_text(table, a), recsys__shape_text(rows, b));
    record r = { .rule = lookup_gradient, .operation = "lookup", .in = { table } };
    recsys__tape_index(g, 1, &table, &rows, recsys__tape_wants(g, table) ? &r.index[0] : NULL);
    int64_t B = tensor_rows(&rows), D = tensor_columns(&table);
    tensor out = r.in[0].rank == 1 ? recsys__tape_floats(g, B, 0) : front_array(g, B, D);
    op_gather_rows o = { .op = { OP_GATHER_ROWS, sizeof o }, .count = B, .dim = D, .table = tensor_floats(&table),
                         .row = tensor_ints(&rows), .out = tensor_floats(&out) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_record(g, &r, 1, out);
}

/* Each row gets the sum of the gradients of where it went. */
static void lookup_gradient(tape *g, const record *r, tensor gy)
{
    row_gradient rows = { .index = r->index[0], .source = tensor_floats(&gy) };
    recsys__add_row_gradient(g, r->in[0], &rows);
}
