/* sort.c - sorting in place, with nothing from the allocator.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"

/* Restores the heap below `root`: every key at least as large as the two under it. */
static void sift_down(uint64_t *key, int64_t root, int64_t n)
{
    uint64_t moving = key[root];
    for (int64_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && key[child + 1] > key[child])
            child++;
        if (key[child] <= moving)
            break;
        key[root] = key[child];
        root = child;
    }
    key[root] = moving;
}

void recsys__sort_u64(uint64_t *key, int64_t n)
{
    for (int64_t root = n / 2 - 1; root >= 0; root--)
        sift_down(key, root, n);
    for (int64_t last = n - 1; last > 0; last--) {
        uint64_t largest = key[0];
        key[0] = key[last];
        key[last] = largest;
        sift_down(key, 0, last);
    }
}
