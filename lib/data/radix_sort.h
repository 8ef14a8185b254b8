/* radix_sort.h - sorting many integers: ids that no table fits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_RADIX_SORT_H
#define DATA_RADIX_SORT_H

#include <stdint.h>

/* An integer and what belongs to it. */
typedef struct tagged {
    uint64_t key;
    int64_t tag;
} tagged;

/* Sorts n elements by key, equal keys as they stand; `room` has space for as many. Returns where they are then: `a` or
 * `room`. Linear time: at most 8 passes, none over bytes that are the same in all keys. */
tagged *recsys__radix_sort(tagged *a, tagged *room, int64_t n);

#endif
