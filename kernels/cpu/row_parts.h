/* row_parts.h - the rows of a sparse matrix cut into parts of about equal work: an entry counts one, a row two.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_ROW_PARTS_H
#define KERNELS_CPU_ROW_PARTS_H

#include <stdint.h>

/* Parts for each thread, so that one full of long rows does not keep the others waiting. */
enum { PARTS_OF_THREAD = 16 };

static inline int64_t rows_work(const int64_t *row_ptr, int64_t n_rows)
{
    return (row_ptr ? row_ptr[n_rows] : 0) + 2 * n_rows;
}

/* The first row at or after which the work done is at least `work`. */
static inline int64_t row_at_work(const int64_t *row_ptr, int64_t n_rows, int64_t work)
{
    int64_t low = 0, high = n_rows;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((row_ptr ? row_ptr[middle] : 0) + 2 * middle < work) low = middle + 1;
        else high = middle;
    }
    return low;
}

#endif
