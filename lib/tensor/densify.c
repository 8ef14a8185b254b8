/* densify.c - a sparse matrix of the device as a dense array. It has no gradient: sparse matrices are data.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/densify.h"

#include "tensor/front.h"
#include "tensor/ops.h"

tensor recsys__op_densify(tape *g, const sparse *A)
{
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (A->n_rows < 0 || A->n_columns < 0 || A->row_ptr == NULL)
        return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "A is no sparse matrix: %lld x %lld", (long long)A->n_rows,
                                 (long long)A->n_columns);
    tensor Y = front_array(g, A->n_rows, A->n_columns);
    op_densify o = { .op = { OP_DENSIFY, sizeof o }, .n_rows = A->n_rows, .n_columns = A->n_columns, .row_ptr = A->row_ptr,
                     .column = A->column, .value = A->value, .y = tensor_floats(&Y) };
    recsys__tape_run(g, &o.op);
    return Y;
}
