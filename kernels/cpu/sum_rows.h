/* sum_rows.h - weighted sums of rows that lie anywhere in a table: the inner loop of sparse products and of row gradients;
 * and how many threads a small piece of work is worth.
 *
 * Terms k = begin..end-1 of a list; term k is entry e = order[k], with weight_e and row source_row_e of `source`:
 *     y[c] = sum over k of weight_e * source[source_row_e, c], an fmaf chain from 0 in ascending k.
 * Columns are independent, so every rung gives the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_SUM_ROWS_H
#define KERNELS_CPU_SUM_ROWS_H

#include "backend/backend.h"

typedef struct row_terms {
    const int32_t *order;      /* NULL: e = k */
    const int32_t *source_row; /* NULL: e */
    const float *weight;       /* NULL: 1 */
    const float *source;       /* rows x D */
    int64_t dim;               /* D */
    int64_t readable;          /* terms of the whole list: rows of those that come next are fetched ahead */
} row_terms;

typedef void (*sum_rows_fn)(float *y, const row_terms *t, int64_t begin, int64_t end);

/* The function of a rung that recsys__cpu_simd() gave. */
sum_rows_fn recsys__cpu_sum_rows(int32_t rung);

/* Threads for so many elements. Waking a second one costs as much as some ten thousand elements of streamed arithmetic,
 * and a training step is many small operations. */
static inline int32_t threads_worth(const op_context *c, int64_t elements)
{
    enum { ELEMENTS = 24 << 10 };
    int64_t n = elements / ELEMENTS;
    return n < 1 ? 1 : n < c->threads ? (int32_t)n : c->threads;
}

#endif
