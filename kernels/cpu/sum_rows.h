/* sum_rows.h - weighted sums of rows that lie anywhere in a table: the inner loop of sparse products and of row gradients;
 * and how many threads a small piece of work is worth.
 *
 * Terms k = begin..end-1 of a list; term k is entry e = order[k], with weight_e and row source_row_e of `source`:
 *     y[c] = sum over k of weight_e * source[source_row_e, c], an fmaf chain in ascending k, from 0 or from what y[c] was.
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
    int64_t stride;            /* floats from a row of `source` to the next; 0: D */
    int32_t add;               /* 1: the chains begin with what is in y */
    int64_t readable;          /* terms of the whole list: rows of those that come next are fetched ahead */
} row_terms;

typedef void (*sum_rows_fn)(float *y, const row_terms *t, int64_t begin, int64_t end);

/* What becomes of a sum before it is stored: y = scale (y + own) + beside, each of these only where there is one. Without
 * beside the product is rounded, with it there is one fmaf. */
typedef struct row_finish {
    const int32_t *slot;       /* of each row of y: its row in `own` and `beside`, -1: it has none; NULL: no row has */
    const float *own, *beside; /* NULL: not that one */
    int64_t stride;            /* floats from a row of these to the next */
    float scale;
} row_finish;

void recsys__cpu_finish_row(float *y, const row_finish *f, int64_t D, int64_t n);

/* Rows n0..n1-1 of y, which are D apart: the terms of row n are ptr[n]..ptr[n+1]-1, from 0; `order` is NULL, `source_row` is
 * not. */
typedef void (*sum_matrix_fn)(float *y, const row_terms *t, const row_finish *f, const int64_t *ptr, int64_t n0, int64_t n1);

/* The functions of a rung that recsys__cpu_simd() gave. */
sum_rows_fn recsys__cpu_sum_rows(int32_t rung);
sum_matrix_fn recsys__cpu_sum_matrix(int32_t rung);

/* Asks for what a sum of the terms begin..end-1 reads first; `order` is NULL, `source_row` is not. */
void recsys__cpu_fetch_terms(const row_terms *t, int64_t begin, int64_t end);

/* Threads for so many elements. Waking a second one costs as much as some ten thousand elements of streamed arithmetic,
 * and a training step is many small operations. */
static inline int32_t threads_worth(const op_context *c, int64_t elements)
{
    enum { ELEMENTS = 24 << 10 };
    int64_t n = elements / ELEMENTS;
    return n < 1 ? 1 : n < c->threads ? (int32_t)n : c->threads;
}

#endif
