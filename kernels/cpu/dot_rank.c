/* dot_rank.c - the dot_rank kernel: the k items of largest inner product, without ever holding users x items.
 *
 * Items are packed in panels, users in groups; a tile (dot_tile.h) scores a group against a panel and passes what may be
 * among the k best to each user's shortlist. Blocks of users run over steps of panels: the step stays in the
 * second-level cache while all groups of the block pass over it, a group stays in the first.
 *   Many queries: panels are packed once for all threads, chunk by chunk, and each thread takes blocks of users. Where
 * the rung has them, coarse products (dot_coarse.h) come first, and scores are computed for the few items they leave;
 * users for whom they do not work are ranked again by scores alone.
 *   Few queries: each thread packs and scores its own part of the items, and the lists of the parts are joined.
 * All of these give the same lists, so which one runs shows in nothing but time.
 * Q queries, I items, D columns, k places; R users in a group, W items in a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dot_rank.h"

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dot_coarse.h"
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* A block of users at most; what its lists and vectors may take of the second-level cache. */
enum { BLOCK_USERS = 96, BLOCK_BYTES = 256 << 10 };

/* Bytes of panels in a step (second-level cache), and in a chunk, which bounds the packed copy of the items. */
enum { STEP_BYTES = 128 << 10, CHUNK_BYTES = 16 << 20 };

/* Multiply-adds that are worth another thread. */
enum { THREAD_WORK = 1 << 20 };

/* In place of a query's first item, until it has been ranked again. */
enum { AGAIN = -2 };

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

/* ---- the plan ---- */

/* Vectors as floats, or coarse. */
typedef struct form {
    void (*rank)(const dot_call *call);
    int64_t panel_bytes, user_bytes;
    int64_t step, chunk; /* panels */
} form;

/* How an operation is cut, and where things are in the workspace. */
typedef struct plan {
    const dot_tile *tile;
    form floats, coarse;
    bool by_items;          /* few queries: threads share out the items */
    bool try_coarse;
    int64_t block;          /* users, whole groups */
    int64_t room, capacity; /* entries of a list: before a cut, at most */
    size_t lists, scores, items, users, rounded, sorting, panels; /* offsets in a thread's part */
    size_t thread_bytes, ids_bytes, again_bytes, chunk_bytes;
} plan;

static form make_form(const plan *p, void (*rank)(const dot_call *call), int64_t user_bytes)
{
    int64_t panel_bytes = p->tile->width * user_bytes;
    return (form){
        .rank = rank,
        .user_bytes = user_bytes,
        .panel_bytes = panel_bytes,
        .step = larger(1, smaller(p->tile->panels_most, STEP_BYTES / panel_bytes)),
        .chunk = larger(1, CHUNK_BYTES / panel_bytes),
    };
}

/* Users of a block: as many groups as fit in the cache, but four blocks for each thread, where there are so many users,
 * so that all are busy to the end. */
static void cut_users(plan *p, int64_t Q, int32_t threads)
{
    int64_t R = p->tile->rows, group_bytes = R * (p->capacity * 8 + p->floats.user_bytes);
    int64_t most = R * larger(1, smaller(BLOCK_USERS / R, BLOCK_BYTES / group_bytes));
    p->by_items = Q <= most;
    int64_t wanted = p->by_items ? Q : divide_up(Q, 4 * (int64_t)threads);
    p->block = smaller(most, divide_up(wanted, R) * R);
}

/* Takes count * size bytes, in whole cache lines, from `offset` on; returns where they start. */
static size_t take(size_t *offset, int64_t count, size_t size)
{
    size_t start = *offset;
    *offset += ((size_t)count * size + 63) / 64 * 64;
    return start;
}

static plan make_plan(const op_dot_rank *o, const dot_tile *tile, int32_t threads)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items, D = larger(1, o->dim), k = o->to.k;
    plan p = { .tile = tile };
    p.room = recsys__shortlist_room(k, I);
    p.capacity = p.room + tile->width;
    p.floats = make_form(&p, tile->rank, D * (int64_t)sizeof(float));
    p.coarse = make_form(&p, tile->rank_coarse, coarse_pairs(D) * 2 * (int64_t)sizeof(int16_t));
    cut_users(&p, Q, threads);
    p.try_coarse = tile->rank_coarse && !p.by_items && recsys__cpu_coarse_suits(D, I, k);

    size_t end = 0;
    p.lists = take(&end, p.block + 1, sizeof(shortlist)); /* one to spare */
    p.scores = take(&end, (p.block + 1) * p.capacity, sizeof(float));
    p.items = take(&end, (p.block + 1) * p.capacity, sizeof(int32_t));
    p.users = take(&end, p.block, (size_t)p.floats.user_bytes);
    p.rounded = take(&end, p.try_coarse ? p.block : 0, sizeof(coarse_user));
    p.sorting = take(&end, 2 * p.capacity, sizeof(uint64_t));
    p.panels = take(&end, p.by_items ? p.floats.step : 0, (size_t)p.floats.panel_bytes);
    p.thread_bytes = end;

    int64_t chunk = smaller(p.floats.chunk, recsys__cpu_dot_panels(tile, I)) * p.floats.panel_bytes;
    int64_t coarse_chunk = smaller(p.coarse.chunk, recsys__cpu_dot_panels(tile, I)) * p.coarse.panel_bytes;
    p.ids_bytes = p.again_bytes = p.chunk_bytes = 0;
    take(&p.ids_bytes, o->to.excluded ? I : 0, sizeof(int32_t));
    take(&p.again_bytes, p.try_coarse ? Q : 0, sizeof(int64_t));
    take(&p.chunk_bytes, p.by_items ? 0 : larger(chunk, coarse_chunk), 1);
    return p;
}

size_t recsys__cpu_dot_rank_workspace(const op_dot_rank *o, int32_t threads)
{
    size_t most = 0;
    for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX512; simd++) { /* which rung will run is known only then */
        plan p = make_plan(o, recsys__cpu_dot(simd), threads);
        size_t bytes = p.ids_bytes + p.again_bytes + p.chunk_bytes + (size_t)threads * p.thread_bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* ---- what the threads share, and what each has ---- */

/* One running operation. */
typedef struct job {
    const op_dot_rank *o;
    plan p;
    shortlist_rule rule;
    int64_t n; /* items in the stream */
    coarse_items rounding;
    const int64_t *again; /* the queries of this stage; NULL: all */
    char *panels, *threads;
    watch watch;
    atomic_llong tried, failed; /* lists by coarse products */
} job;

/* A thread's part of the workspace. */
typedef struct part {
    shortlist *lists;
    float *scores;  /* of the lists */
    int32_t *items; /* of the lists */
    void *users;
    coarse_user *rounded;
    uint64_t *sorting;
    char *panels;
} part;

static part part_of(const job *j, int t)
{
    char *base = j->threads + (size_t)t * j->p.thread_bytes;
    return (part){
        .lists = (void *)(base + j->p.lists),
        .scores = (void *)(base + j->p.scores),
        .items = (void *)(base + j->p.items),
        .users = base + j->p.users,
        .rounded = (void *)(base + j->p.rounded),
        .sorting = (void *)(base + j->p.sorting),
        .panels = base + j->p.panels,
    };
}

/* ---- a block of users ---- */

/* Empties list number `place` for query q; -1: a user that fills up a group, whose floor nothing reaches. */
static shortlist *start_list(const job *j, const part *s, int64_t place, int64_t q)
{
    const ranking *to = &j->o->to;
    shortlist *l = s->lists + place;
    bool masked = q >= 0 && to->mask_ptr;
    l->score = s->scores + place * j->p.capacity;
    l->item = s->items + place * j->p.capacity;
    recsys__shortlist_start(l);
    if (q < 0) l->floor = NAN;
    l->mask = masked ? to->mask_item + to->mask_ptr[q] : NULL;
    l->mask_end = masked ? to->mask_item + to->mask_ptr[q + 1] : NULL;
    return l;
}

/* Query number i of this stage, -1 from `end` on. */
static int64_t query(const job *j, int64_t i, int64_t end)
{
    return i >= end ? -1 : j->again ? j->again[i] : i;
}

static const float *user_of(const job *j, int64_t q)
{
    return q < 0 ? NULL : j->o->users + q * j->o->dim;
}

static void resume_list(const job *j, shortlist *l, int64_t q)
{
    int64_t k = j->rule.k;
    recsys__shortlist_resume(l, &j->rule, j->o->to.items + q * k, j->o->to.scores + q * k);
}

static void finish_list(const job *j, const part *s, shortlist *l, int64_t q)
{
    int64_t k = j->rule.k;
    recsys__shortlist_finish(l, &j->rule, s->sorting, j->o->to.items + q * k, j->o->to.scores + q * k);
}

/* Passes users 0..n-1 of the block over panels that start at position `first`. While its groups work on one step, each
 * fetches its share of the next: without that, the first group of a step waits for all of it. */
static void rank_block(const job *j, const part *s, const form *f, int64_t n, const char *panels, int64_t n_panels,
                       int64_t first)
{
    int64_t R = j->p.tile->rows, share = f->panel_bytes / divide_up(n, R) / 64 * 64;
    dot_call call = { .rule = &j->rule, .dim = j->o->dim };
    for (int64_t p = 0; p < n_panels; p += f->step) {
        bool more = p + 2 * f->step <= n_panels;
        call.panels = panels + p * f->panel_bytes;
        call.n_panels = smaller(f->step, n_panels - p);
        call.first = first + p * j->p.tile->width;
        call.share = more ? share : 0;
        for (int64_t u = 0; u < n; u += R) {
            call.lists = s->lists + u;
            call.users = (const char *)s->users + u * f->user_bytes;
            call.ahead = panels + (more ? (p + f->step) * f->panel_bytes + u / R * f->step * share : 0);
            f->rank(&call);
        }
    }
}

/* ---- many queries ---- */

/* One way over all items for many queries. `pack` does one panel; `block` takes queries i0..i1-1 of the stage over the
 * n_panels that start at position `first`. Between chunks the lists live in the output. */
typedef struct stage {
    const form *form;
    int64_t queries, panels;
    void (*pack)(const job *j, char *to, int64_t panel);
    void (*block)(job *j, const part *s, int64_t i0, int64_t i1, int64_t first, int64_t n_panels, bool last);
} stage;

static int64_t chunks_of(const stage *s)
{
    return larger(1, divide_up(s->panels, s->form->chunk)); /* one at least: it finishes the lists */
}

static void run_stage(job *j, const stage *s, int32_t threads)
{
    int64_t blocks = divide_up(s->queries, j->p.block), chunks = chunks_of(s);
    for (int64_t chunk = 0; chunk < chunks && !watch_stopped(&j->watch); chunk++) {
        int64_t p0 = chunk * s->form->chunk, n_panels = smaller(s->form->chunk, s->panels - p0);
#pragma omp parallel num_threads(threads)
        {
            part mine = part_of(j, omp_get_thread_num());
#pragma omp for schedule(static)
            for (int64_t p = 0; p < n_panels; p++) s->pack(j, j->panels + p * s->form->panel_bytes, p0 + p);
#pragma omp for schedule(dynamic, 1)
            for (int64_t b = 0; b < blocks; b++) {
                int64_t i0 = b * j->p.block, i1 = smaller(i0 + j->p.block, s->queries);
                if (watch_stopped(&j->watch)) continue;
                s->block(j, &mine, i0, i1, p0 * j->p.tile->width, n_panels, chunk == chunks - 1);
                watch_done(&j->watch, i1 - i0);
            }
        }
    }
}

static void pack_floats(const job *j, char *to, int64_t panel)
{
    int64_t W = j->p.tile->width, first = panel * W;
    recsys__cpu_dot_pack_items(j->p.tile, (void *)to, j->o->items, j->rule.ids, first, smaller(W, j->n - first),
                               j->o->dim);
}

static void block_by_floats(job *j, const part *s, int64_t i0, int64_t i1, int64_t first, int64_t n_panels, bool last)
{
    (void)last;
    for (int64_t u = 0; u < j->p.block; u++) {
        int64_t q = query(j, i0 + u, i1);
        shortlist *l = start_list(j, s, u, q);
        if (q >= 0 && first > 0) resume_list(j, l, q);
        recsys__cpu_dot_pack_user(j->p.tile, s->users, u, user_of(j, q), j->o->dim);
    }
    rank_block(j, s, &j->p.floats, i1 - i0, j->panels, n_panels, first);
    for (int64_t i = i0; i < i1; i++) finish_list(j, s, s->lists + (i - i0), query(j, i, i1));
}

/* ---- coarse products first ---- */

/* Sizes of all items decide how they are rounded. */
static void measure_items(job *j, int32_t threads)
{
    double reach = 0.0, sum = 0.0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(max : reach, sum)
    for (int64_t p = 0; p < j->n; p++) {
        int64_t i = j->rule.ids ? j->rule.ids[p] : p;
        coarse_size size = recsys__cpu_coarse_size(j->o->items + i * j->o->dim, j->o->dim);
        reach = size.reach > reach ? size.reach : reach;
        sum = size.sum > sum ? size.sum : sum;
    }
    j->rounding = recsys__cpu_coarse_items((coarse_size){ reach, sum }, j->o->dim);
}

static void pack_coarse(const job *j, char *to, int64_t panel)
{
    recsys__cpu_coarse_pack_panel(&j->rounding, j->p.tile, (void *)to, j->o->items, j->rule.ids,
                                  panel * j->p.tile->width, j->o->dim);
}

/* Empties list u for coarse products with query q. The floor comes from the places that earlier chunks have filled. */
static void start_coarse(const job *j, const part *s, int64_t u, int64_t q, int64_t first)
{
    shortlist *l = start_list(j, s, u, q);
    coarse_user *r = s->rounded + u;
    *r = recsys__cpu_coarse_pack_user(&j->rounding, j->p.tile, s->users, u, user_of(j, q), j->o->dim);
    if (q < 0) return;
    const int32_t *items = j->o->to.items + q * j->rule.k;
    const float *scores = j->o->to.scores + q * j->rule.k;
    l->failed = !r->usable || (first > 0 && items[0] == AGAIN);
    if (l->failed) l->floor = NAN;
    else if (first > 0 && items[j->rule.k - 1] >= 0)
        l->floor = (float)((double)scores[j->rule.k - 1] / r->unit - r->distance);
    l->band = (float)(2.0 * r->distance);
}

/* Scores what coarse products have left of the items for query q, and after the last chunk the items that fill no
 * panel. */
static void settle(job *j, const part *s, shortlist *l, int64_t q, int64_t first, bool last)
{
    const dot_tile *tile = j->p.tile;
    if (!l->failed) recsys__shortlist_narrow(l, &j->rule);
    atomic_fetch_add(&j->tried, 1);
    if (l->failed) {
        atomic_fetch_add(&j->failed, 1);
        j->o->to.items[q * j->rule.k] = AGAIN;
        return;
    }
    for (int64_t p = j->n / tile->width * tile->width; last && p < j->n; p++) l->item[l->count++] = (int32_t)p;
    recsys__shortlist_check(l, &j->rule);
    tile->scores_at(l->score, user_of(j, q), j->o->items, l->item, l->count, j->o->dim);
    l->band = 0.0f;
    if (first > 0) {
        shortlist *earlier = start_list(j, s, j->p.block, -1);
        resume_list(j, earlier, q);
        recsys__shortlist_join(earlier, l, &j->rule);
        l = earlier;
    }
    finish_list(j, s, l, q);
}

/* Most lists fail: this data does not lend itself to rounding. */
static bool hopeless(job *j)
{
    int64_t failed = atomic_load(&j->failed);
    return failed > 2 * BLOCK_USERS && 2 * failed > atomic_load(&j->tried);
}

static void block_by_coarse(job *j, const part *s, int64_t i0, int64_t i1, int64_t first, int64_t n_panels, bool last)
{
    if (hopeless(j)) {
        for (int64_t q = i0; q < i1; q++) j->o->to.items[q * j->rule.k] = AGAIN;
        return;
    }
    for (int64_t u = 0; u < j->p.block; u++) start_coarse(j, s, u, query(j, i0 + u, i1), first);
    rank_block(j, s, &j->p.coarse, i1 - i0, j->panels, n_panels, first);
    for (int64_t q = i0; q < i1; q++) settle(j, s, s->lists + (q - i0), q, first, last);
}

/* ---- both stages ---- */

/* The queries that have to be ranked again; returns how many. */
static int64_t list_again(const job *j, int64_t *again)
{
    int64_t n = 0;
    for (int64_t q = 0; q < j->o->to.n_queries; q++)
        if (j->o->to.items[q * j->rule.k] == AGAIN) again[n++] = q;
    return n;
}

static void rank_by_users(job *j, op_context *c, int64_t *again, int32_t threads)
{
    stage coarse = { &j->p.coarse, j->o->to.n_queries, j->n / j->p.tile->width, pack_coarse, block_by_coarse };
    stage floats = { &j->p.floats, j->o->to.n_queries, recsys__cpu_dot_panels(j->p.tile, j->n), pack_floats,
                     block_by_floats };
    bool first_coarse = false;
    if (j->p.try_coarse) {
        measure_items(j, threads);
        first_coarse = j->rounding.usable && recsys__cpu_coarse_suits(j->o->dim, j->n, j->rule.k);
    }
    watch_begin(&j->watch, c, j->o->to.n_queries * chunks_of(first_coarse ? &coarse : &floats));
    if (first_coarse) {
        run_stage(j, &coarse, threads);
        if (watch_stopped(&j->watch)) return;
        floats.queries = list_again(j, again);
        j->again = again;
        j->watch.total += floats.queries * chunks_of(&floats);
    }
    if (floats.queries > 0) run_stage(j, &floats, threads);
}

/* ---- few queries ---- */

/* Panels p0..p1-1, packed step by step, for all queries. */
static void score_part(job *j, const part *s, int64_t p0, int64_t p1)
{
    const form *f = &j->p.floats;
    int64_t D = j->o->dim, Q = j->o->to.n_queries;
    for (int64_t u = 0; u < j->p.block; u++) {
        start_list(j, s, u, query(j, u, Q));
        recsys__cpu_dot_pack_user(j->p.tile, s->users, u, user_of(j, query(j, u, Q)), D);
    }
    for (int64_t p = p0; p < p1 && !watch_stopped(&j->watch); p += f->step) {
        int64_t n = smaller(f->step, p1 - p);
        for (int64_t step = 0; step < n; step++) pack_floats(j, s->panels + step * f->panel_bytes, p + step);
        rank_block(j, s, f, Q, s->panels, n, p * j->p.tile->width);
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
    if (o->dim < 1)
        return recsys__fail(c->error, RECSYS_ERR_UNSUPPORTED, "dot_rank: vectors of %lld columns", (long long)o->dim);
    if (to->n_queries == 0) return RECSYS_OK;
    job j = { .o = o, .n = to->n_items };
    j.p = make_plan(o, recsys__cpu_dot(recsys__cpu_simd(c->simd)), c->threads);
    c->rung = j.p.tile->name;
    char *ids = c->workspace, *again = ids + j.p.ids_bytes;
    j.panels = again + j.p.again_bytes;
    j.threads = j.panels + j.p.chunk_bytes;
    j.rule = (shortlist_rule){ .k = to->k, .room = j.p.room };
    if (to->excluded) {
        j.n = list_ids((void *)ids, to->excluded, to->n_items);
        j.rule.ids = (void *)ids;
    }
    atomic_init(&j.tried, 0);
    atomic_init(&j.failed, 0);
    double work = (double)to->n_queries * (double)j.n * (double)o->dim / THREAD_WORK;
    int32_t threads = work < c->threads ? (int32_t)work + 1 : c->threads;
    if (j.p.by_items) rank_by_items(&j, c, threads);
    else rank_by_users(&j, c, (void *)again, threads);
    return watch_end(&j.watch, "ranking");
}
