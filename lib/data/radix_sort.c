/* radix_sort.c - sorting many integers, by one byte after the other from the lowest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/radix_sort.h"

enum { VALUES = 256 };

/* Moves the elements to `to`, ordered by one byte of their keys; 0 if all have the same one, and nothing was moved. */
static int sort_by_byte(const tagged *from, int64_t n, int shift, tagged *to)
{
    int64_t begin[VALUES] = {0}, at = 0;
    for (int64_t k = 0; k < n; k++) begin[from[k].key >> shift & 0xff]++;
    if (begin[from[0].key >> shift & 0xff] == n) return 0;
    for (int v = 0; v < VALUES; v++) {
        int64_t count = begin[v];
        begin[v] = at;
        at += count;
    }
    for (int64_t k = 0; k < n; k++) to[begin[from[k].key >> shift & 0xff]++] = from[k];
    return 1;
}

tagged *recsys__radix_sort(tagged *a, tagged *room, int64_t n)
{
    for (int shift = 0; n > 0 && shift < 64; shift += 8)
        if (sort_by_byte(a, n, shift, room)) {
            tagged *sorted = room;
            room = a;
            a = sorted;
        }
    return a;
}
