/* catch_up.c - the catch_up kernel: rows of lazy tables brought to the present, in pieces of rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/catch_up.h"

#include <omp.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/row_update.h"

size_t recsys__cpu_catch_up_workspace(const op_catch_up *o, int32_t threads)
{
    return recsys__lag_workspace(&o->rule) * (size_t)threads;
}

/* Row number s of those that are asked for. */
static int64_t row_at(const catch_up_table *t, int64_t s)
{
    return t->whole ? s : t->index.row[s];
}

static void do_piece(lag_work *w, const catch_up_table *t, int64_t piece, int64_t rows)
{
    int64_t one = piece_rows(t->table.dim), begin = piece * one, end = rows - begin < one ? rows : begin + one;
    for (int64_t s = begin; s < end; s++) {
        if (!t->whole && s + ROWS_FETCHED_AHEAD < rows) fetch_table_row(&t->table, row_at(t, s + ROWS_FETCHED_AHEAD));
        recsys__lag_catch_up(w, &t->table, row_at(t, s));
    }
}

recsys_status recsys__cpu_catch_up(op_context *c, const op_catch_up *o)
{
    const row_update *f = recsys__row_update(c->simd);
    int64_t rows[CATCH_UP_TABLES] = { 0 }, first[CATCH_UP_TABLES + 1] = { 0 };
    for (int64_t k = 0; k < o->n_tables; k++) {
        rows[k] = o->table[k].whole ? o->table[k].table.n_rows : *o->table[k].index.n_rows;
        first[k + 1] = first[k] + piece_count(rows[k], o->table[k].table.dim);
    }
    int64_t pieces = first[o->n_tables];
    int32_t threads = piece_threads(pieces, c->threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        lag_work w = recsys__lag_begin(&o->rule, f, c->workspace, omp_get_thread_num() * (threads > 1));
        /* schedule(static): the optimizer's kernel shares the same rows out the same way and finds them in its caches. */
#pragma omp for schedule(static)
        for (int64_t piece = 0; piece < pieces; piece++) {
            int64_t k = 0;
            while (piece >= first[k + 1]) k++;
            do_piece(&w, &o->table[k], piece - first[k], rows[k]);
        }
    }
    c->rung = f->name;
    return RECSYS_OK;
}
