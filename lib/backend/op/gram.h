/* gram.h - G = R'R + l2 I: which items the users share. U users, I items.
 * R is given by user and by item, the same entries both times; G is written in factor layout (backend/symmetric.h), of
 * the diagonal tiles the lower half only, padding untouched. No array overlaps another.
 * Order: G_ij is a sum in double over the users of item min(i, j), ascending, l2 last, rounded to float once.
 * Bits: same for all threads; there are no rungs. Counts of users are exact up to 2^24, and right to a rounding beyond.
 * Bound: abs(err of G_ij) <= 2^-24 abs(G_ij) + U 2^-53 sum abs(r_ui r_uj).
 * ERR_NUMERIC where an element of the lower half is NaN or infinite.
 * Cost: sum over the users of d (d + 1) / 2 additions, d items each; a row of doubles for each thread, and 4 bytes
 * written for each element of the half.
 * Lost: a dense or sparse product of whole matrices: I^2 more memory, and the half that nobody reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GRAM_H
#define BACKEND_OP_GRAM_H

#include "backend/backend.h"
#include "backend/symmetric.h"

typedef struct op_gram {
    struct op op;
    int64_t n_users, n_items;
    const int64_t *user_ptr;  /* U + 1: R by user, items ascending, no duplicates */
    const int32_t *user_item;
    const float *user_val;    /* NULL: 1 everywhere */
    const int64_t *item_ptr;  /* I + 1: R by item, users ascending */
    const int32_t *item_user;
    const float *item_val;    /* NULL: 1 everywhere */
    double l2;
    symmetric out;
} op_gram;

#endif
