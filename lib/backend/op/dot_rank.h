/* dot_rank.h - the k items of largest inner product with each query vector: lists of U V' in the order of rank.h.
 *
 * U: Q x D, V: I x D, row-major float32, D at least 1; the lists overlap nothing.
 * Score: s = 0; s = fmaf(u[q, c], v[i, c], s) for c = 0..D-1, as in dot_score.h. So a NaN or infinity reaches only the
 * scores of its own row, and infinity times 0 is NaN, which never enters a list.
 * Bits: same for all threads, SIMD widths and sizes of the batch. Bound of a score: D * 2^-24 * sum abs(u * v), barring
 * overflow and underflow.
 * Cost: 2 Q I D flops; least 4 (Q + I) D + 8 Q k bytes. Workspace: 16 MiB for packed items, and for each thread about a
 * hundred lists of 2 k entries, users among them; I more numbers if items are excluded, 2 Q if coarse products are tried.
 * Best in large batches: below some hundred queries the packing of items is shared by few.
 * Lost: sgemm on tiles and a scan (a tenth of the time, and it needs room for the tiles of scores); a sorted list with an
 * insertion for each arrival (choosing takes 3 times as long at k = 100, 5 times at 1,000); a branch on each tile's hits
 * (a tenth of the time at k = 100).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_DOT_RANK_H
#define BACKEND_OP_DOT_RANK_H

#include "backend/backend.h"
#include "backend/op/rank.h"

typedef struct op_dot_rank {
    struct op op;
    int64_t dim;
    const float *users; /* Q x D, one row per query */
    const float *items; /* I x D */
    ranking to;
} op_dot_rank;

#endif
