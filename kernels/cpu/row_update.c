/* row_update.c - the plain rung of the row updates, which defines the bits, and the steps that a row has missed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/row_update.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/vec/vec.h"

/* ---- plain rung ---- */

/* One element. `check` gathers 0 g g, which is NaN once a g g is not finite. */
static void apply_one(const update_rule *u, float clip, float *p, float *m, float *v, int64_t c, float raw, float *check)
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

static int plain_apply(const update_rule *u, float clip, float *p, float *m, float *v, const float *g, int64_t n)
{
    float check = 0.0f;
    for (int64_t c = 0; c < n; c++) apply_one(u, clip, p, m, v, c, g ? g[c] : 0.0f, &check);
    return check != 0.0f; /* NaN is not 0 */
}

static void plain_sum(float *g, const row_gradient *r, int64_t begin, int64_t end, int64_t n)
{
    for (int64_t c = 0; c < n; c++) g[c] = 0.0f;
    for (int64_t x = begin; x < end; x++) {
        int32_t e = r->index.order[x];
        const float *row = r->source + (r->source_row ? r->source_row[e] : e) * n;
        if (r->weight)
            for (int64_t c = 0; c < n; c++) g[c] = fmaf(r->weight[e], row[c], g[c]);
        else
            for (int64_t c = 0; c < n; c++) g[c] += row[c];
    }
    if (r->scale)
        for (int64_t c = 0; c < n; c++) g[c] *= r->scale[c];
}

static void plain_pair(float *out, const float *p, const float *m, const float *v, lag_pair c, float kept, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float s = sqrtf(v[i]);
        out[i] = fmaf(-m[i], fmaf(c.S, s, c.E) / ((s + c.e1) * (s + c.e2)), kept * p[i]);
    }
}

static void plain_terms(float *out, const float *p, const float *m, const float *v, lag_terms c, float kept, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float s = sqrtf(v[i]), sum = 0.0f;
        for (int64_t k = 0; k < c.count; k++) sum += c.w[k] / (s + c.e[k]);
        out[i] = fmaf(-m[i], sum, kept * p[i]);
    }
}

static void plain_glide(float *out, const float *p, const float *m, float weight, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = fmaf(-weight, m[i], p[i]);
}

static void plain_shrink(float *m, float *v, float m_factor, float v_factor, int64_t n)
{
    for (int64_t i = 0; i < n; i++) m[i] *= m_factor;
    for (int64_t i = 0; v && i < n; i++) v[i] *= v_factor;
}

const row_update *recsys__row_update_plain(void)
{
    static const row_update table = {
        .name = "plain",
        .apply = plain_apply,
        .sum = plain_sum,
        .pair = plain_pair,
        .terms = plain_terms,
        .glide = plain_glide,
        .shrink = plain_shrink,
    };
    return &table;
}

const row_update *recsys__row_update(int32_t simd)
{
    const row_update *fast = recsys__cpu_simd(simd) >= SIMD_AVX2 ? recsys__row_update_avx2() : NULL;
    return fast ? fast : recsys__row_update_plain();
}

/* ---- rows that are behind ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

size_t recsys__lag_workspace(const update_rule *u)
{
    size_t near = (size_t)u->lag.near, loop = (size_t)u->lag.loop_steps;
    return rounded(near * sizeof(lag_pair)) + rounded(near) + 2 * rounded(loop * sizeof(float));
}

lag_work recsys__lag_begin(const update_rule *u, const row_update *f, void *workspace, int32_t thread)
{
    size_t near = (size_t)u->lag.near, loop = (size_t)u->lag.loop_steps;
    char *at = (char *)workspace + (size_t)thread * recsys__lag_workspace(u);
    lag_work w = { .rule = u, .f = f };
    w.pair = (void *)at, at += rounded(near * sizeof(lag_pair));
    w.pair_ready = (void *)at, at += rounded(near);
    w.w = (void *)at, at += rounded(loop * sizeof(float));
    w.e = (void *)at;
    if (near > 0) memset(w.pair_ready, 0, near);
    return w;
}

/* The steps of a row, as places in the tables: from the one it has seen to the one it is brought to. */
typedef struct missed {
    int64_t from, to, steps;
} missed;

static missed missed_by(const update_rule *u, int32_t last)
{
    const lag_tables *l = &u->lag;
    int64_t to = u->t - l->base, from = last - l->base;
    if (from < 0) from = 0;
    if (from > to) from = to;
    return (missed){ from, to, to - from };
}

static double kept_between(const lag_tables *l, missed k)
{
    return l->kept ? l->kept[k.to] / l->kept[k.from] : 1.0;
}

/* With few missed steps, the moments are differences of two sums; these pairs depend on their number alone. */
static lag_pair near_pair(lag_work *w, missed k, double kept)
{
    const lag_tables *l = &w->rule->lag;
    if (!w->pair_ready[k.steps]) {
        double M[LAG_MOMENTS], whole[LAG_MOMENTS];
        for (int j = 0; j < LAG_MOMENTS; j++) {
            whole[j] = l->sums[k.from * LAG_MOMENTS + j] * kept;
            M[j] = whole[j] - l->power[k.steps * LAG_MOMENTS + j] * l->sums[k.to * LAG_MOMENTS + j];
        }
        w->pair[k.steps] = lag_pair_of(M, whole, l->eps);
        w->pair_ready[k.steps] = 1;
    }
    return w->pair[k.steps];
}

static lag_pair far_pair(const lag_tables *l, missed k, double kept)
{
    const float *far = l->far + 4 * k.from;
    return (lag_pair){ far[0] * (float)kept, far[1] * (float)kept, far[2], far[3] };
}

static lag_terms all_terms(lag_work *w, missed k)
{
    const lag_tables *l = &w->rule->lag;
    int64_t count = k.steps < l->loop_steps ? k.steps : l->loop_steps;
    for (int64_t i = 1; i <= count; i++) {
        const double *term = l->term + 2 * (k.from + i), *ratio = l->ratio + 2 * i;
        double kept = l->kept ? l->kept[k.to] / l->kept[k.from + i] : 1.0;
        w->w[i - 1] = (float)(ratio[0] * term[0] * kept);
        w->e[i - 1] = (float)(ratio[1] * term[1]);
    }
    return (lag_terms){ w->w, w->e, count };
}

/* The sum of momentum^k lr over the missed steps. */
static float glide_weight(const update_rule *u, missed k)
{
    const lag_tables *l = &u->lag;
    double sum = l->sums[k.from * LAG_MOMENTS];
    if (k.steps < l->near) sum -= l->power[k.steps * LAG_MOMENTS] * l->sums[k.to * LAG_MOMENTS];
    return (float)(u->kind == RULE_NESTEROV ? sum * (double)u->momentum : sum);
}

static void advance(lag_work *w, const updated *table, int64_t r, missed k, float *out)
{
    const update_rule *u = w->rule;
    int64_t D = table->dim, at = r * D;
    const float *p = table->p + at, *m = table->m + at;
    if (u->kind != RULE_ADAM) {
        w->f->glide(out, p, m, glide_weight(u, k), D);
        return;
    }
    const float *v = table->v + at;
    double kept = kept_between(&u->lag, k);
    if (k.from + u->lag.base < u->lag.loop_below)
        w->f->terms(out, p, m, v, all_terms(w, k), (float)kept, D);
    else
        w->f->pair(out, p, m, v, k.steps < u->lag.near ? near_pair(w, k, kept) : far_pair(&u->lag, k, kept), (float)kept, D);
}

void recsys__lag_read(lag_work *w, const updated *table, int64_t r, float *out)
{
    missed k = { 0 };
    if (table->last) k = missed_by(w->rule, table->last[r]);
    if (k.steps > 0)
        advance(w, table, r, k, out);
    else
        memcpy(out, table->p + r * table->dim, (size_t)table->dim * sizeof *out);
}

void recsys__lag_catch_up(lag_work *w, const updated *table, int64_t r)
{
    missed k = missed_by(w->rule, table->last[r]);
    if (k.steps == 0) return;
    int64_t at = r * table->dim;
    const float *shrink = w->rule->lag.shrink + 2 * k.steps;
    advance(w, table, r, k, table->p + at);
    w->f->shrink(table->m + at, table->v ? table->v + at : NULL, shrink[0], shrink[1], table->dim);
    table->last[r] = (int32_t)w->rule->t;
}
