/* filter.h - the I x I item filter of a graph-filtering model, in the form in which it is kept: factors, never the matrix.
 *
 * U users, I items, E interactions, D directions. R is the U x I interaction matrix, by user and by item. A history x scores
 *     s_j = item_scale_j sum over u of user_weight_u R_uj y_u + low_weight_j <V_j, z>,
 *     y_u = sum over i of (x_i item_scale_i) R_ui,    z = sum over i of (x_i item_scale_i) V_i:
 * two hops over the graph of interactions, and a product of low rank.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_FILTER_H
#define BACKEND_FILTER_H

#include <stdint.h>

typedef struct filter {
    int64_t n_users, n_items, n_entries, dim; /* dim 0: no low-rank part */
    const int64_t *user_ptr;  /* U + 1; R by user, items ascending within a user */
    const int32_t *user_item; /* E */
    const float *user_val;    /* E; NULL: 1 everywhere */
    const int64_t *item_ptr;  /* I + 1; R by item, users ascending within an item */
    const int32_t *item_user; /* E */
    const float *item_val;    /* E; NULL where user_val is */
    const float *user_weight; /* U */
    const float *item_scale;  /* I */
    const float *low_weight;  /* I; NULL if dim is 0 */
    const float *vectors;     /* I x D */
} filter;

#endif
