/* dot_rank.h - the k items of largest inner product with each query vector. Q queries, I items, D columns, k places.
 *
 * Lists and order: backend/op/rank.h. Outputs overlap nothing. Score: s = 0, s = fmaf(u_c, v_c, s) for c ascending.
 * Bits: the same for all threads, SIMD widths and ways of finding the list; exact in that the list is the one that these
 * scores give. Bound of a score: D * 2^-24 * sum |u_c v_c|. NaN scores enter no list.
 * Cost: 2 Q I D flops; least 4 (Q + I) D + 8 Q k bytes. Where it pays, products of 16-bit whole numbers with a known
 * distance from the scores find the candidates first, and scores are computed for these alone (kernels/cpu/dot_coarse.h).
 * Lost: sgemm tiles and a scan of their rows; a sorted list for each query at k = 100 (an insertion for each arrival).
 *
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
