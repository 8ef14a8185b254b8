/* spmm.c - the spmm kernel: each row of Y is a weighted sum of rows of X.
 *
 * Rows are dealt out in parts of about equal work, an entry as one unit and a row as two.
 * N rows, E entries, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/spmm.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

/* Parts for each thread, so that a part full of long rows does not keep the others waiting. */
enum { PARTS = 16 };

size_t recsys__cpu_spmm_workspace(const op_spmm *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* The first row at or after which the work done is at least `work`. */
static int64_t row_at(const op_spmm *o, int64_t work)
{
    int64_t low = 0, high = o->n_rows;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (o->row_ptr[middle] + 2 * middle < work) low = middle + 1;
        else high = middle;
    }
    return low;
}

recsys_status recsys__cpu_spmm(op_context *c, const op_spmm *o)
{
    int32_t rung = recsys__cpu_simd(c->simd);
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    sum_rows_fn sum_rows = recsys__cpu_sum_rows(rung);
    row_terms t = { .source_row = o->column, .weight = o->value, .source = o->x, .dim = o->dim, .readable = o->n_entries };
    int64_t total = o->n_entries + 2 * o->n_rows;
    int32_t threads = threads_worth(c, total * o->dim);
    if (threads == 1) {
        for (int64_t n = 0; n < o->n_rows; n++) sum_rows(o->y + n * o->dim, &t, o->row_ptr[n], o->row_ptr[n + 1]);
        return RECSYS_OK;
    }
    int64_t parts = (int64_t)threads * PARTS, each = total / parts + 1;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t p = 0; p < parts; p++) {
        int64_t end = row_at(o, (p + 1) * each);
        for (int64_t n = row_at(o, p * each); n < end; n++)
            sum_rows(o->y + n * o->dim, &t, o->row_ptr[n], o->row_ptr[n + 1]);
    }
    return RECSYS_OK;
}
