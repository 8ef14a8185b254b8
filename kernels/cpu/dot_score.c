/* dot_score.c - the dot_score kernel: inner products at given items, or at all of them.
 *
 * All items: in tiles (dot_tile.h). A thread takes a step of panels, packs it and runs all groups of users over it. For a
 * few queries packing would cost more than it saves, so they read the items as they stand.
 * Given items: chunks of the list, cut without regard to queries, so that one long list keeps all threads busy too.
 * Q queries, I items, D columns; R users in a group, W items in a panel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/dot_score.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dot_tile.h"
#include "kernels/cpu/vec/vec.h"
#include "kernels/cpu/watch.h"

/* Queries up to which items are read unpacked; scores in a chunk; bytes of panels in a step (second-level cache). */
enum { FEW_QUERIES = 3, CHUNK = 4096, STEP_BYTES = 128 << 10 };

/* Multiply-adds that are worth another thread. */
enum { THREAD_WORK = 1 << 20 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- workspace ---- */

static int64_t step_panels(const dot_tile *t, int64_t D)
{
    int64_t n = STEP_BYTES / (t->width * D * 4);
    return n > 1 ? n : 1;
}

static bool in_tiles(const op_dot_score *o)
{
    return !o->at.ptr && o->at.n_queries > FEW_QUERIES;
}

/* Bytes of a thread's part: a step of panels, then a group of users; both whole cache lines. */
static size_t part_bytes(const dot_tile *t, int64_t D)
{
    size_t floats = (size_t)((step_panels(t, D) * t->width + t->rows) * D);
    return (floats * sizeof(float) + 63) / 64 * 64;
}

size_t recsys__cpu_dot_score_workspace(const op_dot_score *o, int32_t threads)
{
    size_t most = 0;
    if (o->dim < 1 || !in_tiles(o)) return 0;
    for (int32_t simd = SIMD_PLAIN; simd <= SIMD_AVX512; simd++) { /* which rung will run is known only then */
        size_t bytes = part_bytes(recsys__cpu_dot(simd), o->dim);
        most = bytes > most ? bytes : most;
    }
    return most * (size_t)threads;
}

/* ---- all items ---- */

/* Scores of users q0..q0+R-1 at the items of a panel that starts at item `first`, copied to where they belong. */
static void score_tile(const op_dot_score *o, const dot_tile *t, const float *users, const float *panel, int64_t q0,
                       int64_t first)
{
    float tile[DOT_ROWS_MOST * DOT_WIDTH_MOST];
    int64_t I = o->at.n_items, n = smaller(t->width, I - first), q1 = smaller(q0 + t->rows, o->at.n_queries);
    t->scores(tile, users, panel, o->dim);
    for (int64_t q = q0; q < q1; q++)
        memcpy(o->at.out + q * I + first, tile + (q - q0) * t->width, (size_t)n * sizeof(float));
}

static void score_step(const op_dot_score *o, const dot_tile *t, float *panels, int64_t first, int64_t n)
{
    int64_t D = o->dim, Q = o->at.n_queries, R = t->rows, W = t->width;
    float *users = panels + step_panels(t, D) * W * D;
    recsys__cpu_dot_pack_items(t, panels, o->items, NULL, first, n, D);
    for (int64_t q = 0; q < Q; q += R) {
        for (int64_t u = 0; u < R; u++)
            recsys__cpu_dot_pack_user(t, users, u, q + u < Q ? o->users + (q + u) * D : NULL, D);
        for (int64_t i = 0; i < n; i += W) score_tile(o, t, users, panels + i * D, q, first + i);
    }
}

static recsys_status score_in_tiles(op_context *c, const op_dot_score *o, const dot_tile *t, int32_t threads)
{
    int64_t I = o->at.n_items, step = step_panels(t, o->dim) * t->width, steps = divide_up(I, step);
    watch w;
    watch_begin(&w, c, steps);
#pragma omp parallel num_threads(threads)
    {
        float *panels = (void *)((char *)c->workspace + (size_t)omp_get_thread_num() * part_bytes(t, o->dim));
#pragma omp for schedule(dynamic, 1)
        for (int64_t s = 0; s < steps; s++) {
            if (watch_stopped(&w)) continue;
            score_step(o, t, panels, s * step, smaller(step, I - s * step));
            watch_done(&w, 1);
        }
    }
    return watch_end(&w, "scoring");
}

static recsys_status score_unpacked(op_context *c, const op_dot_score *o, const dot_tile *t, int32_t threads)
{
    int64_t I = o->at.n_items, D = o->dim, chunks = divide_up(I, CHUNK), total = o->at.n_queries * chunks;
    watch w;
    watch_begin(&w, c, total);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t j = 0; j < total; j++) {
        int64_t q = j / chunks, first = j % chunks * CHUNK;
        if (watch_stopped(&w)) continue;
        t->scores_at(o->at.out + q * I + first, o->users + q * D, o->items + first * D, NULL, smaller(CHUNK, I - first), D);
        watch_done(&w, 1);
    }
    return watch_end(&w, "scoring");
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

static void score_places(const op_dot_score *o, const dot_tile *t, int64_t begin, int64_t end)
{
    const scoring *at = &o->at;
    for (int64_t q = query_of(at, begin), e = begin; e < end; q++) {
        int64_t last = smaller(at->ptr[q + 1], end);
        t->scores_at(at->out + e, o->users + q * o->dim, o->items, at->item + e, last - e, o->dim);
        e = last;
    }
}

static recsys_status score_listed(op_context *c, const op_dot_score *o, const dot_tile *t, int32_t threads)
{
    int64_t first = o->at.ptr[0], last = o->at.ptr[o->at.n_queries], chunks = divide_up(last - first, CHUNK);
    watch w;
    watch_begin(&w, c, chunks);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t j = 0; j < chunks; j++) {
        if (watch_stopped(&w)) continue;
        score_places(o, t, first + j * CHUNK, smaller(first + (j + 1) * CHUNK, last));
        watch_done(&w, 1);
    }
    return watch_end(&w, "scoring");
}

/* ---- entry ---- */

recsys_status recsys__cpu_dot_score(op_context *c, const op_dot_score *o)
{
    if (o->dim < 1)
        return recsys__fail(c->error, RECSYS_ERR_UNSUPPORTED, "dot_score: vectors of %lld columns", (long long)o->dim);
    if (o->at.n_queries == 0) return RECSYS_OK;
    const dot_tile *t = recsys__cpu_dot(recsys__cpu_simd(c->simd));
    c->rung = t->name;
    int64_t places = o->at.ptr ? o->at.ptr[o->at.n_queries] : o->at.n_queries * o->at.n_items;
    double work = (double)places * (double)o->dim / THREAD_WORK;
    int32_t threads = work < c->threads ? (int32_t)work + 1 : c->threads;
    if (o->at.ptr) return score_listed(c, o, t, threads);
    return in_tiles(o) ? score_in_tiles(c, o, t, threads) : score_unpacked(c, o, t, threads);
}
