/* dot_score.h - inner products of user and item vectors, at all items or at given ones.
 *
 * U: Q x D, V: I x D, row-major float32, D at least 1; the output overlaps nothing.
 * Order: s = 0; s = fmaf(u[q, c], v[i, c], s) for c = 0..D-1. A NaN or infinity reaches only the scores of its own row.
 * Bits: same for all threads and SIMD widths, and the scores of dot_rank for the same vectors, save that a list shows
 * -0 as 0.
 * Bound: abs(err) <= D * 2^-24 * sum abs(u * v), barring overflow and underflow.
 * Cost: 2 E D flops for E scores; least 4 (Q + I) D + 4 E bytes, given items 4 (Q + E) D + 8 E without any reuse.
 * Workspace: about 130 KiB for each thread, a panel of 32 items and a group of 12 users at least; none for given items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_DOT_SCORE_H
#define BACKEND_OP_DOT_SCORE_H

#include "backend/backend.h"
#include "backend/op/rank.h"

typedef struct op_dot_score {
    struct op op;
    int64_t dim;
    const float *users; /* Q x D, one row per query */
    const float *items; /* I x D */
    scoring at;
} op_dot_score;

#endif
