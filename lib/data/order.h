/* order.h - putting events in order: grouped by user, and sorted by a key within a group.
 *
 * U users, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ORDER_H
#define DATA_ORDER_H

#include "data/dataset.h"

/* An event and the number it is sorted by. */
typedef struct keyed {
    uint64_t key;
    int64_t event;
} keyed;

/* Sorts by key, then by event, ascending: in place, without memory. */
void recsys__sort_keyed(keyed *a, int64_t n);

/* Maps times to keys of the same order. */
static inline uint64_t recsys__time_key(int64_t time)
{
    return (uint64_t)time ^ (UINT64_C(1) << 63);
}

/* The events of user u are event[user_ptr[u]] to event[user_ptr[u + 1] - 1], in row order. `room` fits the events of any
 * one user, for sorting them. Charged to the exec. */
typedef struct user_events {
    int64_t *user_ptr; /* U + 1 */
    int64_t *event;    /* E */
    keyed *room;
} user_events;

recsys_status recsys__user_events(recsys_exec *x, const recsys_dataset *d, user_events *out);
void recsys__user_events_free(recsys_exec *x, user_events *groups);

#endif
