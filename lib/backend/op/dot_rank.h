/* dot_rank.h - the k items of largest inner product with each query vector.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_DOT_RANK_H
#define BACKEND_OP_DOT_RANK_H

#include "backend/backend.h"
#include "backend/op/rank.h"

typedef struct op_dot_rank {
    op op;
    int64_t dim;
    const float *users; /* Q x D, one row per query */
    const float *items; /* I x D */
    ranking to;
} op_dot_rank;

#endif
