/* negatives.h - how negatives are drawn: items that a user is not known to have. Part of the descriptors that sample.
 *
 * A negative is a pure function of (seed, stream, epoch, number), its number in 0..2^48-1. Random words are those of
 * base/random.h, r(t) at step `epoch` and index number + t 2^48. U users, I items, K known cells. d: the user's known items.
 *
 * Uniform (weight NULL): of the I - d unknown items in ascending order number floor(r64(0) (I - d) / 2^64), found by searching
 * the known ones: nothing is drawn twice, log(d) time. The bias is below I 2^-64.
 * Weighted: an item is drawn from the alias table, again while the user knows it, NEGATIVE_TRIES times at most; two tries a
 * block of words. After that the weights of all unknown items are added up in ascending order, in double, and one of them is
 * picked by r64(NEGATIVE_TRIES / 2). Both draw with the weights among the unknown items, so the result does, too, up to the
 * 2^-32 to which the table is exact.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_NEGATIVES_H
#define BACKEND_NEGATIVES_H

#include <stdint.h>

enum { NEGATIVE_TRIES = 128, NEGATIVE_NUMBER_BITS = 48 };

typedef struct negatives {
    int64_t n_items;         /* I */
    int64_t per_positive;    /* n, at least 0 */
    uint64_t seed, epoch;
    uint32_t stream;
    int32_t reserved; /* zero: no padding, in which leftovers could pass for an address */
    const int64_t *row_ptr;  /* U + 1: known items by user, ascending and distinct; a user who is asked for lacks some item */
    const int32_t *column;   /* K */
    const double *weight;    /* I, of which the unknown ones of a user do not sum to 0; NULL: uniform */
    const uint32_t *threshold; /* I: slot i of the alias table gives i below threshold_i / 2^32 */
    const int32_t *alias;      /* I: and alias_i from there on */
} negatives;

#endif
