/* gram.h - G = R'R + l2 I as packed lower tiles in factor layout.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_GRAM_H
#define BACKEND_OP_GRAM_H

#include "backend/backend.h"
#include "backend/symmetric.h"

typedef struct op_gram {
    op op;
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
