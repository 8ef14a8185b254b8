/* row_update.h - what a training step, and the steps that a row has missed, do to one element, with the formulas of
 * backend/update_rule.h; and how the squares of gradients are added. Both backends' kernels are made of these functions, so
 * they give the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_ROW_UPDATE_H
#define KERNELS_SHARED_ROW_UPDATE_H

#include <math.h>
#include <stdint.h>

#include "backend/update_rule.h"
#include "base/part_of_caller.h"

/* Element c with gradient `raw`. `check` gathers 0 g g, which is NaN once a g g is not finite. m or v may be NULL where the
 * rule has none. */
PART_OF_CALLER void update_element(const update_rule *u, float clip, float *p, float *m, float *v, int64_t c, float raw,
                                   float *check)
{
    *check = fmaf(raw * raw, 0.0f, *check);
    float g = fmaf(u->l2, p[c], clip * raw);
    switch (u->kind) {
    case RULE_SGD: p[c] = fmaf(-u->rate, g, p[c]); break;
    case RULE_MOMENTUM:
        m[c] = fmaf(u->momentum, m[c], g);
        p[c] = fmaf(-u->rate, m[c], p[c]);
        break;
    case RULE_NESTEROV:
        m[c] = fmaf(u->momentum, m[c], g);
        p[c] = fmaf(-u->rate, fmaf(u->momentum, m[c], g), p[c]);
        break;
    case RULE_ADAGRAD:
        v[c] = fmaf(g, g, v[c]);
        p[c] = fmaf(-u->rate, g / (sqrtf(v[c]) + u->eps), p[c]);
        break;
    default:
        m[c] = fmaf(u->u1, g - m[c], m[c]);
        v[c] = fmaf(u->u2, fmaf(g, g, -v[c]), v[c]);
        p[c] = fmaf(-u->rate, m[c] / fmaf(u->inverse_root, sqrtf(v[c]), u->eps), fmaf(-u->fade, p[c], p[c]));
    }
}

/* ---- rows that are behind ---- */

/* The steps of a row, as places in the tables: from the one it has seen to the one it is brought to. */
typedef struct missed_steps {
    int64_t from, to, steps;
} missed_steps;

PART_OF_CALLER missed_steps missed_since(const update_rule *u, int32_t last)
{
    const lag_tables *l = &u->lag;
    int64_t to = u->t - l->base, from = last - l->base;
    if (from < 0) from = 0;
    if (from > to) from = to;
    missed_steps k = { from, to, to - from };
    return k;
}

/* Whether the sum over the steps is made of as many terms, else of two. */
PART_OF_CALLER int missed_by_terms(const lag_tables *l, missed_steps k)
{
    return k.from + l->base < l->loop_below;
}

PART_OF_CALLER double missed_kept(const lag_tables *l, missed_steps k)
{
    return l->kept ? l->kept[k.to] / l->kept[k.from] : 1.0;
}

/* With few missed steps, the moments are differences of two sums; these pairs depend on their number alone. */
PART_OF_CALLER lag_pair missed_near_pair(const lag_tables *l, missed_steps k)
{
    double M[LAG_MOMENTS], whole[LAG_MOMENTS], kept = missed_kept(l, k);
    for (int j = 0; j < LAG_MOMENTS; j++) {
        whole[j] = l->sums[k.from * LAG_MOMENTS + j] * kept;
        M[j] = whole[j] - l->power[k.steps * LAG_MOMENTS + j] * l->sums[k.to * LAG_MOMENTS + j];
    }
    return lag_pair_of(M, whole, l->eps);
}

PART_OF_CALLER lag_pair missed_far_pair(const lag_tables *l, missed_steps k)
{
    const float *far = l->far + 4 * k.from;
    float kept = (float)missed_kept(l, k);
    lag_pair pair = { far[0] * kept, far[1] * kept, far[2], far[3] };
    return pair;
}

/* How many terms, and term i = 1, 2, ... as w / (s + e). */
PART_OF_CALLER int64_t missed_terms(const lag_tables *l, missed_steps k)
{
    return k.steps < l->loop_steps ? k.steps : l->loop_steps;
}

PART_OF_CALLER void missed_term(const lag_tables *l, missed_steps k, int64_t i, float *w, float *e)
{
    const double *term = l->term + 2 * (k.from + i), *ratio = l->ratio + 2 * i;
    double kept = l->kept ? l->kept[k.to] / l->kept[k.from + i] : 1.0;
    *w = (float)(ratio[0] * term[0] * kept);
    *e = (float)(ratio[1] * term[1]);
}

/* The sum of momentum^k lr over the steps. */
PART_OF_CALLER float missed_glide(const update_rule *u, missed_steps k)
{
    const lag_tables *l = &u->lag;
    double sum = l->sums[k.from * LAG_MOMENTS];
    if (k.steps < l->near) sum -= l->power[k.steps * LAG_MOMENTS] * l->sums[k.to * LAG_MOMENTS];
    return (float)(u->kind == RULE_NESTEROV ? sum * (double)u->momentum : sum);
}

/* An element after them: by two terms, by the sum of all, and by gliding. */
PART_OF_CALLER float missed_by_pair(float p, float m, float v, lag_pair c, float kept)
{
    float s = sqrtf(v);
    return fmaf(-m, fmaf(c.S, s, c.E) / ((s + c.e1) * (s + c.e2)), kept * p);
}

PART_OF_CALLER float missed_by_sum(float p, float m, float sum, float kept)
{
    return fmaf(-m, sum, kept * p);
}

PART_OF_CALLER float missed_by_gliding(float p, float m, float weight)
{
    return fmaf(-weight, m, p);
}

/* ---- pieces of tables, and squares ---- */

enum { PIECE_ELEMENTS = 1024 };

/* Rows of one piece of work: a table is cut without regard to the number of threads. */
PART_OF_CALLER int64_t piece_rows(int64_t dim)
{
    return dim >= PIECE_ELEMENTS ? 1 : PIECE_ELEMENTS / (dim > 0 ? dim : 1);
}

PART_OF_CALLER int64_t piece_count(int64_t rows, int64_t dim)
{
    int64_t one = piece_rows(dim);
    return rows / one + (rows % one != 0);
}

/* A sum of squares as four chains, so that additions need not wait for each other. */
typedef struct square_chains {
    double sum[4];
} square_chains;

/* n is a multiple of 4 where more follows. */
PART_OF_CALLER void add_squares(square_chains *s, const float *g, int64_t n)
{
    int64_t c = 0;
    for (; c + 4 <= n; c += 4)
        for (int i = 0; i < 4; i++) s->sum[i] += (double)g[c + i] * (double)g[c + i];
    for (int i = 0; i < 3; i++)
        if (c + i < n) s->sum[i] += (double)g[c + i] * (double)g[c + i];
}

PART_OF_CALLER double sum_of_squares(const square_chains *s)
{
    return (s->sum[0] + s->sum[1]) + (s->sum[2] + s->sum[3]);
}

/* What a gradient is multiplied by so that its norm is at most `most`. */
PART_OF_CALLER float clip_factor(double norm, double most)
{
    return norm <= most ? 1.0f : (float)(most / norm); /* NaN goes the second way */
}

#endif
