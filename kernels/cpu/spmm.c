/* spmm.c - the spmm kernel: each row of Y is a weighted sum of rows of X.
 *
 * N rows, E entries, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/spmm.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/row_parts.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

size_t recsys__cpu_spmm_workspace(const op_spmm *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

recsys_status recsys__cpu_spmm(op_context *c, const op_spmm *o)
{
    int32_t rung = recsys__cpu_simd(c->simd);
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    sum_matrix_fn sum_matrix = recsys__cpu_sum_matrix(rung);
    row_terms t = { .source_row = o->column, .weight = o->value, .source = o->x, .dim = o->dim, .readable = o->n_entries };
    int64_t total = o->n_entries + 2 * o->n_rows;
    int32_t threads = threads_worth(c, total * o->dim);
    if (threads == 1) {
        sum_matrix(o->y, &t, NULL, o->row_ptr, 0, o->n_rows);
        return RECSYS_OK;
    }
    int64_t parts = (int64_t)threads * PARTS_OF_THREAD, each = total / parts + 1;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t p = 0; p < parts; p++)
        sum_matrix(o->y, &t, NULL, o->row_ptr, row_at_work(o->row_ptr, o->n_rows, p * each),
                   row_at_work(o->row_ptr, o->n_rows, (p + 1) * each));
    return RECSYS_OK;
}
