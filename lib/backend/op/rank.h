/* rank.h - what all ranking and scoring operations share: the lists to fill, the items to leave out, the rule of order.
 *
 * Q queries, I items, k places, E scores asked for.
 * Order of a list: higher score first, then lower item; 0 and -0 are equal and come out as 0. A NaN score never enters a
 * list, -infinity may. A query with fewer than k candidates gets item -1 and score -infinity in the places that remain.
 * The order is total, so a list does not depend on how the work is cut. No Q x I array is ever made.
 * A failed or cancelled operation leaves the lists in no particular state.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_RANK_H
#define BACKEND_OP_RANK_H

#include <stdint.h>

typedef struct ranking {
    int64_t n_queries, n_items, k;  /* k from 1 to n_items */
    const int64_t *mask_ptr;        /* Q + 1 offsets into mask_item; NULL: nothing is masked */
    const int32_t *mask_item;       /* items that query q may not get, ascending within the query, no duplicates */
    const uint8_t *excluded;        /* I bytes, 1: no query may get this item; NULL: none */
    int32_t *items;                 /* Q x k, out */
    float *scores;                  /* Q x k, out */
} ranking;

/* Where scores are wanted. `ptr` NULL: at all I items, and out is Q x I. Else at item[ptr[q]..ptr[q+1]-1] for query q,
 * in that order (any order, duplicates allowed), and out has ptr[Q] elements. */
typedef struct scoring {
    int64_t n_queries, n_items;
    const int64_t *ptr;
    const int32_t *item;
    float *out;
} scoring;

/* Histories: the sparse rows X. Items ascending within a query, no duplicates; val NULL means 1 everywhere. */
typedef struct histories {
    const int64_t *ptr;   /* Q + 1 */
    const int32_t *item;
    const float *val;
} histories;

#endif
