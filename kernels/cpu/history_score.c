/* history_score.c - the history_score kernels: by rows of P for all items, element by element for listed ones.
 *
 * Every score is the chain of precision.h, whichever way it is reached.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/history_score.h"

#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/precision.h"
#include "kernels/cpu/watch.h"

/* Listed scores handed out at a time. */
enum { LISTED_PIECE = 256 };

typedef struct job {
    const op_history_score *o;
    const vec *v;
    float *scale;  /* 1 / P_jj, N of them: all items only */
    float *own;    /* thread_floats() for each thread */
} job;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sparse weights: a row of sums. P at all items: a chunk of one. P at listed items: nothing. */
static int64_t thread_floats(const op_history_score *o)
{
    if (o->weights.row_ptr != NULL) return (o->at.n_items + 15) / 16 * 16;
    return o->at.ptr == NULL ? PRECISION_CHUNK : 0;
}

static int64_t scale_floats(const op_history_score *o)
{
    int needed = o->weights.row_ptr == NULL && o->at.ptr == NULL;
    return needed ? (precision_padded(o->at.n_items) + 15) / 16 * 16 : 0;
}

size_t recsys__cpu_history_score_workspace(const op_history_score *o, int32_t threads)
{
    return (size_t)(scale_floats(o) + threads * thread_floats(o)) * sizeof(float);
}

static float *own_floats(const job *j)
{
    return j->own + omp_get_thread_num() * thread_floats(j->o);
}

/* The values of query q's history, or NULL. */
static const float *values(const histories *x, int64_t q)
{
    return x->val ? x->val + x->ptr[q] : NULL;
}

/* ---- P at all items ---- */

static void score_chunk(const job *j, int64_t q, int64_t first)
{
    const histories *x = &j->o->x;
    int64_t I = j->o->at.n_items, last = smaller(first + PRECISION_CHUNK, precision_padded(I));
    float *y = own_floats(j); /* not `out`: the padding of a row would fall on the next one */
    recsys__precision_scores(j->v, y, &j->o->weights.precision, x->item + x->ptr[q], values(x, q),
                             x->ptr[q + 1] - x->ptr[q], j->scale + first, first, last);
    memcpy(j->o->at.out + q * I + first, y, (size_t)(smaller(last, I) - first) * sizeof *y);
}

static recsys_status score_all(op_context *c, const job *j)
{
    int64_t Q = j->o->at.n_queries, N = precision_padded(j->o->at.n_items);
    int64_t chunks = (N + PRECISION_CHUNK - 1) / PRECISION_CHUNK;
    watch w;
    watch_begin(&w, c, Q * chunks);
#pragma omp parallel num_threads(c->threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (int64_t first = 0; first < N; first += PRECISION_CHUNK)
            recsys__precision_scale(j->scale + first, &j->o->weights.precision, first,
                                    smaller(first + PRECISION_CHUNK, N));
#pragma omp for schedule(dynamic, 1)
        for (int64_t piece = 0; piece < Q * chunks; piece++) {
            if (watch_stopped(&w)) continue;
            score_chunk(j, piece / chunks, piece % chunks * PRECISION_CHUNK);
            watch_done(&w, 1);
        }
    }
    return watch_end(&w, "scoring");
}

/* ---- P at listed items ---- */

/* The query that listed score e belongs to: the last one that begins at or before it. */
static int64_t query_of(const scoring *at, int64_t e)
{
    int64_t low = 0, high = at->n_queries - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (at->ptr[middle] <= e) low = middle;
        else high = middle - 1;
    }
    return low;
}

static recsys_status score_listed(op_context *c, const job *j)
{
    const scoring *at = &j->o->at;
    const histories *x = &j->o->x;
    int64_t begin = at->ptr[0], end = at->ptr[at->n_queries];
    watch w;
    watch_begin(&w, c, (end - begin + LISTED_PIECE - 1) / LISTED_PIECE);
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 1)
    for (int64_t first = begin; first < end; first += LISTED_PIECE) {
        if (watch_stopped(&w)) continue;
        int64_t q = query_of(at, first);
        for (int64_t e = first; e < smaller(first + LISTED_PIECE, end); e++) {
            while (at->ptr[q + 1] <= e) q++;
            at->out[e] = recsys__precision_score(&j->o->weights.precision, x->item + x->ptr[q], values(x, q),
                                                 x->ptr[q + 1] - x->ptr[q], at->item[e]);
        }
        watch_done(&w, 1);
    }
    return watch_end(&w, "scoring");
}

/* ---- sparse weights ---- */

/* Adds up query q in a row that is all zeros before and after. */
static void score_sparse_query(const job *j, int64_t q)
{
    const item_weights *B = &j->o->weights;
    const histories *x = &j->o->x;
    const scoring *at = &j->o->at;
    float *y = own_floats(j);
    for (int64_t e = x->ptr[q]; e < x->ptr[q + 1]; e++) {
        int64_t begin = B->row_ptr[x->item[e]], n = B->row_ptr[x->item[e] + 1] - begin;
        j->v->sparse_row(y, B->col + begin, B->val + begin, n, x->val ? x->val[e] : 1.0f);
    }
    size_t row_bytes = (size_t)at->n_items * sizeof *y;
    if (at->ptr == NULL) memcpy(at->out + q * at->n_items, y, row_bytes);
    else
        for (int64_t e = at->ptr[q]; e < at->ptr[q + 1]; e++) at->out[e] = y[at->item[e]];
    memset(y, 0, row_bytes);
}

static recsys_status score_sparse(op_context *c, const job *j)
{
    watch w;
    watch_begin(&w, c, j->o->at.n_queries);
    memset(j->own, 0, (size_t)(c->threads * thread_floats(j->o)) * sizeof(float));
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 4)
    for (int64_t q = 0; q < j->o->at.n_queries; q++) {
        if (watch_stopped(&w)) continue;
        score_sparse_query(j, q);
        watch_done(&w, 1);
    }
    return watch_end(&w, "scoring");
}

/* ---- the operation ---- */

recsys_status recsys__cpu_history_score(op_context *c, const op_history_score *o)
{
    recsys_status s = recsys__precision_check(c->error, &o->weights);
    if (s || o->at.n_queries == 0) return s;
    job j = { .o = o, .v = recsys__cpu_vec(c->simd), .scale = c->workspace };
    j.own = j.scale + scale_floats(o);
    c->rung = j.v->name;
    if (o->weights.row_ptr != NULL) return score_sparse(c, &j);
    return o->at.ptr == NULL ? score_all(c, &j) : score_listed(c, &j);
}
