/* filter_score.c - the filter_score kernel: a query's two hops in a row of its thread's own, then the items asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/filter_score.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/filter_hops.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Items whose inner products are taken at a time. */
enum { PIECE = 512 };

/* A thread's part of the workspace: hops, a row of sums, a vector. */
static int64_t row_bytes(const op_filter_score *o)
{
    return (o->f.n_items + 15) / 16 * 64;
}

static int64_t part_bytes(const op_filter_score *o)
{
    return recsys__cpu_hops_bytes(&o->f, 0) + row_bytes(o) + (o->f.dim + 15) / 16 * 64;
}

size_t recsys__cpu_filter_score_workspace(const op_filter_score *o, int32_t threads)
{
    return (size_t)threads * (size_t)part_bytes(o);
}

typedef struct job {
    const op_filter_score *o;
    const dot_tile *tile;
} job;

/* s at the n items `item` (NULL: from `first` on), n at most PIECE. */
static void score_piece(const job *j, const hops *h, const float *row, const float *z, const int32_t *item, int64_t first,
                        int64_t n, float *out)
{
    const filter *f = &j->o->f;
    float low[PIECE];
    if (f->dim > 0) j->tile->scores_at(low, z, f->vectors + first * f->dim, item, n, f->dim);
    if (item == NULL) {
        recsys__cpu_filter_join(h, out, row + first, f->dim > 0 ? low : NULL, first, n);
        return;
    }
    for (int64_t e = 0; e < n; e++)
        recsys__cpu_filter_join(h, out + e, row + item[e], f->dim > 0 ? low + e : NULL, item[e], 1);
}

static void score_query(const job *j, hops *h, char *room, int64_t q)
{
    const op_filter_score *o = j->o;
    const scoring *at = &o->at;
    float *row = (void *)room, *z = (void *)(room + row_bytes(o));
    recsys__cpu_hops_weigh(h, &o->x, q);
    recsys__cpu_hops_add(h, &o->x, q, row);
    if (o->f.dim > 0) recsys__cpu_hops_project(h, &o->x, q, z);
    int64_t begin = at->ptr ? at->ptr[q] : q * at->n_items, n = at->ptr ? at->ptr[q + 1] - begin : at->n_items;
    for (int64_t e = 0; e < n; e += PIECE)
        score_piece(j, h, row, z, at->ptr ? at->item + begin + e : NULL, at->ptr ? 0 : e, n - e < PIECE ? n - e : PIECE,
                    at->out + begin + e);
}

recsys_status recsys__cpu_filter_score(op_context *c, const op_filter_score *o)
{
    int64_t Q = o->at.n_queries;
    int32_t rung = recsys__cpu_simd(c->simd), threads = Q < c->threads ? (int32_t)Q : c->threads;
    if (Q == 0) return RECSYS_OK;
    job j = { o, recsys__cpu_dot(rung) };
    watch w;
    c->rung = j.tile->name;
    watch_begin(&w, c, Q);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        char *room = (char *)c->workspace + (threads > 1 ? omp_get_thread_num() : 0) * part_bytes(o);
        hops h = recsys__cpu_hops(&o->f, 0, rung, room);
#pragma omp for schedule(dynamic, 1)
        for (int64_t q = 0; q < Q; q++) {
            if (watch_stopped(&w)) continue;
            score_query(&j, &h, room + recsys__cpu_hops_bytes(&o->f, 0), q);
            watch_done(&w, 1);
        }
    }
    return watch_end(&w, "scoring");
}
