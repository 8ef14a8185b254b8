/* scatter_rows.c - gradients of tables that were read by rows: kept by rows, or spread out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/scatter_rows.h"

#include "backend/op/scatter_rows.h"

tensor recsys__scatter_rows(tape *g, const row_gradient *rows, int64_t N, int64_t D)
{
    tensor out = recsys__tape_floats(g, N, D);
    op_scatter_rows o = { .op = { OP_SCATTER_ROWS, sizeof o }, .n_rows = N, .dim = D, .from = *rows, .out = tensor_floats(&out) };
    recsys__tape_run(g, &o.op);
    return recsys__tape_failed(g) ? (tensor){ 0 } : out;
}

void recsys__add_row_gradient(tape *g, tensor table, const row_gradient *rows)
{
    int64_t number;
    if (table.node == 0) return;
    if (recsys__tape_is_parameter(g, table, &number))
        recsys__tape_add_rows(g, table, rows);
    else
        recsys__tape_add_gradient(g, table, recsys__scatter_rows(g, rows, tensor_rows(&table), tensor_columns(&table)));
}
