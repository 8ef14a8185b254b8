/* reduce.c - the reduce kernel: sums in double, in chunks of a fixed size.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/reduce.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/shared/elementary.h"
#include "kernels/cpu/spans.h"
#include "kernels/cpu/vec/vec.h"

/* A square of a float is exact in double. */
PART_OF_CALLER double term(float x, int squares)
{
    return squares ? (double)x * (double)x : (double)x;
}

PART_OF_CALLER double sum_lanes(const float *x, int64_t n, int squares)
{
    double lane[REDUCE_LANES] = { 0.0 }, sum = 0.0;
    int64_t whole = n / REDUCE_LANES * REDUCE_LANES;
    for (int64_t i = 0; i < whole; i += REDUCE_LANES)
#pragma omp simd
        for (int64_t j = 0; j < REDUCE_LANES; j++) lane[j] += term(x[i + j], squares);
    for (int64_t i = whole; i < n; i++) lane[i - whole] += term(x[i], squares);
    for (int64_t j = 0; j < REDUCE_LANES; j++) sum += lane[j];
    return sum;
}

PART_OF_CALLER void add_row(double *sum, const float *x, int64_t D, int squares)
{
#pragma omp simd
    for (int64_t d = 0; d < D; d++) sum[d] += term(x[d], squares);
}

/* ---- what a thread does ---- */

typedef struct reduction {
    const op_reduce *o;
    double *partial; /* a double for each chunk, or D for each chunk of rows */
} reduction;

PART_OF_CALLER void chunks_of_all(const reduction *w, int64_t begin, int64_t end, int squares)
{
    int64_t n = w->o->rows * w->o->dim;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t first = chunk * REDUCE_CHUNK, left = n - first;
        w->partial[chunk] = sum_lanes(w->o->x + first, left < REDUCE_CHUNK ? left : REDUCE_CHUNK, squares);
    }
}

PART_OF_CALLER void chunks_of_rows(const reduction *w, int64_t begin, int64_t end, int squares)
{
    int64_t D = w->o->dim;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t first = chunk * REDUCE_ROW_CHUNK, left = w->o->rows - first;
        int64_t last = first + (left < REDUCE_ROW_CHUNK ? left : REDUCE_ROW_CHUNK);
        double *sum = w->partial + chunk * D;
        memset(sum, 0, (size_t)D * sizeof *sum);
        for (int64_t n = first; n < last; n++) add_row(sum, w->o->x + n * D, D, squares);
    }
}

PART_OF_CALLER void whole_rows(const reduction *w, int64_t begin, int64_t end, int squares)
{
    const op_reduce *o = w->o;
    for (int64_t n = begin; n < end; n++) o->y[n] = (float)(o->scale * sum_lanes(o->x + n * o->dim, o->dim, squares));
}

PART_OF_CALLER void reduce_span(const reduction *w, int64_t begin, int64_t end)
{
    int squares = w->o->squares;
    if (w->o->over == REDUCE_ALL) chunks_of_all(w, begin, end, squares);
    else if (w->o->over == REDUCE_ROWS) chunks_of_rows(w, begin, end, squares);
    else whole_rows(w, begin, end, squares);
}

static void reduce_plain(const void *work, int64_t begin, int64_t end)
{
    reduce_span(work, begin, end);
}

#if VEC_X86
TARGET_AVX2 static void reduce_avx2(const void *work, int64_t begin, int64_t end)
{
    reduce_span(work, begin, end);
}
#endif

/* ---- the operation ---- */

static int64_t chunks_in(const op_reduce *o)
{
    if (o->over == REDUCE_ALL) return (o->rows * o->dim + REDUCE_CHUNK - 1) / REDUCE_CHUNK;
    if (o->over == REDUCE_ROWS) return (o->rows + REDUCE_ROW_CHUNK - 1) / REDUCE_ROW_CHUNK;
    return 0;
}

size_t recsys__cpu_reduce_workspace(const op_reduce *o, int32_t threads)
{
    (void)threads;
    return (size_t)chunks_in(o) * (size_t)(o->over == REDUCE_ROWS ? o->dim : 1) * sizeof(double);
}

/* Adds the chunks of `width` sums each, in ascending order. */
static void add_chunks(const op_reduce *o, double *partial, int64_t chunks, int64_t width)
{
    for (int64_t chunk = 1; chunk < chunks; chunk++)
        for (int64_t d = 0; d < width; d++) partial[d] += partial[chunk * width + d];
    for (int64_t d = 0; d < width; d++) o->y[d] = chunks > 0 ? (float)(o->scale * partial[d]) : 0.0f;
}

recsys_status recsys__cpu_reduce(op_context *c, const op_reduce *o)
{
    reduction w = { .o = o, .partial = c->workspace };
    span_body body = reduce_plain;
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) body = reduce_avx2;
#endif
    c->rung = body == reduce_plain ? "plain" : "avx2";
    if (o->over == REDUCE_COLUMNS) {
        spans(c, o->rows, span_rows(o->dim), body, &w);
        return RECSYS_OK;
    }
    int64_t chunks = chunks_in(o), size = o->over == REDUCE_ALL ? REDUCE_CHUNK : REDUCE_ROW_CHUNK * o->dim;
    spans(c, chunks, 1 + SPAN_ELEMENTS / (size + 1), body, &w);
    add_chunks(o, w.partial, chunks, o->over == REDUCE_ROWS ? o->dim : 1);
    return RECSYS_OK;
}
