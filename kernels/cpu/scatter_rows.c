/* scatter_rows.c - the scatter_rows kernel: ranges of the table, each cleared and then filled where somebody looked.
 *
 * N rows, E entries, S rows of the index, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/scatter_rows.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

/* Ranges for each thread. */
enum { PARTS = 16 };

size_t recsys__cpu_scatter_rows_workspace(const op_scatter_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* The first place of the index whose row is n or later. */
static int64_t place_of(const row_index *x, int64_t n)
{
    int64_t low = 0, high = x->n_rows[0];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (x->row[middle] < n) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Rows n0..n1-1 of the table. */
static void fill_range(const op_scatter_rows *o, const row_terms *t, sum_rows_fn sum_rows, int64_t n0, int64_t n1)
{
    const row_index *x = &o->from.index;
    const float *scale = o->from.scale;
    int64_t D = o->dim, end = place_of(x, n1);
    if (n1 > n0) memset(o->out + n0 * D, 0, (size_t)((n1 - n0) * D) * sizeof(float));
    for (int64_t s = place_of(x, n0); s < end; s++) {
        float *g_r = o->out + x->row[s] * D;
        sum_rows(g_r, t, x->begin[s], x->begin[s + 1]);
        if (!scale) continue;
        for (int64_t c = 0; c < D; c++) g_r[c] *= scale[c];
    }
}

recsys_status recsys__cpu_scatter_rows(op_context *c, const op_scatter_rows *o)
{
    int32_t rung = recsys__cpu_simd(c->simd);
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    const row_index *x = &o->from.index;
    sum_rows_fn sum_rows = recsys__cpu_sum_rows(rung);
    int64_t terms = x->n_entries > 0 && x->n_rows[0] > 0 ? x->begin[x->n_rows[0]] : 0;
    row_terms t = { .order = x->order, .source_row = o->from.source_row, .weight = o->from.weight,
                    .source = o->from.source, .dim = o->dim, .readable = terms };
    int32_t threads = threads_worth(c, (o->n_rows + terms) * o->dim);
    if (threads == 1) {
        fill_range(o, &t, sum_rows, 0, o->n_rows);
        return RECSYS_OK;
    }
    int64_t parts = (int64_t)threads * PARTS, each = o->n_rows / parts + 1;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t p = 0; p < parts; p++) {
        int64_t n0 = p * each, n1 = n0 + each < o->n_rows ? n0 + each : o->n_rows;
        if (n0 < n1) fill_range(o, &t, sum_rows, n0, n1);
    }
    return RECSYS_OK;
}
