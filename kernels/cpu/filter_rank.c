/* filter_rank.c - the filter_rank kernel: lists by two hops and a low-rank product, without ever holding users x items.
 *
 * Many queries: V is packed in panels (dot_tile.h) once for all threads. A thread takes a block of queries; the two hops of
 * each leave a row of I sums. Then the block runs over steps of panels: a step stays in the second-level cache while all groups
 * of the block pass over it, and a tile's scores are joined with the rows, compared with the floors and offered to the lists.
 * Few queries: hops by query, inner products by query and chunk of items from V as it lies, lists by query.
 * Both compute each score by the same chains and offer it in ascending order of items, so which one runs shows only in time.
 * Q queries, I items, D directions; R queries in a group, W items in a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/filter_rank.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/filter_hops.h"
#include "kernels/cpu/shortlist.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Items of a step: a multiple of every panel's width and of VEC_PANEL. */
enum { STEP = 128 };

/* Most queries of a block, and bytes of rows that it may have: a part of the last-level cache. */
enum { BLOCK_QUERIES = 96, BLOCK_BYTES = 16 << 20 };

/* Queries that are in work at once where there are few, and up to which there are few; items of a chunk then. */
enum { FEW = 8, CHUNK = 2048 };

typedef struct plan {
    const dot_tile *tile;
    int few;
    int64_t block;      /* queries, whole groups; few: FEW */
    int64_t row;        /* floats of a row, whole steps */
    int64_t capacity;   /* entries of a list */
    int64_t hops, rows, users, lists, scores, items, sorting; /* offsets in a thread's part; few: rows are shared */
    int64_t part_bytes, panel_bytes, shared_bytes;
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

/* Takes count * size bytes, in whole cache lines, from `at` on; returns where they start. */
static int64_t take(int64_t *at, int64_t count, size_t size)
{
    int64_t start = *at;
    *at += (count * (int64_t)size + 63) / 64 * 64;
    return start;
}

/* Queries of a block: as many groups as rows fit, but several blocks for each thread, so that all are busy to the end. */
static int64_t block_queries(int64_t Q, int64_t row, int64_t R, int32_t threads)
{
    int64_t most = smaller(BLOCK_QUERIES, BLOCK_BYTES / (row * (int64_t)sizeof(float))) / R;
    int64_t wanted = divide_up(divide_up(Q, 4 * (int64_t)threads), R);
    return R * larger(1, smaller(most, wanted));
}

static plan make_plan(const op_filter_rank *o, const dot_tile *tile, int32_t threads)
{
    int64_t Q = o->to.n_queries, I = o->to.n_items, D = o->f.dim, at = 0;
    plan p = { .tile = tile, .few = Q <= FEW, .row = divide_up(I, STEP) * STEP };
    p.block = p.few ? FEW : block_queries(Q, p.row, tile->rows, threads);
    p.capacity = recsys__shortlist_room(o->to.k, I) + VEC_PANEL;
    int64_t lists = p.few ? 1 : p.block;
    p.hops = take(&at, recsys__cpu_hops_bytes(&o->f, !p.few), 1);
    p.lists = take(&at, lists, sizeof(shortlist));
    p.scores = take(&at, lists * p.capacity, sizeof(float));
    p.items = take(&at, lists * p.capacity, sizeof(int32_t));
    p.sorting = take(&at, 2 * p.capacity, sizeof(uint64_t));
    p.users = take(&at, p.few ? 0 : (p.block + 1) * D, sizeof(float)); /* packed, and one as it is */
    p.rows = take(&at, p.few ? 0 : p.block * p.row, sizeof(float));
    p.part_bytes = at;
    p.panel_bytes = (int64_t)tile->width * D * (int64_t)sizeof(float);
    at = 0;
    if (p.few) take(&at, FEW * (p.row + D), sizeof(float));
    else take(&at, p.row / tile->width * p.panel_bytes, 1);
    p.shared_bytes = at;
    return p;
}

size_t recsys__cpu_filter_rank_workspace(const op_filter_rank *o, int32_t threads)
{
    int64_t most = 0;
    for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX512; simd++) { /* which rung will run is known only then */
        plan p = make_plan(o, recsys__cpu_dot(simd), threads);
        most = larger(most, p.shared_bytes + threads * p.part_bytes);
    }
    return (size_t)most;
}

typedef struct job {
    const op_filter_rank *o;
    plan p;
    const vec *v;
    int32_t rung;
    shortlist_rule rule;
    char *shared, *parts;
    watch w;
} job;

/* A thread's part of the workspace. */
typedef struct part {
    hops h;
    shortlist *lists;
    float *scores;
    int32_t *items;
    uint64_t *sorting;
    float *users, *rows;
} part;

static part part_of(const job *j, int thread)
{
    char *base = j->parts + thread * j->p.part_bytes;
    return (part){
        .h = recsys__cpu_hops(&j->o->f, !j->p.few, j->rung, base + j->p.hops),
        .lists = (void *)(base + j->p.lists),
        .scores = (void *)(base + j->p.scores),
        .items = (void *)(base + j->p.items),
        .sorting = (void *)(base + j->p.sorting),
        .users = (void *)(base + j->p.users),
        .rows = (void *)(base + j->p.rows),
    };
}

/* ---- lists ---- */

static shortlist *start_list(const job *j, const part *s, int64_t place, int64_t q)
{
    const ranking *to = &j->o->to;
    shortlist *l = s->lists + place;
    l->score = s->scores + place * j->p.capacity;
    l->item = s->items + place * j->p.capacity;
    l->mask = to->mask_ptr ? to->mask_item + to->mask_ptr[q] : NULL;
    l->mask_end = to->mask_ptr ? to->mask_item + to->mask_ptr[q + 1] : NULL;
    recsys__shortlist_start(l);
    return l;
}

static void finish_list(const job *j, const part *s, shortlist *l, int64_t q)
{
    int64_t k = j->rule.k;
    recsys__shortlist_finish(l, &j->rule, s->sorting, j->o->to.items + q * k, j->o->to.scores + q * k);
}

/* Bit c: somebody may get item first + c. */
static uint32_t open_items(const ranking *to, int64_t first)
{
    int64_t n = smaller(VEC_PANEL, to->n_items - first);
    uint32_t bits = n < VEC_PANEL ? ((uint32_t)1 << n) - 1 : UINT32_MAX;
    for (int64_t c = 0; c < n && to->excluded; c++)
        if (to->excluded[first + c]) bits &= ~((uint32_t)1 << c);
    return bits;
}

/* Offers VEC_PANEL scores, those of the items from `first` on. */
static void offer(const job *j, shortlist *l, const float *y, int64_t first, uint32_t open)
{
    uint32_t bits = j->v->at_least(y, l->floor) & open;
    for (; bits != 0; bits &= bits - 1) {
        int c = __builtin_ctz(bits);
        l->score[l->count] = y[c];
        l->item[l->count] = (int32_t)(first + c);
        l->count++;
    }
    if (l->count > j->rule.room) recsys__shortlist_cut(l, &j->rule);
}

/* ---- many queries ---- */

/* Hops and vectors of queries q0 to q1 - 1; what fills up the last group is left at zero. */
static void prepare_block(const job *j, part *s, int64_t q0, int64_t q1)
{
    const op_filter_rank *o = j->o;
    int64_t D = o->f.dim;
    float *z = s->users + j->p.block * D;
    for (int64_t q = q0; q < q1; q++) {
        start_list(j, s, q - q0, q);
        recsys__cpu_hops_weigh(&s->h, &o->x, q);
        recsys__cpu_hops_add(&s->h, &o->x, q, s->rows + (q - q0) * j->p.row);
        if (D == 0) continue;
        recsys__cpu_hops_project(&s->h, &o->x, q, z);
        recsys__cpu_dot_pack_user(j->p.tile, s->users, q - q0, z, D);
    }
    recsys__cpu_hops_finish(&s->h);
    for (int64_t u = q1 - q0; D > 0 && u % j->p.tile->rows != 0; u++)
        recsys__cpu_dot_pack_user(j->p.tile, s->users, u, NULL, D);
}

/* What a group needs next of its rows: STEP sums each. */
static void fetch_rows(const job *j, const part *s, int64_t u, int64_t n, int64_t first)
{
    for (int64_t r = u; r < n && r < u + j->p.tile->rows; r++)
        for (int64_t i = 0; i < STEP; i += 16) __builtin_prefetch(s->rows + r * j->p.row + first + i);
}

/* Queries u to u + R - 1 of a block of n against the items of a step. */
static void rank_group(const job *j, const part *s, int64_t u, int64_t n, int64_t first, const uint32_t *open)
{
    enum { SLICES = STEP / VEC_PANEL };
    float y[DOT_ROWS_MOST * STEP], tile[DOT_ROWS_MOST * DOT_WIDTH_MOST];
    int64_t D = j->o->f.dim, W = j->p.tile->width, rows = smaller(j->p.tile->rows, n - u);
    const char *panels = j->shared + first / W * j->p.panel_bytes;
    for (int64_t c = 0; c < STEP && first + c < j->o->to.n_items; c += W, panels += j->p.panel_bytes) {
        int64_t width = smaller(W, j->o->to.n_items - first - c);
        if (D > 0) j->p.tile->scores(tile, s->users + u * D, (const void *)panels, D);
        for (int64_t r = 0; r < rows; r++)
            recsys__cpu_filter_join(&s->h, y + r * STEP + c, s->rows + (u + r) * j->p.row + first + c,
                                    D > 0 ? tile + r * W : NULL, first + c, width);
        for (int64_t i = width; i < W; i++)
            for (int64_t r = 0; r < rows; r++) y[r * STEP + c + i] = 0.0f;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t b = 0; b < SLICES && first + b * VEC_PANEL < j->o->to.n_items; b++)
            offer(j, s->lists + u + r, y + r * STEP + b * VEC_PANEL, first + b * VEC_PANEL, open[b]);
}

static void rank_block(job *j, part *s, int64_t q0, int64_t q1)
{
    int64_t R = j->p.tile->rows, I = j->o->to.n_items, n = q1 - q0;
    prepare_block(j, s, q0, q1);
    for (int64_t first = 0; first < I; first += STEP) {
        uint32_t open[STEP / VEC_PANEL] = { 0 };
        for (int64_t b = 0; first + b * VEC_PANEL < smaller(I, first + STEP); b++)
            open[b] = open_items(&j->o->to, first + b * VEC_PANEL);
        for (int64_t u = 0; u < n; u += R) {
            if (u + R < n) fetch_rows(j, s, u + R, n, first);
            else if (first + STEP < I) fetch_rows(j, s, 0, n, first + STEP);
            rank_group(j, s, u, n, first, open);
        }
    }
    for (int64_t q = q0; q < q1; q++) finish_list(j, s, s->lists + (q - q0), q);
}

static void rank_many(job *j, int32_t threads)
{
    const op_filter_rank *o = j->o;
    int64_t D = o->f.dim, I = o->to.n_items, W = j->p.tile->width, blocks = divide_up(o->to.n_queries, j->p.block);
#pragma omp parallel num_threads(threads)
    {
        part mine = part_of(j, omp_get_thread_num());
#pragma omp for schedule(static)
        for (int64_t p = 0; p < (D > 0 ? divide_up(I, W) : 0); p++)
            recsys__cpu_dot_pack_items(j->p.tile, (void *)(j->shared + p * j->p.panel_bytes), o->f.vectors, NULL, p * W,
                                       smaller(W, I - p * W), D);
#pragma omp for schedule(dynamic, 1)
        for (int64_t b = 0; b < blocks; b++) {
            int64_t q0 = b * j->p.block, q1 = smaller(q0 + j->p.block, o->to.n_queries);
            if (watch_stopped(&j->w)) continue;
            rank_block(j, &mine, q0, q1);
            watch_done(&j->w, q1 - q0);
        }
    }
}

/* ---- few queries ---- */

/* Joins a chunk of a query's row of hops with its inner products, in place. */
static void join_chunk(const job *j, const part *s, float *row, const float *z, int64_t first)
{
    enum { PIECE = 256 };
    float low[PIECE];
    const filter *f = &j->o->f;
    int64_t end = smaller(first + CHUNK, f->n_items);
    for (; first < end; first += PIECE) {
        int64_t n = smaller(PIECE, end - first);
        if (f->dim > 0) j->p.tile->scores_at(low, z, f->vectors + first * f->dim, NULL, n, f->dim);
        recsys__cpu_filter_join(&s->h, row + first, row + first, f->dim > 0 ? low : NULL, first, n);
    }
}

static void rank_row(const job *j, const part *s, const float *row, int64_t q)
{
    shortlist *l = start_list(j, s, 0, q);
    for (int64_t first = 0; first < j->o->to.n_items; first += VEC_PANEL)
        offer(j, l, row + first, first, open_items(&j->o->to, first));
    finish_list(j, s, l, q);
}

static void rank_few(job *j, int32_t threads)
{
    const op_filter_rank *o = j->o;
    int64_t Q = o->to.n_queries, D = o->f.dim, I = o->to.n_items, N = j->p.row, chunks = divide_up(I, CHUNK);
    float *rows = (void *)j->shared, *z = rows + FEW * N;
#pragma omp parallel num_threads(threads)
    {
        part mine = part_of(j, omp_get_thread_num());
#pragma omp for schedule(dynamic, 1)
        for (int64_t q = 0; q < Q; q++) {
            recsys__cpu_hops_weigh(&mine.h, &o->x, q);
            recsys__cpu_hops_add(&mine.h, &o->x, q, rows + q * N);
            if (D > 0) recsys__cpu_hops_project(&mine.h, &o->x, q, z + q * D);
            for (int64_t i = I; i < N; i++) rows[q * N + i] = 0.0f;
        }
#pragma omp for schedule(dynamic, 1)
        for (int64_t piece = 0; piece < Q * chunks; piece++) {
            int64_t q = piece / chunks;
            if (!watch_stopped(&j->w)) join_chunk(j, &mine, rows + q * N, z + q * D, piece % chunks * CHUNK);
        }
#pragma omp for schedule(dynamic, 1)
        for (int64_t q = 0; q < Q; q++) {
            if (watch_stopped(&j->w)) continue;
            rank_row(j, &mine, rows + q * N, q);
            watch_done(&j->w, 1);
        }
    }
}

recsys_status recsys__cpu_filter_rank(op_context *c, const op_filter_rank *o)
{
    if (o->to.n_queries == 0) return RECSYS_OK;
    job j = { .o = o, .rung = recsys__cpu_simd(c->simd) };
    j.p = make_plan(o, recsys__cpu_dot(j.rung), c->threads);
    j.v = recsys__cpu_vec(c->simd);
    j.rule = (shortlist_rule){ .k = o->to.k, .room = recsys__shortlist_room(o->to.k, o->to.n_items) };
    j.shared = c->workspace;
    j.parts = j.shared + j.p.shared_bytes;
    c->rung = j.p.tile->name;
    watch_begin(&j.w, c, o->to.n_queries);
    int32_t threads = threads_worth(c, o->f.n_entries + o->to.n_queries * o->to.n_items * (1 + o->f.dim / 8));
    if (j.p.few) rank_few(&j, threads);
    else rank_many(&j, threads);
    return watch_end(&j.w, "ranking");
}
