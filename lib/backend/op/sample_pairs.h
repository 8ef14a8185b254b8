/* sample_pairs.h - B samples (user, item, label) of an epoch: positives as they are in the data, and negatives drawn for them.
 *
 * P positives, n negatives each, N = P (1 + n) samples. Sample s < P is positive s: user_s, item_s, label 1, flag_s.
 * Sample P + p n + j is negative j of positive p: user_p, the item that backend/negatives.h draws under this number, label 0,
 * flag 2. Row b is sample order(position + b), or sample position + b where `in_order` is 1.
 * Overlap: outputs overlap nothing. Bits: integers, same for all threads and SIMD widths, and for every way of cutting an epoch.
 * Cost: three cache misses a sample, one more for a negative; about 250 integer instructions in vectors of 8.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SAMPLE_PAIRS_H
#define BACKEND_OP_SAMPLE_PAIRS_H

#include "backend/backend.h"
#include "backend/negatives.h"
#include "base/permutation.h"

typedef struct op_sample_pairs {
    struct op op;
    int64_t n_positives;       /* P, at least 1; N at most 2^48 */
    int64_t position, count;   /* B; position + B <= N */
    int32_t in_order;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    permutation order;         /* of N; unused if in_order is 1 */
    struct negatives negatives;
    const int32_t *user, *item; /* P */
    const uint8_t *flag;        /* P; NULL if `clean` is */
    int32_t *users, *items;     /* out, B */
    float *labels;              /* out, B */
    uint8_t *clean;             /* out, B; NULL: not wanted */
} op_sample_pairs;

#endif
