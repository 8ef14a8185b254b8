/* spmm_rows.c - the spmm_rows kernel: a few rows of a product, dealt out in small runs because their lengths differ.
 *
 * S rows, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/spmm_rows.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

enum { RUN = 16 };

size_t recsys__cpu_spmm_rows_workspace(const op_spmm_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

static int64_t entries_of(const op_spmm_rows *o, int64_t S)
{
    int64_t entries = 0;
    for (int64_t s = 0; s < S; s++) entries += o->row_ptr[o->row[s] + 1] - o->row_ptr[o->row[s]];
    return entries;
}

recsys_status recsys__cpu_spmm_rows(op_context *c, const op_spmm_rows *o)
{
    int32_t rung = recsys__cpu_simd(c->simd);
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    sum_rows_fn sum_rows = recsys__cpu_sum_rows(rung);
    int64_t S = *o->n_rows, runs = (S + RUN - 1) / RUN;
    row_terms t = { .source_row = o->column, .weight = o->value, .source = o->x, .dim = o->dim };
    int32_t threads = threads_worth(c, (entries_of(o, S) + 2 * S) * o->dim);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t run = 0; run < runs; run++)
        for (int64_t s = run * RUN; s < S && s < (run + 1) * RUN; s++) {
            row_terms own = t;
            own.readable = o->row_ptr[o->row[s] + 1];
            sum_rows(o->z + s * o->dim, &own, o->row_ptr[o->row[s]], own.readable);
        }
    return RECSYS_OK;
}
