/* sample_positives.h - B positives (user, item) of an epoch, and n negatives drawn for each.
 *
 * Row b is positive p = order(position + b) of P, or position + b where `in_order` is 1: user_p, item_p. Its negative j is the
 * item that backend/negatives.h draws for user_p under the number P + p n + j, as in sample_pairs.h: the same positive has the
 * same negatives in both.
 * Overlap: outputs overlap nothing. Bits: integers, same for all threads and SIMD widths, and for every way of cutting an
 * epoch.
 * Cost: three cache misses a row, one more for each negative; about 250 integer instructions a negative in vectors of 8.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SAMPLE_POSITIVES_H
#define BACKEND_OP_SAMPLE_POSITIVES_H

#include "backend/backend.h"
#include "backend/negatives.h"
#include "base/permutation.h"

typedef struct op_sample_positives {
    struct op op;
    int64_t n_positives;        /* P, at least 1; P (1 + n) at most 2^48 */
    int64_t position, count;    /* B; position + B <= P */
    int32_t in_order;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    permutation order;          /* of P; unused if in_order is 1 */
    struct negatives negatives;
    const int32_t *user, *item; /* P */
    int32_t *users, *items;     /* out, B */
    int32_t *drawn;             /* out, B x n; NULL if n is 0 */
} op_sample_positives;

#endif
