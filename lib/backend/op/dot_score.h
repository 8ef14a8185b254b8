/* dot_score.h - inner products of user and item vectors at given items.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_DOT_SCORE_H
#define BACKEND_OP_DOT_SCORE_H

#include "backend/backend.h"
#include "backend/op/rank.h"

typedef struct op_dot_score {
    op op;
    int64_t dim;
    const float *users; /* Q x D, one row per query */
    const float *items; /* I x D */
    scoring at;
} op_dot_score;

#endif
