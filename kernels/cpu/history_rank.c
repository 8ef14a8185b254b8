/* history_rank.c - the history_rank kernels: by panels of columns for many queries, by rows for few, sparse rows.
 *
 * By panels: 32 columns of P are packed, then all queries run over them, while the next 32 are packed. Between panels a
 * query keeps its shortlist and nothing else. By rows: the threads share the columns of a few queries, whose
 * scores are written out in full, and then the queries. Sparse: a query is added up in a row of its thread's own.
 * All three compute each score by the same chain (precision.h) and offer it in ascending order of items to the same
 * kind of list, so which one runs, on how many threads, shows in nothing but time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/history_rank.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"
#include "kernels/cpu/shortlist.h"
#include "kernels/cpu/watch.h"

/* Queries handed out at a time by panels, and queries that are in work at once by rows. */
enum { PANEL_QUERIES = 64, ROW_QUERIES = 8 };

/* Chunks of columns for each thread, by rows: enough to share them out evenly, few enough to read long runs. */
enum { CHUNKS_PER_THREAD = 4 };

/* Products below which a second thread costs more than it saves. */
enum { PRODUCTS_PER_THREAD = 1 << 17 };

static int64_t round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Packing all panels costs about as much as the rows of I / 2 entries. */
static int by_panels(const op_history_rank *o)
{
    return o->n_entries >= o->to.n_items / 2;
}

/* ---- workspace ---- */

/* What the kernels keep in the workspace; each uses a part of it. */
typedef struct space {
    float *panel[2];      /* N x 32: one in use, one in the making */
    float *scale;         /* by panels 32 for each of the two, by rows N */
    float *rows;          /* whole rows of scores: one for each query in work, or for each thread */
    shortlist *lists;     /* one for each query, or for each thread */
    float *scores;        /* room of the lists */
    int32_t *items;
    uint64_t *sorting;    /* for each thread */
    size_t bytes;
} space;

/* Room for `count` elements behind what was given out before, from a cache line on. NULL: only the size is wanted. */
static void *take(space *w, char *workspace, int64_t count, size_t size)
{
    size_t at = w->bytes;
    w->bytes += ((size_t)count * size + 63) / 64 * 64;
    return workspace ? workspace + at : NULL;
}

/* Entries that a list has room for: a panel's columns are added before the list is cut. */
static int64_t capacity(const op_history_rank *o)
{
    return recsys__shortlist_room(o->to.k, o->to.n_items) + VEC_PANEL;
}

/* Floats of a row of scores, in whole panels. */
static int64_t row_floats(const op_history_rank *o)
{
    return round_up(o->to.n_items, VEC_PANEL);
}

static space lay_out(const op_history_rank *o, int32_t threads, void *workspace)
{
    int sparse = o->weights.row_ptr != NULL, panels = !sparse && by_panels(o);
    int64_t lists = panels ? o->to.n_queries : threads, N = row_floats(o);
    space w = { .bytes = 0 };
    w.lists = take(&w, workspace, lists, sizeof(shortlist));
    w.scores = take(&w, workspace, lists * capacity(o), sizeof(float));
    w.items = take(&w, workspace, lists * capacity(o), sizeof(int32_t));
    w.sorting = take(&w, workspace, threads * 2 * capacity(o), sizeof(uint64_t));
    for (int h = 0; h < 2; h++) w.panel[h] = take(&w, workspace, panels ? N * VEC_PANEL : 0, sizeof(float));
    w.scale = take(&w, workspace, panels ? 2 * VEC_PANEL : sparse ? 0 : N, sizeof(float));
    w.rows = take(&w, workspace, panels ? 0 : sparse ? threads * N : ROW_QUERIES * N, sizeof(float));
    return w;
}

size_t recsys__cpu_history_rank_workspace(const op_history_rank *o, int32_t threads)
{
    return lay_out(o, threads, NULL).bytes;
}

/* One running operation. */
typedef struct job {
    op_context *c;
    const op_history_rank *o;
    const vec *v;
    space w;
    shortlist_rule rule;
} job;

/* ---- lists ---- */

/* Empties list number `place` for query q. */
static shortlist *start_list(const job *j, int64_t place, int64_t q)
{
    const ranking *to = &j->o->to;
    shortlist *l = j->w.lists + place;
    l->score = j->w.scores + place * capacity(j->o);
    l->item = j->w.items + place * capacity(j->o);
    l->mask = l->mask_end = NULL;
    if (to->mask_ptr != NULL) {
        l->mask = to->mask_item + to->mask_ptr[q];
        l->mask_end = to->mask_item + to->mask_ptr[q + 1];
    }
    recsys__shortlist_start(l);
    return l;
}

static void finish_list(const job *j, shortlist *l, int64_t q)
{
    const ranking *to = &j->o->to;
    uint64_t *sorting = j->w.sorting + omp_get_thread_num() * 2 * capacity(j->o);
    recsys__shortlist_finish(l, &j->rule, sorting, to->items + q * to->k, to->scores + q * to->k);
}

/* Bit c: somebody may get item first + c. */
static uint32_t open_columns(const ranking *to, int64_t first)
{
    int64_t n = smaller(VEC_PANEL, to->n_items - first);
    uint32_t bits = n < VEC_PANEL ? ((uint32_t)1 << n) - 1 : UINT32_MAX;
    for (int64_t c = 0; c < n && to->excluded != NULL; c++)
        if (to->excluded[first + c]) bits &= ~((uint32_t)1 << c);
    return bits;
}

/* Adds those of the items from `first` on whose bit is set. */
static void collect(const job *j, shortlist *l, const float *y, uint32_t bits, int64_t first)
{
    int64_t n = l->count;
    for (; bits != 0; bits &= bits - 1) {
        int64_t c = __builtin_ctz(bits);
        l->score[n] = y[c];
        l->item[n] = (int32_t)(first + c);
        n++;
    }
    l->count = n;
    if (n > j->rule.room) recsys__shortlist_cut(l, &j->rule);
}

/* Ranks a whole row of scores for query q; behind the last item it may hold anything. */
static void rank_row(const job *j, const float *y, int64_t q)
{
    shortlist *l = start_list(j, omp_get_thread_num(), q);
    for (int64_t first = 0; first < j->o->to.n_items; first += VEC_PANEL) {
        uint32_t bits = j->v->at_least(y + first, l->floor);
        if (bits != 0) collect(j, l, y + first, bits & open_columns(&j->o->to, first), first);
    }
    finish_list(j, l, q);
}

/* ---- by panels ---- */

/* Panels take turns in the two places. */
static int place_of(int64_t first)
{
    return (int)(first / VEC_PANEL % 2);
}

/* A piece of the panel that begins with column `first`. */
static void pack_piece(const job *j, int64_t first, int64_t piece)
{
    const symmetric *p = &j->o->weights.precision;
    int64_t strips = precision_padded(p->n) / SYMMETRIC_LINE, begin = piece * PRECISION_STRIPS;
    int h = place_of(first);
    recsys__precision_pack(j->w.panel[h], p, first, begin, smaller(begin + PRECISION_STRIPS, strips));
    if (piece == 0) recsys__precision_scale(j->w.scale + h * VEC_PANEL, p, first, first + VEC_PANEL);
}

/* One query against one panel, of whose columns `open` may be had. */
static void rank_in_panel(const job *j, int64_t q, int64_t first, uint32_t open)
{
    _Alignas(64) float y[VEC_PANEL];
    const histories *x = &j->o->x;
    shortlist *l = j->w.lists + q;
    int h = place_of(first);
    int64_t begin = x->ptr[q], n = x->ptr[q + 1] - begin, readable = x->ptr[j->o->to.n_queries] - begin;
    uint32_t bits = j->v->panel_scores(y, j->w.panel[h], x->item + begin, x->val ? x->val + begin : NULL, n, readable,
                                       j->w.scale + h * VEC_PANEL, l->floor);
    if ((bits & open) != 0) collect(j, l, y, bits & open, first);
}

/* A piece of the queries against a panel. */
static void rank_piece(const job *j, int64_t first, int64_t piece)
{
    uint32_t open = open_columns(&j->o->to, first);
    int64_t begin = piece * PANEL_QUERIES, end = smaller(begin + PANEL_QUERIES, j->o->to.n_queries);
    for (int64_t q = begin; q < end; q++) rank_in_panel(j, q, first, open);
}

static recsys_status rank_by_panels(const job *j)
{
    int64_t Q = j->o->to.n_queries, I = j->o->to.n_items;
    int64_t pack_pieces = (precision_padded(I) / SYMMETRIC_LINE + PRECISION_STRIPS - 1) / PRECISION_STRIPS;
    int64_t rank_pieces = (Q + PANEL_QUERIES - 1) / PANEL_QUERIES;
    watch w;
    watch_begin(&w, j->c, (I + VEC_PANEL - 1) / VEC_PANEL);
#pragma omp parallel num_threads(j->c->threads)
    {
#pragma omp for schedule(dynamic, PANEL_QUERIES)
        for (int64_t q = 0; q < Q; q++) start_list(j, q, q);
        for (int64_t first = -VEC_PANEL; first < I; first += VEC_PANEL) {
            int64_t packs = first + VEC_PANEL < I ? pack_pieces : 0, ranks = first < 0 ? 0 : rank_pieces;
#pragma omp for schedule(dynamic, 1)
            for (int64_t piece = 0; piece < packs + ranks; piece++) {
                if (watch_stopped(&w)) continue;
                if (piece < packs) pack_piece(j, first + VEC_PANEL, piece);
                else rank_piece(j, first, piece - packs);
            }
            if (omp_get_thread_num() == 0 && first >= 0) watch_done(&w, 1);
        }
#pragma omp for schedule(dynamic, PANEL_QUERIES)
        for (int64_t q = 0; q < Q; q++) finish_list(j, j->w.lists + q, q);
    }
    return watch_end(&w, "ranking");
}

/* ---- by rows ---- */

/* Scores of query q at the columns from `first` on, `columns` of them or what is left. */
static void score_chunk(const job *j, float *row, int64_t q, int64_t first, int64_t columns)
{
    const histories *x = &j->o->x;
    int64_t begin = x->ptr[q], last = smaller(first + columns, precision_padded(j->o->to.n_items));
    recsys__precision_scores(j->v, row + first, &j->o->weights.precision, x->item + begin,
                             x->val ? x->val + begin : NULL, x->ptr[q + 1] - begin, j->w.scale + first, first, last);
}

static recsys_status rank_by_rows(const job *j)
{
    int64_t Q = j->o->to.n_queries, I = j->o->to.n_items, N = row_floats(j->o);
    int32_t threads = (int32_t)smaller(j->c->threads, 1 + j->o->n_entries * I / PRODUCTS_PER_THREAD);
    int64_t columns = smaller(PRECISION_CHUNK, round_up(I / (CHUNKS_PER_THREAD * (int64_t)threads) + 1, VEC_PANEL));
    int64_t chunks = (I + columns - 1) / columns;
    watch w;
    watch_begin(&w, j->c, (Q + ROW_QUERIES - 1) / ROW_QUERIES);
    for (int64_t q0 = 0; q0 < Q && !watch_stopped(&w); q0 += ROW_QUERIES) {
        int64_t q1 = smaller(q0 + ROW_QUERIES, Q);
#pragma omp parallel num_threads(threads)
        {
#pragma omp for schedule(dynamic, 1)
            for (int64_t chunk = chunks - 1; chunk >= 0; chunk--) { /* those on the right cost most: more lines */
                int64_t first = chunk * columns, last = smaller(first + columns, precision_padded(I));
                if (q0 == 0) recsys__precision_scale(j->w.scale + first, &j->o->weights.precision, first, last);
                for (int64_t q = q0; q < q1; q++) score_chunk(j, j->w.rows + (q - q0) * N, q, first, columns);
            }
#pragma omp for schedule(dynamic, 1)
            for (int64_t q = q0; q < q1; q++) rank_row(j, j->w.rows + (q - q0) * N, q);
        }
        watch_done(&w, 1);
    }
    return watch_end(&w, "ranking");
}

/* ---- sparse weights ---- */

/* One query in a row of sums that is all zeros before and after. */
static void rank_sparse_query(const job *j, float *y, int64_t q)
{
    const item_weights *B = &j->o->weights;
    const histories *x = &j->o->x;
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++) {
        int64_t begin = B->row_ptr[x->item[e]], n = B->row_ptr[x->item[e] + 1] - begin;
        j->v->sparse_row(y, B->col + begin, B->val + begin, n, x->val ? x->val[e] : 1.0f);
    }
    rank_row(j, y, q);
    memset(y, 0, (size_t)j->o->to.n_items * sizeof *y);
}

static recsys_status rank_sparse(const job *j)
{
    int64_t N = row_floats(j->o), Q = j->o->to.n_queries;
    int32_t threads = (int32_t)smaller(j->c->threads, Q);
    watch w;
    watch_begin(&w, j->c, Q);
    memset(j->w.rows, 0, (size_t)(threads * N) * sizeof(float));
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4)
    for (int64_t q = 0; q < Q; q++) {
        if (watch_stopped(&w)) continue;
        rank_sparse_query(j, j->w.rows + omp_get_thread_num() * N, q);
        watch_done(&w, 1);
    }
    return watch_end(&w, "ranking");
}

/* ---- the operation ---- */

recsys_status recsys__cpu_history_rank(op_context *c, const op_history_rank *o)
{
    recsys_status s = recsys__precision_check(c->error, &o->weights);
    if (s || o->to.n_queries == 0) return s;
    job j = { .c = c, .o = o, .v = recsys__cpu_vec(c->simd), .w = lay_out(o, c->threads, c->workspace) };
    j.rule = (shortlist_rule){ .k = o->to.k, .room = recsys__shortlist_room(o->to.k, o->to.n_items) };
    c->rung = j.v->name;
    if (o->weights.row_ptr != NULL) return rank_sparse(&j);
    return by_panels(o) ? rank_by_panels(&j) : rank_by_rows(&j);
}
