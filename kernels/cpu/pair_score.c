/* pair_score.c - the pair_score kernel: scores by a pair network at given items, or at all of them.
 *
 * All items: a thread takes a step of panels (pair_tile.h), packs it and runs all queries over it. Given items: the list is
 * cut without regard to queries, so that panels are full whatever the lengths are, and one long list keeps all threads busy.
 * Q queries, I items, W items in a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pair_score.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/pair_tile.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Queries that run over a step of panels before others do; bytes of panels in a step (second-level cache); panels of a chunk
 * of given items. */
enum { BLOCK_QUERIES = 64, STEP_BYTES = 128 << 10, CHUNK_PANELS = 16 };

/* FLOPs that are worth another thread. */
enum { THREAD_WORK = 1 << 21 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- the plan ---- */

/* Sizes in floats, each in whole cache lines, and panels of a step. */
typedef struct plan {
    const pair_tile *tile;
    int64_t weights, panel, room, step;
} plan;

static plan make_plan(const op_pair_score *o, const pair_tile *t)
{
    plan p = { .tile = t, .step = 1 };
    p.weights = recsys__cpu_pair_weights_floats(t, &o->net);
    p.panel = recsys__cpu_pair_panel_floats(t, &o->net);
    p.room = recsys__cpu_pair_room_floats(t, &o->net);
    int64_t fit = STEP_BYTES / (1 + p.panel * (int64_t)sizeof(float));
    if (!o->at.ptr && fit > 1) p.step = smaller(fit, divide_up(o->at.n_items, t->width) + 1);
    return p;
}

/* Floats of a thread's part. */
static int64_t part_floats(const plan *p)
{
    return p->step * p->panel + p->room;
}

size_t recsys__cpu_pair_score_workspace(const op_pair_score *o, int32_t threads)
{
    error ignored;
    int64_t most = 0;
    if (o->at.n_queries == 0 || recsys__cpu_pair_check(&ignored, "", &o->net)) return 0;
    for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX512; simd++) { /* which rung will run is known only then */
        plan p = make_plan(o, recsys__cpu_pair(simd));
        int64_t floats = p.weights + threads * part_floats(&p);
        most = floats > most ? floats : most;
    }
    return (size_t)most * sizeof(float);
}

/* One running operation. */
typedef struct job {
    op_context *c;
    const op_pair_score *o;
    plan p;
    pair_packed packed;
    int32_t threads;
    watch watch;
} job;

static float *part_of(const job *j, int t)
{
    return (float *)j->c->workspace + j->p.weights + t * part_floats(&j->p);
}

/* ---- all items ---- */

/* Queries q0..q1-1 at the items first..end-1 of a step. */
static void score_step(const job *j, float *panels, int64_t q0, int64_t q1, int64_t first, int64_t end)
{
    int64_t W = j->p.tile->width, I = j->o->at.n_items;
    float scores[PAIR_WIDTH_MOST], *room = panels + j->p.step * j->p.panel;
    int32_t item[PAIR_WIDTH_MOST];
    for (int64_t i = first; i < end; i += W) {
        int64_t n = smaller(W, end - i);
        for (int64_t e = 0; e < n; e++) item[e] = (int32_t)(i + e);
        recsys__cpu_pair_pack_items(&j->packed, panels + (i - first) / W * j->p.panel, item, n);
    }
    for (int64_t q = q0; q < q1; q++)
        for (int64_t i = first; i < end; i += W) {
            recsys__cpu_pair_scores(&j->packed, scores, q, panels + (i - first) / W * j->p.panel, room);
            memcpy(j->o->at.out + q * I + i, scores, (size_t)smaller(W, end - i) * sizeof(float));
        }
}

static void score_all(job *j)
{
    int64_t Q = j->o->at.n_queries, I = j->o->at.n_items, items = j->p.step * j->p.tile->width;
    int64_t steps = divide_up(I, items), total = steps * divide_up(Q, BLOCK_QUERIES);
    watch_begin(&j->watch, j->c, total);
#pragma omp parallel for num_threads(j->threads) schedule(dynamic, 1) if (j->threads > 1)
    for (int64_t s = 0; s < total; s++) {
        int64_t first = s % steps * items, q0 = s / steps * BLOCK_QUERIES;
        if (watch_stopped(&j->watch)) continue;
        score_step(j, part_of(j, j->threads > 1 ? omp_get_thread_num() : 0), q0, smaller(q0 + BLOCK_QUERIES, Q), first,
                   smaller(first + items, I));
        watch_done(&j->watch, 1);
    }
}

/* ---- given items ---- */

/* The query that place e of the list belongs to: the last one that starts at or before it. */
static int64_t query_of(const scoring *at, int64_t e)
{
    int64_t low = 0, high = at->n_queries; /* ptr[low] <= e < ptr[high] */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (at->ptr[middle] <= e) low = middle;
        else high = middle;
    }
    return low;
}

static void score_places(const job *j, float *panel, int64_t begin, int64_t end)
{
    const scoring *at = &j->o->at;
    int64_t W = j->p.tile->width, q = query_of(at, begin);
    int32_t query[PAIR_WIDTH_MOST];
    for (int64_t e = begin; e < end; e += W) {
        int64_t n = smaller(W, end - e);
        for (int64_t l = 0; l < n; l++) {
            while (at->ptr[q + 1] <= e + l) q++;
            query[l] = (int32_t)q;
        }
        recsys__cpu_pair_scores_at(&j->packed, at->out + e, query, at->item + e, n, panel, panel + j->p.step * j->p.panel);
    }
}

static void score_listed(job *j)
{
    const scoring *at = &j->o->at;
    int64_t first = at->ptr[0], last = at->ptr[at->n_queries], chunk = CHUNK_PANELS * j->p.tile->width;
    int64_t chunks = divide_up(last - first, chunk);
    watch_begin(&j->watch, j->c, chunks);
#pragma omp parallel for num_threads(j->threads) schedule(dynamic, 1) if (j->threads > 1)
    for (int64_t p = 0; p < chunks; p++) {
        if (watch_stopped(&j->watch)) continue;
        score_places(j, part_of(j, j->threads > 1 ? omp_get_thread_num() : 0), first + p * chunk,
                     smaller(first + (p + 1) * chunk, last));
        watch_done(&j->watch, 1);
    }
}

/* ---- entry ---- */

recsys_status recsys__cpu_pair_score(op_context *c, const op_pair_score *o)
{
    recsys_status status = recsys__cpu_pair_check(c->error, "pair_score", &o->net);
    if (status || o->at.n_queries == 0) return status;
    job j = { .c = c, .o = o };
    j.p = make_plan(o, recsys__cpu_pair(recsys__cpu_simd(c->simd)));
    c->rung = j.p.tile->name;
    j.packed = recsys__cpu_pair_pack(j.p.tile, &o->net, c->workspace);
    int64_t places = o->at.ptr ? o->at.ptr[o->at.n_queries] - o->at.ptr[0] : o->at.n_queries * o->at.n_items;
    double work = (double)places * recsys__cpu_pair_flops(&o->net) / THREAD_WORK;
    j.threads = work < c->threads ? (int32_t)work + 1 : c->threads;
    if (o->at.ptr) score_listed(&j);
    else score_all(&j);
    return watch_end(&j.watch, "scoring");
}
