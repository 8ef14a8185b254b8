/* optimize.c - the optimize kernel: all parameters of a training step in one parallel region, in pieces of rows.
 *
 * N rows, D columns of a target, S rows of its index. A piece is a run of rows, or of the index where only its rows count.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/optimize.h"

#include <omp.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/row_update.h"

static int64_t widest(const op_optimize *o)
{
    int64_t D = 0;
    for (int64_t k = 0; k < o->n_targets; k++)
        if (o->target[k].table.dim > D) D = o->target[k].table.dim;
    return D;
}

/* A row's gradient, on lines of its own. */
static size_t gradient_room(const op_optimize *o)
{
    return ((size_t)widest(o) * sizeof(float) + 127) / 64 * 64;
}

static int has_lag(const op_optimize *o)
{
    for (int64_t k = 0; k < o->n_targets; k++)
        if (o->target[k].table.last) return 1;
    return 0;
}

static size_t lag_room(const op_optimize *o)
{
    return has_lag(o) ? recsys__lag_workspace(&o->rule) : 0;
}

size_t recsys__cpu_optimize_workspace(const op_optimize *o, int32_t threads)
{
    return (lag_room(o) + gradient_room(o)) * (size_t)threads;
}

/* ---- one piece ---- */

typedef struct job {
    const op_optimize *o;
    lag_work lag;
    float clip;
    float *g; /* room for one row */
} job;

static int update_row(job *j, const optimize_target *t, int64_t r, const float *g)
{
    const updated *u = &t->table;
    int64_t at = r * u->dim;
    if (u->last) {
        recsys__lag_catch_up(&j->lag, u, r);
        u->last[r] = (int32_t)(j->o->rule.t + 1);
    }
    return j->lag.f->apply(&j->o->rule, j->clip, u->p + at, u->m ? u->m + at : NULL, u->v ? u->v + at : NULL, g, u->dim);
}

/* Rows begin..end-1 with dense gradients, or none. */
static int dense_piece(job *j, const optimize_target *t, int64_t begin, int64_t end)
{
    const updated *u = &t->table;
    const float *g = t->kind == TARGET_DENSE ? t->dense : NULL;
    int bad = 0;
    if (!u->last) {
        int64_t at = begin * u->dim;
        return j->lag.f->apply(&j->o->rule, j->clip, u->p + at, u->m ? u->m + at : NULL, u->v ? u->v + at : NULL,
                               g ? g + at : NULL, (end - begin) * u->dim);
    }
    for (int64_t r = begin; r < end; r++) bad |= update_row(j, t, r, g ? g + r * u->dim : NULL);
    return bad;
}

/* Rows s = begin..end-1 of the index, which has `rows`. */
static int indexed_piece(job *j, const optimize_target *t, int64_t begin, int64_t end, int64_t rows)
{
    const row_index *x = &t->rows.index;
    int bad = 0;
    for (int64_t s = begin; s < end; s++) {
        if (s + ROWS_FETCHED_AHEAD < rows) fetch_table_row(&t->table, x->row[s + ROWS_FETCHED_AHEAD]);
        j->lag.f->sum(j->g, &t->rows, x->begin[s], x->begin[s + 1], t->table.dim);
        bad |= update_row(j, t, x->row[s], j->g);
    }
    return bad;
}

/* The first s whose row is at least r. */
static int64_t first_at(const row_index *x, int64_t r)
{
    int64_t low = 0, high = *x->n_rows;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (x->row[middle] < r)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows begin..end-1 of the table, those of the index with their sums. */
static int spread_piece(job *j, const optimize_target *t, int64_t begin, int64_t end)
{
    const row_index *x = &t->rows.index;
    int64_t s = first_at(x, begin), S = *x->n_rows;
    int bad = 0;
    for (int64_t r = begin; r < end; r++) {
        int touched = s < S && x->row[s] == r;
        if (touched) {
            j->lag.f->sum(j->g, &t->rows, x->begin[s], x->begin[s + 1], t->table.dim);
            s++;
        }
        bad |= update_row(j, t, r, touched ? j->g : NULL);
    }
    return bad;
}

/* ---- all of them ---- */

static int is_indexed(const optimize_target *t)
{
    return t->kind == TARGET_ROWS && !t->every_row;
}

static int64_t target_rows(const optimize_target *t)
{
    return is_indexed(t) ? *t->rows.index.n_rows : t->table.n_rows;
}

static int do_piece(job *j, const optimize_target *t, int64_t piece)
{
    int64_t rows = target_rows(t), one = piece_rows(t->table.dim), begin = piece * one;
    int64_t end = rows - begin < one ? rows : begin + one;
    if (t->kind != TARGET_ROWS) return dense_piece(j, t, begin, end);
    return is_indexed(t) ? indexed_piece(j, t, begin, end, rows) : spread_piece(j, t, begin, end);
}

recsys_status recsys__cpu_optimize(op_context *c, const op_optimize *o)
{
    const row_update *f = recsys__row_update(c->simd);
    int64_t first[OPTIMIZE_TARGETS + 1] = { 0 };
    for (int64_t k = 0; k < o->n_targets; k++) {
        first[k + 1] = first[k] + piece_count(target_rows(&o->target[k]), o->target[k].table.dim);
        o->bad[k] = 0;
    }
    int64_t pieces = first[o->n_targets];
    int32_t threads = piece_threads(pieces, c->threads);
    size_t lag_bytes = lag_room(o), g_bytes = gradient_room(o);
    char *g_room = (char *)c->workspace + lag_bytes * (size_t)c->threads;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        int32_t thread = threads > 1 ? omp_get_thread_num() : 0;
        job j = { .o = o, .lag = { .rule = &o->rule, .f = f }, .clip = o->clip ? *o->clip : 1.0f };
        if (lag_bytes > 0) j.lag = recsys__lag_begin(&o->rule, f, c->workspace, thread);
        j.g = (void *)(g_room + g_bytes * (size_t)thread);
        int64_t k = 0;
#pragma omp for schedule(static)
        for (int64_t piece = 0; piece < pieces; piece++) {
            while (piece >= first[k + 1]) k++; /* a thread's pieces ascend */
            if (do_piece(&j, &o->target[k], piece - first[k])) {
#pragma omp atomic write
                o->bad[k] = 1;
            }
        }
    }
    c->rung = f->name;
    return RECSYS_OK;
}
