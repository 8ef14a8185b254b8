/* rows_rank.c - the rows_rank kernel: one pass over each row, 32 scores at a time, and a shortlist for each thread.
 *
 * Q rows, I columns, k places.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rows_rank.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/shortlist.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Scores that are worth another thread. */
enum { THREAD_SCORES = 1 << 15 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Entries that a list has room for: a panel's columns are added before the list is cut. */
static int64_t capacity(const op_rows_rank *o)
{
    return recsys__shortlist_room(o->to.k, o->to.n_items) + VEC_PANEL;
}

static size_t lines(int64_t count, size_t size)
{
    return ((size_t)count * size + 63) / 64 * 64;
}

/* A thread's part: the list's scores, its items, room for sorting. */
static size_t part_bytes(const op_rows_rank *o)
{
    return lines(capacity(o), sizeof(float)) + lines(capacity(o), sizeof(int32_t)) + lines(2 * capacity(o), sizeof(uint64_t));
}

size_t recsys__cpu_rows_rank_workspace(const op_rows_rank *o, int32_t threads)
{
    return part_bytes(o) * (size_t)threads;
}

/* One running operation. */
typedef struct job {
    const op_rows_rank *o;
    const vec *v;
    shortlist_rule rule;
    char *workspace;
} job;

/* Adds those of the items from `first` on whose bit is set and that are not excluded. */
static void collect(const job *j, shortlist *l, const float *y, uint32_t bits, int64_t first)
{
    const uint8_t *excluded = j->o->to.excluded;
    for (; bits != 0; bits &= bits - 1) {
        int64_t i = first + __builtin_ctz(bits);
        if (excluded && excluded[i]) continue;
        l->score[l->count] = y[i - first];
        l->item[l->count] = (int32_t)i;
        l->count++;
    }
    if (l->count > j->rule.room) recsys__shortlist_cut(l, &j->rule);
}

static void rank_row(const job *j, int64_t q, int thread)
{
    const ranking *to = &j->o->to;
    const float *row = j->o->rows + q * to->n_items;
    int64_t I = to->n_items, whole = I / VEC_PANEL * VEC_PANEL;
    char *part = j->workspace + (size_t)thread * part_bytes(j->o);
    char *items = part + lines(capacity(j->o), sizeof(float));
    char *sorting = items + lines(capacity(j->o), sizeof(int32_t));
    shortlist l = { .score = (void *)part, .item = (void *)items };
    if (to->mask_ptr) {
        l.mask = to->mask_item + to->mask_ptr[q];
        l.mask_end = to->mask_item + to->mask_ptr[q + 1];
    }
    recsys__shortlist_start(&l);
    for (int64_t first = 0; first < whole; first += VEC_PANEL) {
        uint32_t bits = j->v->at_least(row + first, l.floor);
        if (bits != 0) collect(j, &l, row + first, bits, first);
    }
    if (whole < I) { /* nothing may be read behind the row */
        float last[VEC_PANEL];
        for (int64_t c = 0; c < VEC_PANEL; c++) last[c] = whole + c < I ? row[whole + c] : NAN;
        collect(j, &l, last, j->v->at_least(last, l.floor), whole);
    }
    recsys__shortlist_finish(&l, &j->rule, (void *)sorting, to->items + q * to->k, to->scores + q * to->k);
}

recsys_status recsys__cpu_rows_rank(op_context *c, const op_rows_rank *o)
{
    int64_t Q = o->to.n_queries;
    job j = { .o = o, .v = recsys__cpu_vec(c->simd), .workspace = c->workspace };
    j.rule = (shortlist_rule){ .k = o->to.k, .room = recsys__shortlist_room(o->to.k, o->to.n_items) };
    int32_t threads = (int32_t)smaller(c->threads, smaller(Q, 1 + Q * o->to.n_items / THREAD_SCORES));
    watch w;
    c->rung = j.v->name;
    watch_begin(&w, c, Q);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4) if (threads > 1)
    for (int64_t q = 0; q < Q; q++) {
        if (watch_stopped(&w)) continue;
        rank_row(&j, q, threads > 1 ? omp_get_thread_num() : 0);
        watch_done(&w, 1);
    }
    return watch_end(&w, "ranking rows");
}
