/* read_rows.c - the read_rows kernel: copies of rows as they are at the present.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/read_rows.h"

#include <omp.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/row_update.h"

size_t recsys__cpu_read_rows_workspace(const op_read_rows *o, int32_t threads)
{
    return recsys__lag_workspace(&o->rule) * (size_t)threads;
}

static void do_piece(lag_work *w, const op_read_rows *o, int64_t begin, int64_t end)
{
    int64_t D = o->table.dim;
    for (int64_t q = begin; q < end; q++) {
        int64_t r = o->row ? o->row[q] : q;
        if (r < 0)
            memset(o->out + q * D, 0, (size_t)D * sizeof *o->out);
        else
            recsys__lag_read(w, &o->table, r, o->out + q * D);
    }
}

recsys_status recsys__cpu_read_rows(op_context *c, const op_read_rows *o)
{
    const row_update *f = recsys__row_update(c->simd);
    int64_t one = piece_rows(o->table.dim), pieces = piece_count(o->count, o->table.dim);
    int32_t threads = piece_threads(pieces, c->threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        lag_work w = recsys__lag_begin(&o->rule, f, c->workspace, omp_get_thread_num() * (threads > 1));
#pragma omp for schedule(static)
        for (int64_t piece = 0; piece < pieces; piece++) {
            int64_t begin = piece * one, end = o->count - begin < one ? o->count : begin + one;
            do_piece(&w, o, begin, end);
        }
    }
    c->rung = f->name;
    return RECSYS_OK;
}
