/* copy_columns.h - copies `count` columns of N rows from one array into another of other width. Row-major float32.
 * With `zero` the other columns of `to` become 0, else they stay as they are. No overlap. Bits: copies, so exact.
 * Cost: 8 N count bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_COPY_COLUMNS_H
#define BACKEND_OP_COPY_COLUMNS_H

#include "backend/backend.h"

typedef struct op_copy_columns {
    struct op op;
    int64_t rows, count;
    const float *from;
    int64_t from_width, from_first; /* N x from_width; columns from_first to from_first + count - 1 */
    float *to;
    int64_t to_width, to_first;
    int32_t zero;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
} op_copy_columns;

#endif
