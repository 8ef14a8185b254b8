/* row_numbers.c - the row_numbers kernel: parts of the entries, each starting at the row that a search finds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/row_numbers.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"

size_t recsys__cpu_row_numbers_workspace(const op_row_numbers *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* The row of entry e: the last one that starts at or before it. */
static int64_t row_of(const op_row_numbers *o, int64_t e)
{
    int64_t low = 0, high = o->n_rows; /* row_ptr[low] <= e < row_ptr[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (o->row_ptr[middle] <= e) low = middle;
        else high = middle;
    }
    return low;
}

static void number_entries(const op_row_numbers *o, int64_t begin, int64_t end)
{
    if (begin >= end) return;
    for (int64_t n = row_of(o, begin), e = begin; e < end; n++) {
        int64_t last = o->row_ptr[n + 1] < end ? o->row_ptr[n + 1] : end;
        for (; e < last; e++) o->row[e] = (int32_t)n;
    }
}

recsys_status recsys__cpu_row_numbers(op_context *c, const op_row_numbers *o)
{
    int32_t threads = threads_worth(c, o->n_entries);
    if (threads == 1) {
        number_entries(o, 0, o->n_entries);
        return RECSYS_OK;
    }
    int64_t each = o->n_entries / threads + 1;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int32_t p = 0; p < threads; p++) {
        int64_t begin = p * each, end = begin + each < o->n_entries ? begin + each : o->n_entries;
        number_entries(o, begin, end);
    }
    return RECSYS_OK;
}
