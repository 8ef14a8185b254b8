/* propagate_rows.c - the propagate_rows kernel: nodes in small runs, because their numbers of neighbours differ.
 *
 * S nodes, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/propagate_rows.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

enum { RUN = 16 };

size_t recsys__cpu_propagate_rows_workspace(const op_propagate_rows *o, int32_t threads)
{
    (void)o, (void)threads;
    return 0;
}

/* mean = scale (first + later_1 + ... + mean), some columns at a time. */
static void take_mean(const op_propagate_rows *o, const float *first, int64_t r, float *mean)
{
    enum { COLUMNS = 64 };
    float sum[COLUMNS];
    int64_t D = o->dim;
    for (int64_t c0 = 0; c0 < D; c0 += COLUMNS) {
        int64_t n = D - c0 < COLUMNS ? D - c0 : COLUMNS;
        memcpy(sum, first + c0, (size_t)n * sizeof *sum);
        for (int64_t l = 1; l < o->layers; l++) {
            const float *layer = o->later + ((l - 1) * o->n_nodes + r) * D + c0;
            for (int64_t c = 0; c < n; c++) sum[c] += layer[c];
        }
        for (int64_t c = 0; c < n; c++) mean[c0 + c] = o->scale * (sum[c] + mean[c0 + c]);
    }
}

/* Node s. */
static void one_node(const op_propagate_rows *o, sum_rows_fn sum_rows, const row_terms *t, int64_t s)
{
    int64_t D = o->dim, r = o->row[s];
    float *mean = o->out + s * 2 * D, *first = mean + D;
    if (D == 0) return;
    memcpy(first, o->first + r * D, (size_t)D * sizeof *first);
    if (o->layers == 0) {
        for (int64_t c = 0; c < D; c++) mean[c] = o->scale * first[c];
        return;
    }
    row_terms own = *t;
    own.readable = o->row_ptr[r + 1];
    sum_rows(mean, &own, o->row_ptr[r], own.readable);
    take_mean(o, first, r, mean);
}

/* n words, but no more of them than what follows can be left to the processor. */
static void fetch(const void *x, int64_t n)
{
    enum { LINE = 64, MOST = 8 * LINE, WORD = 4 };
    for (int64_t at = 0; at < n * WORD && at < MOST; at += LINE) __builtin_prefetch((const char *)x + at);
}

/* Nodes lie anywhere: asks for the entries of node `ahead`, and for the rows that node s reads first. */
static void fetch_nodes(const op_propagate_rows *o, const row_terms *t, int64_t s, int64_t ahead, int64_t S)
{
    int64_t D = o->dim;
    if (ahead < S) {
        int64_t begin = o->row_ptr[o->row[ahead]], n = o->row_ptr[o->row[ahead] + 1] - begin;
        fetch(o->column + begin, n);
        if (o->value) fetch(o->value + begin, n);
    }
    if (s >= S) return;
    int64_t r = o->row[s];
    fetch(o->first + r * D, D);
    for (int64_t l = 1; l < o->layers && l < 4; l++) fetch(o->later + ((l - 1) * o->n_nodes + r) * D, D);
    recsys__cpu_fetch_terms(t, o->row_ptr[r], o->row_ptr[r + 1]);
}

recsys_status recsys__cpu_propagate_rows(op_context *c, const op_propagate_rows *o)
{
    int32_t rung = recsys__cpu_simd(c->simd);
    c->rung = rung >= SIMD_AVX2 ? "avx2" : "plain";
    sum_rows_fn sum_rows = recsys__cpu_sum_rows(rung);
    int64_t S = *o->n_rows, D = o->dim, runs = (S + RUN - 1) / RUN, entries = 0;
    for (int64_t s = 0; s < S && o->layers > 0; s++) entries += o->row_ptr[o->row[s] + 1] - o->row_ptr[o->row[s]];
    row_terms t = { .source_row = o->column, .weight = o->value, .source = o->other, .dim = D };
    int32_t threads = threads_worth(c, (entries + (o->layers + 2) * S) * D);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t run = 0; run < runs; run++)
        for (int64_t s = run * RUN; s < S && s < (run + 1) * RUN; s++) {
            if (o->layers > 0) fetch_nodes(o, &t, s + 1, s + 3, S);
            one_node(o, sum_rows, &t, s);
        }
    if (S < o->most && D > 0) memset(o->out + S * 2 * D, 0, (size_t)((o->most - S) * 2 * D) * sizeof *o->out);
    return RECSYS_OK;
}
