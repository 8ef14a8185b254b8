/* dot_rank.c - the dot_rank kernel: the k items of largest inner product, without ever holding users x items.
 *
 * Items are packed in panels, users in groups; a tile (dot_tile.h) scores a group against a panel and passes what may be
 * among the k best to each user's shortlist. Blocks of users run over steps of panels: the step stays in the
 * second-level cache while all groups of the block pass over it, a group stays in the first.
 *   Many queries: panels are packed once for all threads, chunk by chunk; each thread takes blocks of users.
 *   Few queries: each thread packs and scores its own part of the items, and the lists of the parts are joined.
 * Q queries, I items, D columns, k places; R users in a group, W items in a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dot_rank.h"

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* A block of users at most; what its lists and vectors may take of the second-level cache. */
enum { BLOCK_USERS = 96, BLOCK_BYTES = 256 << 10 };

/* Bytes of panels in a step (second-level cache), and in a chunk, which bounds the packed copy of the items. */
enum { STEP_BYTES = 128 << 10, CHUNK_BYTES = 32 << 20 };

/* Floats of a cache line. */
enum { LINE = 16 };

/* Multiply-adds that are worth another thread. */
enum { THREAD_WORK = 1 << 20 };

/* How one operation is cut, and where things are in the workspace. */
typedef struct plan {
    const dot_tile *tile;
    int64_t block;          /* users, whole groups */
    int64_t step, chunk;    /* panels */
    bool by_items;          /* few queries: threads share out the items */
    int64_t room, capacity; /* entries of a list: before a cut, at most */
    size_t lists, scores, items, users, sorting, panels; /* offsets in a thread's part */
    size_t thread_bytes, ids_bytes, chunk_bytes;
} plan;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Takes count * size bytes, in whole cache lines, from `offset` on; returns where they start. */
static size_t take(size_t *offset, int64_t count, size_t size)
{
    size_t start = *offset;
    *offset += ((size_t)count * size + 63) / 64 * 64;
    return start;
}

/* Users in the largest sensible block: as many groups as fit, at least one. */
static int64_t block_most(const plan *p, int64_t D)
{
    int64_t R = p->tile->rows;
    int64_t group_bytes = R * (p->capacity * 8 + D * 4);
    return R * larger(1, smaller(BLOCK_USERS / R, BLOCK_BYTES / group_bytes));
}

static plan make_plan(const op_dot_rank *o, const dot_tile *tile, int32_t threads)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items, D = larger(1, o->dim), k = o->to.k;
    int64_t R = tile->rows, panel_bytes = tile->width * D * 4;
    plan p = { .tile = tile };
    p.room = recsys__shortlist_room(k, I);
    p.capacity = p.room + tile->width;
    p.step = larger(1, smaller(tile->panels_most, STEP_BYTES / panel_bytes));
    p.chunk = larger(1, smaller(recsys__cpu_dot_panels(tile, I), CHUNK_BYTES / panel_bytes));
    p.block = block_most(&p, D);
    p.by_items = Q <= p.block;
    /* Four blocks for each thread, where there are so many users, keep all of them busy to the end. */
    int64_t wanted = p.by_items ? Q : divide_up(Q, 4 * (int64_t)threads);
    p.block = smaller(p.block, divide_up(wanted, R) * R);

    size_t end = 0;
    p.lists = take(&end, p.block, sizeof(shortlist));
    p.scores = take(&end, p.block * p.capacity, sizeof(float));
    p.items = take(&end, p.block * p.capacity, sizeof(int32_t));
    p.users = take(&end, p.block * D, sizeof(float));
    p.sorting = take(&end, 2 * p.capacity, sizeof(uint64_t));
    p.panels = take(&end, p.by_items ? p.step : 0, (size_t)panel_bytes);
    p.thread_bytes = end;
    p.ids_bytes = p.chunk_bytes = 0;
    take(&p.ids_bytes, o->to.excluded ? I : 0, sizeof(int32_t));
    take(&p.chunk_bytes, p.by_items ? 0 : p.chunk, (size_t)panel_bytes);
    return p;
}

static size_t plan_bytes(const plan *p, int32_t threads)
{
    return p->ids_bytes + p->chunk_bytes + (size_t)threads * p->thread_bytes;
}

size_t recsys__cpu_dot_rank_workspace(const op_dot_rank *o, int32_t threads)
{
    size_t most = 0;
    for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX512; simd++) { /* which rung will run is known only then */
        plan p = make_plan(o, recsys__cpu_dot(simd), threads);
        size_t bytes = plan_bytes(&p, threads);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* One running operation. */
typedef struct job {
    const op_dot_rank *o;
    plan p;
    shortlist_rule rule;
    int64_t n; /* items in the stream */
    float *panels;
    char *threads; /* parts of the threads */
    watch watch;
} job;

/* A thread's part of the workspace. */
typedef struct part {
    shortlist *lists;
    float *scores;  /* of the lists */
    int32_t *items; /* of the lists */
    float *users;
    uint64_t *sorting;
    float *panels;
} part;

static part part_of(const job *j, int t)
{
    char *base = j->threads + (size_t)t * j->p.thread_bytes;
    return (part){
        .lists = (void *)(base + j->p.lists),
        .scores = (void *)(base + j->p.scores),
        .items = (void *)(base + j->p.items),
        .users = (void *)(base + j->p.users),
        .sorting = (void *)(base + j->p.sorting),
        .panels = (void *)(base + j->p.panels),
    };
}

/* ---- a block of users ---- */

/* Empty lists for users q0..q1-1. The last group is filled up with users whose floor nothing reaches. */
static void start_lists(const job *j, const part *s, int64_t q0, int64_t q1)
{
    const ranking *to = &j->o->to;
    recsys__cpu_dot_pack_users(j->p.tile, s->users, j->o->users + q0 * j->o->dim, q1 - q0, j->o->dim);
    for (int64_t u = 0; u < j->p.block; u++) {
        shortlist *l = s->lists + u;
        bool there = q0 + u < q1, masked = there && to->mask_ptr;
        l->score = s->scores + u * j->p.capacity;
        l->item = s->items + u * j->p.capacity;
        recsys__shortlist_start(l);
        if (!there) l->floor = NAN;
        l->mask = masked ? to->mask_item + to->mask_ptr[q0 + u] : NULL;
        l->mask_end = masked ? to->mask_item + to->mask_ptr[q0 + u + 1] : NULL;
    }
}

/* Passes users 0..n-1 of the block over panels that start at position `first`. While its groups work on one step, each
 * fetches its share of the next: without that, the first group of a step waits for all of it. */
static void rank_block(const job *j, const part *s, int64_t n, const float *panels, int64_t n_panels, int64_t first)
{
    const dot_tile *tile = j->p.tile;
    int64_t D = j->o->dim, R = tile->rows, W = tile->width, step = j->p.step;
    int64_t share = W * D / divide_up(n, R) / LINE * LINE;
    for (int64_t p = 0; p < n_panels; p += step) {
        const float *here = panels + p * W * D, *ahead = here + step * W * D;
        bool more = p + 2 * step <= n_panels;
        for (int64_t u = 0; u < n; u += R)
            tile->rank(s->lists + u, &j->rule, s->users + u * D, here, smaller(step, n_panels - p), D, first + p * W,
                       more ? ahead + u / R * step * share : here, more ? share : 0);
    }
}

static void finish_list(const job *j, const part *s, shortlist *l, int64_t q)
{
    int64_t k = j->rule.k;
    recsys__shortlist_finish(l, &j->rule, s->sorting, j->o->to.items + q * k, j->o->to.scores + q * k);
}

/* ---- many queries ---- */

/* Block b of the users over the chunk that starts at position `first`. Between chunks the lists live in the output. */
static void block_over_chunk(job *j, const part *s, int64_t b, int64_t first, int64_t n_panels)
{
    const ranking *to = &j->o->to;
    int64_t q0 = b * j->p.block, q1 = smaller(q0 + j->p.block, to->n_queries);
    start_lists(j, s, q0, q1);
    for (int64_t q = q0; first > 0 && q < q1; q++)
        recsys__shortlist_resume(s->lists + (q - q0), &j->rule, to->items + q * to->k, to->scores + q * to->k);
    rank_block(j, s, q1 - q0, j->panels, n_panels, first);
    for (int64_t q = q0; q < q1; q++) finish_list(j, s, s->lists + (q - q0), q);
    watch_done(&j->watch, q1 - q0);
}

static void rank_by_users(job *j, op_context *c, int32_t threads)
{
    const dot_tile *tile = j->p.tile;
    int64_t D = j->o->dim, W = tile->width, Q = j->o->to.n_queries;
    int64_t blocks = divide_up(Q, j->p.block), panels = recsys__cpu_dot_panels(tile, j->n);
    int64_t chunks = larger(1, divide_up(panels, j->p.chunk)); /* one at least: it finishes the lists */
    watch_begin(&j->watch, c, Q * chunks);
    for (int64_t chunk = 0; chunk < chunks && !watch_stopped(&j->watch); chunk++) {
        int64_t p0 = chunk * j->p.chunk, n_panels = smaller(j->p.chunk, panels - p0);
#pragma omp parallel num_threads(threads)
        {
            part s = part_of(j, omp_get_thread_num());
#pragma omp for schedule(static)
            for (int64_t p = 0; p < n_panels; p++)
                recsys__cpu_dot_pack_items(tile, j->panels + p * W * D, j->o->items, j->rule.ids, (p0 + p) * W,
                                           smaller(W, j->n - (p0 + p) * W), D);
#pragma omp for schedule(dynamic, 1)
            for (int64_t b = 0; b < blocks; b++)
                if (!watch_stopped(&j->watch)) block_over_chunk(j, &s, b, p0 * W, n_panels);
        }
    }
}

/* ---- few queries ---- */

/* Panels p0..p1-1, packed step by step, for all queries. */
static void score_part(job *j, const part *s, int64_t p0, int64_t p1)
{
    const dot_tile *tile = j->p.tile;
    int64_t D = j->o->dim, W = tile->width, Q = j->o->to.n_queries;
    start_lists(j, s, 0, Q);
    for (int64_t p = p0; p < p1 && !watch_stopped(&j->watch); p += j->p.step) {
        int64_t n = smaller(j->p.step, p1 - p);
        recsys__cpu_dot_pack_items(tile, s->panels, j->o->items, j->rule.ids, p * W, smaller(n * W, j->n - p * W), D);
        rank_block(j, s, Q, s->panels, n, p * W);
    }
}

/* Joins the lists that the threads made for query q, in the order of their items. */
static void join_parts(job *j, const part *s, int64_t q, int parts)
{
    shortlist *l = part_of(j, 0).lists + q;
    for (int t = 1; t < parts; t++) recsys__shortlist_join(l, part_of(j, t).lists + q, &j->rule);
    finish_list(j, s, l, q);
}

static void rank_by_items(job *j, op_context *c, int32_t threads)
{
    int64_t Q = j->o->to.n_queries, panels = recsys__cpu_dot_panels(j->p.tile, j->n);
    watch_begin(&j->watch, c, Q);
#pragma omp parallel num_threads(threads)
    {
        int t = omp_get_thread_num(), parts = omp_get_num_threads();
        part s = part_of(j, t);
        score_part(j, &s, panels * t / parts, panels * (t + 1) / parts);
#pragma omp barrier
#pragma omp for schedule(dynamic, 1)
        for (int64_t q = 0; q < Q; q++)
            if (!watch_stopped(&j->watch)) join_parts(j, &s, q, parts);
    }
    if (!watch_stopped(&j->watch)) watch_done(&j->watch, Q);
}

/* ---- entry ---- */

/* The items that somebody may get, ascending; returns how many. */
static int64_t list_ids(int32_t *ids, const uint8_t *excluded, int64_t n_items)
{
    int64_t n = 0;
    for (int64_t i = 0; i < n_items; i++) {
        ids[n] = (int32_t)i;
        n += !excluded[i];
    }
    return n;
}

recsys_status recsys__cpu_dot_rank(op_context *c, const op_dot_rank *o)
{
    const ranking *to = &o->to;
    if (o->dim < 1) return recsys__fail(c->error, RECSYS_ERR_UNSUPPORTED, "dot_rank: vectors of %lld columns", (long long)o->dim);
    if (to->n_queries == 0) return RECSYS_OK;
    job j = { .o = o, .n = to->n_items };
    j.p = make_plan(o, recsys__cpu_dot(recsys__cpu_simd(c->simd)), c->threads);
    c->rung = j.p.tile->name;
    char *w = c->workspace;
    j.panels = (void *)(w + j.p.ids_bytes);
    j.threads = w + j.p.ids_bytes + j.p.chunk_bytes;
    j.rule = (shortlist_rule){ .k = to->k, .room = j.p.room };
    if (to->excluded) {
        j.n = list_ids((void *)w, to->excluded, to->n_items);
        j.rule.ids = (void *)w;
    }
    double work = (double)to->n_queries * (double)j.n * (double)o->dim / THREAD_WORK;
    int32_t threads = work < c->threads ? (int32_t)work + 1 : c->threads;
    if (j.p.by_items) rank_by_items(&j, c, threads);
    else rank_by_users(&j, c, threads);
    return watch_end(&j.watch, "ranking");
}
