/* rows_rank.h - the k largest of each row of a dense block of scores, in the order of rank.h.
 *
 * S: Q x I, row-major float32; the lists overlap nothing. Scores are copied, so no rounding occurs; -0 comes out as 0.
 * Cost: reads 4 Q I bytes once. Workspace: a list of about 2 k entries for each thread.
 * A row is read by one thread: a single long row does not get faster with more of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_ROWS_RANK_H
#define BACKEND_OP_ROWS_RANK_H

#include "backend/backend.h"
#include "backend/op/rank.h"

typedef struct op_rows_rank {
    struct op op;
    const float *rows; /* Q x I */
    ranking to;
} op_rows_rank;

#endif
