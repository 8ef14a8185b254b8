/* weights_sparsify.h - the K entries of largest absolute value in each column of B, as a sparse matrix by row. I items.
 * B as in weights_rows.h, from P in serving layout. Of equal absolute values in a column the one of the lower row stays;
 * zeros never do. Rows come out with ascending columns. Outputs overlap nothing; what of `col` and `val` is not used is
 * left as it was.
 * Bits: those of weights_rows; same entries for all threads. P must be finite.
 * Cost: P read twice, n^2 floats each time; in each column three rounds of counting to find the K-th. A few arrays of I
 * for each thread: no copy of B by columns is made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_WEIGHTS_SPARSIFY_H
#define BACKEND_OP_WEIGHTS_SPARSIFY_H

#include "backend/backend.h"
#include "backend/symmetric.h"

typedef struct op_weights_sparsify {
    struct op op;
    symmetric precision; /* P in serving layout */
    int64_t top_k;       /* 1 to I; a column has min(top_k, I - 1) entries at most, zeros are not kept */
    int64_t *row_ptr;    /* I + 1, out; row_ptr[I] is the number of entries */
    int32_t *col;        /* room for I * min(top_k, I - 1), out */
    float *val;          /* likewise, out */
} op_weights_sparsify;

#endif
