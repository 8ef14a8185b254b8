/* scatter_rows.h - where the gradient rules of operations that read tables by rows leave their gradients.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_SCATTER_ROWS_H
#define TENSOR_SCATTER_ROWS_H

#include "tensor/ops.h"

/* Adds the gradient of a table: by rows if it is a parameter, else as a dense array. A table that wants none is left. */
void recsys__add_row_gradient(tape *g, tensor table, const row_gradient *rows);

#endif
