/* pair_rank.c - the pair_rank kernel: the k items of the highest score by a pair network, without ever holding Q x I scores.
 *
 * A thread packs a step of panels (pair_tile.h), runs its block of queries over them and keeps a shortlist for each query.
 *   Many queries: threads take blocks of queries and go through all items.
 *   Few queries: threads share out the items, and the lists of the parts are joined.
 * A score does not know which of both asked, so the lists are the same.
 * Q queries, I items, k places, W items in a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pair_rank.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/pair_tile.h"
#include "kernels/cpu/shortlist.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Queries of a block at most; bytes of panels in a step (second-level cache). */
enum { BLOCK_QUERIES = 32, STEP_BYTES = 128 << 10 };

/* FLOPs that are worth another thread. */
enum { THREAD_WORK = 1 << 21 };

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

/* How an operation is cut, and where things are in the workspace. */
typedef struct plan {
    const pair_tile *tile;
    bool by_items;          /* few queries: threads share out the items */
    int64_t block, step;    /* queries, panels */
    int64_t panel_floats;
    int64_t room, capacity; /* entries of a list: before a cut, at most */
    size_t lists, scores, items, sorting, panels, activations; /* offsets in a thread's part */
    size_t thread_bytes, weights_bytes, ids_bytes;
} plan;

/* Takes count * size bytes, in whole cache lines, from `offset` on; returns where they start. */
static size_t take(size_t *offset, int64_t count, size_t size)
{
    size_t start = *offset;
    *offset += ((size_t)count * size + 63) / 64 * 64;
    return start;
}

static plan make_plan(const op_pair_rank *o, const pair_tile *tile, int32_t threads)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items;
    plan p = { .tile = tile };
    p.room = recsys__shortlist_room(o->to.k, I);
    p.capacity = p.room + tile->width;
    p.by_items = Q <= BLOCK_QUERIES;
    /* Four blocks for each thread, where there are so many queries, so that all are busy to the end. */
    p.block = p.by_items ? Q : smaller(BLOCK_QUERIES, divide_up(Q, 4 * (int64_t)threads));
    p.panel_floats = recsys__cpu_pair_panel_floats(tile, &o->net);
    p.step = smaller(divide_up(I, tile->width), larger(1, STEP_BYTES / (1 + p.panel_floats * (int64_t)sizeof(float))));

    size_t end = 0;
    p.lists = take(&end, p.block, sizeof(shortlist));
    p.scores = take(&end, p.block * p.capacity, sizeof(float));
    p.items = take(&end, p.block * p.capacity, sizeof(int32_t));
    p.sorting = take(&end, 2 * p.capacity, sizeof(uint64_t));
    p.panels = take(&end, p.step * p.panel_floats, sizeof(float));
    p.activations = take(&end, recsys__cpu_pair_room_floats(tile, &o->net), sizeof(float));
    p.thread_bytes = end;
    take(&p.weights_bytes, recsys__cpu_pair_weights_floats(tile, &o->net), sizeof(float));
    take(&p.ids_bytes, o->to.excluded ? I : 0, sizeof(int32_t));
    return p;
}

static bool nothing_to_do(const op_pair_rank *o)
{
    error ignored;
    return o->to.n_queries == 0 || recsys__cpu_pair_check(&ignored, "", &o->net);
}

size_t recsys__cpu_pair_rank_workspace(const op_pair_rank *o, int32_t threads)
{
    size_t most = 0;
    if (nothing_to_do(o)) return 0;
    for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX512; simd++) { /* which rung will run is known only then */
        plan p = make_plan(o, recsys__cpu_pair(simd), threads);
        size_t bytes = p.weights_bytes + p.ids_bytes + (size_t)threads * p.thread_bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* One running operation. */
typedef struct job {
    const op_pair_rank *o;
    plan p;
    pair_packed packed;
    shortlist_rule rule;
    int64_t n; /* items in the stream */
    char *threads;
    watch watch;
} job;

/* A thread's part of the workspace. */
typedef struct part {
    shortlist *lists;
    float *scores;  /* of the lists */
    int32_t *items; /* of the lists */
    uint64_t *sorting;
    float *panels, *activations;
} part;

static part part_of(const job *j, int t)
{
    char *base = j->threads + (size_t)t * j->p.thread_bytes;
    return (part){
        .lists = (void *)(base + j->p.lists),
        .scores = (void *)(base + j->p.scores),
        .items = (void *)(base + j->p.items),
        .sorting = (void *)(base + j->p.sorting),
        .panels = (void *)(base + j->p.panels),
        .activations = (void *)(base + j->p.activations),
    };
}

/* ---- a block of queries over a part of the items ---- */

/* Empties list number `place` for query q. */
static void start_list(const job *j, const part *s, int64_t place, int64_t q)
{
    const ranking *to = &j->o->to;
    shortlist *l = s->lists + place;
    l->score = s->scores + place * j->p.capacity;
    l->item = s->items + place * j->p.capacity;
    l->mask = to->mask_ptr ? to->mask_item + to->mask_ptr[q] : NULL;
    l->mask_end = to->mask_ptr ? to->mask_item + to->mask_ptr[q + 1] : NULL;
    recsys__shortlist_start(l);
}

static void finish_list(const job *j, const part *s, shortlist *l, int64_t q)
{
    int64_t k = j->rule.k;
    recsys__shortlist_finish(l, &j->rule, s->sorting, j->o->to.items + q * k, j->o->to.scores + q * k);
}

/* Appends what reaches the floor: n scores from position `first` on. */
static void append(const job *j, shortlist *l, const float *scores, int64_t first, int64_t n)
{
    for (int64_t e = 0; e < n; e++) {
        if (!(scores[e] >= l->floor)) continue;
        l->score[l->count] = scores[e];
        l->item[l->count] = (int32_t)(first + e);
        l->count++;
    }
    if (l->count > j->rule.room) recsys__shortlist_cut(l, &j->rule);
}

static void pack_step(const job *j, const part *s, int64_t first, int64_t end)
{
    int64_t W = j->p.tile->width;
    int32_t item[PAIR_WIDTH_MOST];
    float *panel = s->panels;
    for (; first < end; first += W, panel += j->p.panel_floats) {
        int64_t n = smaller(W, end - first);
        for (int64_t e = 0; e < n; e++) item[e] = j->rule.ids ? j->rule.ids[first + e] : (int32_t)(first + e);
        recsys__cpu_pair_pack_items(&j->packed, panel, item, n);
    }
}

/* Queries q0..q1-1 over the items of panels p0..p1-1. Counts its steps as done. */
static void rank_block(job *j, const part *s, int64_t q0, int64_t q1, int64_t p0, int64_t p1)
{
    float scores[PAIR_WIDTH_MOST];
    int64_t W = j->p.tile->width;
    for (int64_t q = q0; q < q1; q++) start_list(j, s, q - q0, q);
    for (int64_t p = p0; p < p1 && !watch_stopped(&j->watch); p += j->p.step) {
        int64_t end = smaller(j->n, smaller(p + j->p.step, p1) * W);
        pack_step(j, s, p * W, end);
        for (int64_t q = q0; q < q1; q++) {
            const float *panel = s->panels;
            for (int64_t first = p * W; first < end; first += W, panel += j->p.panel_floats) {
                recsys__cpu_pair_scores(&j->packed, scores, q, panel, s->activations);
                append(j, s->lists + (q - q0), scores, first, smaller(W, end - first));
            }
        }
        watch_done(&j->watch, smaller(j->p.step, p1 - p));
    }
}

/* ---- both ways ---- */

static void rank_by_queries(job *j, op_context *c, int32_t threads)
{
    int64_t Q = j->o->to.n_queries, blocks = divide_up(Q, j->p.block), panels = divide_up(j->n, j->p.tile->width);
    watch_begin(&j->watch, c, blocks * panels);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t b = 0; b < blocks; b++) {
        part s = part_of(j, threads > 1 ? omp_get_thread_num() : 0);
        int64_t q0 = b * j->p.block, q1 = smaller(q0 + j->p.block, Q);
        if (watch_stopped(&j->watch)) continue;
        rank_block(j, &s, q0, q1, 0, panels);
        for (int64_t q = q0; q < q1; q++) finish_list(j, &s, s.lists + (q - q0), q);
    }
}

static void rank_by_items(job *j, op_context *c, int32_t threads)
{
    int64_t Q = j->o->to.n_queries, panels = divide_up(j->n, j->p.tile->width);
    watch_begin(&j->watch, c, panels);
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    for (int32_t t = 0; t < threads; t++) {
        part s = part_of(j, t);
        rank_block(j, &s, 0, Q, panels * t / threads, panels * (t + 1) / threads);
    }
    part s = part_of(j, 0);
    for (int64_t q = 0; q < Q && !watch_stopped(&j->watch); q++) {
        for (int32_t t = 1; t < threads; t++) recsys__shortlist_join(s.lists + q, part_of(j, t).lists + q, &j->rule);
        finish_list(j, &s, s.lists + q, q);
    }
}

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

recsys_status recsys__cpu_pair_rank(op_context *c, const op_pair_rank *o)
{
    recsys_status status = recsys__cpu_pair_check(c->error, "pair_rank", &o->net);
    if (status || o->to.n_queries == 0) return status;
    job j = { .o = o, .n = o->to.n_items };
    j.p = make_plan(o, recsys__cpu_pair(recsys__cpu_simd(c->simd)), c->threads);
    c->rung = j.p.tile->name;
    char *ids = (char *)c->workspace + j.p.weights_bytes;
    j.threads = ids + j.p.ids_bytes;
    j.packed = recsys__cpu_pair_pack(j.p.tile, &o->net, c->workspace);
    j.rule = (shortlist_rule){ .k = o->to.k, .room = j.p.room };
    if (o->to.excluded) {
        j.n = list_ids((void *)ids, o->to.excluded, o->to.n_items);
        j.rule.ids = (void *)ids;
    }
    double work = (double)o->to.n_queries * (double)j.n * recsys__cpu_pair_flops(&o->net) / THREAD_WORK;
    int32_t threads = work < c->threads ? (int32_t)work + 1 : c->threads;
    if (j.p.by_items) rank_by_items(&j, c, threads);
    else rank_by_queries(&j, c, threads);
    return watch_end(&j.watch, "ranking");
}
