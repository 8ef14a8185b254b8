/* sort.h - sorting in place, with nothing from the allocator.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stdint.h>

/* Sorts n keys in ascending order: heapsort, so n log n at worst and no memory (qsort may take some). */
void recsys__sort_u64(uint64_t *key, int64_t n);

#endif
