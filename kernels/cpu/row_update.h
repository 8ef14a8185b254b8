/* row_update.h - what the optimizer's kernels do to a run of elements, on each rung, and how they share out rows.
 *
 * Every rung gives the bits of the plain one: elements are independent, and each is made by the same chain of fma, correctly
 * rounded roots and quotients.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_ROW_UPDATE_H
#define KERNELS_CPU_ROW_UPDATE_H

#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/op/optimize.h"
#include "kernels/shared/row_update.h"

/* A sum of any number of terms w_k / (s + e_k). */
typedef struct lag_terms {
    const float *w, *e;
    int64_t count;
} lag_terms;

/* Functions over n elements. `out` may be `p`. */
typedef struct row_update {
    const char *name;

    /* The rule with gradient g (NULL: 0). Gives 0 if every g g is finite. */
    int (*apply)(const update_rule *u, float clip, float *p, float *m, float *v, const float *g, int64_t n);

    /* g = the sum of the entries order[begin..end-1] of a row gradient. */
    void (*sum)(float *g, const row_gradient *r, int64_t begin, int64_t end, int64_t n);

    /* out = kept p - m (sum over the terms), s = sqrt(v). */
    void (*pair)(float *out, const float *p, const float *m, const float *v, lag_pair c, float kept, int64_t n);
    void (*terms)(float *out, const float *p, const float *m, const float *v, lag_terms c, float kept, int64_t n);

    /* out = p - weight m. */
    void (*glide)(float *out, const float *p, const float *m, float weight, int64_t n);

    /* m = m_factor m, v = v_factor v; v may be NULL. */
    void (*shrink)(float *m, float *v, float m_factor, float v_factor, int64_t n);
} row_update;

/* The table of the highest rung that `simd` allows. */
const row_update *recsys__row_update(int32_t simd);
const row_update *recsys__row_update_plain(void);
const row_update *recsys__row_update_avx2(void); /* NULL where there is none */

/* ---- rows that are behind ---- */

/* What one thread needs for it. */
typedef struct lag_work {
    const update_rule *rule;
    const row_update *f;
    lag_pair *pair;       /* near: pairs for K missed steps up to rule->t, */
    uint8_t *pair_ready;  /* 1 once pair[K] is made */
    float *w, *e;         /* loop_steps */
} lag_work;

/* Bytes of workspace for a thread, and the work laid out in them. */
size_t recsys__lag_workspace(const update_rule *u);
lag_work recsys__lag_begin(const update_rule *u, const row_update *f, void *workspace, int32_t thread);

/* Row r of the table at step rule->t, to `out`. */
void recsys__lag_read(lag_work *w, const updated *table, int64_t r, float *out);

/* The row itself, its state and its `last`. */
void recsys__lag_catch_up(lag_work *w, const updated *table, int64_t r);

/* ---- shares ---- */

/* Threads that work of so many pieces is worth: below four pieces each, opening a region costs more than it gives. */
static inline int32_t piece_threads(int64_t pieces, int32_t threads)
{
    int64_t most = pieces / 4 < 1 ? 1 : pieces / 4;
    return most < threads ? (int32_t)most : threads;
}

/* Fetches a row ahead of its turn, no more than AHEAD_LINES of it: what follows the processor finds itself. */
static inline void fetch_row(const float *row, int64_t dim)
{
    enum { AHEAD_LINES = 8, LINE = 16 };
    int64_t n = dim < AHEAD_LINES * LINE ? dim : AHEAD_LINES * LINE;
    for (int64_t c = 0; c < n; c += LINE) __builtin_prefetch(row + c, 1);
}

static inline void fetch_table_row(const updated *table, int64_t r)
{
    int64_t at = r * table->dim;
    if (table->last) __builtin_prefetch(table->last + r, 1);
    fetch_row(table->p + at, table->dim);
    if (table->m) fetch_row(table->m + at, table->dim);
    if (table->v) fetch_row(table->v + at, table->dim);
}

enum { ROWS_FETCHED_AHEAD = 12 };

#endif
