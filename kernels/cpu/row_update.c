/* row_update.c - the plain rung of the row updates, which defines the bits, and the steps that a row has missed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/row_update.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/vec/vec.h"

/* ---- plain rung ---- */

static int plain_apply(const update_rule *u, float clip, float *p, float *m, float *v, const float *g, int64_t n)
{
    float check = 0.0f;
    for (int64_t c = 0; c < n; c++) update_element(u, clip, p, m, v, c, g ? g[c] : 0.0f, &check);
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
    for (int64_t i = 0; i < n; i++) out[i] = missed_by_pair(p[i], m[i], v[i], c, kept);
}

static void plain_terms(float *out, const float *p, const float *m, const float *v, lag_terms c, float kept, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float s = sqrtf(v[i]), sum = 0.0f;
        for (int64_t k = 0; k < c.count; k++) sum += c.w[k] / (s + c.e[k]);
        out[i] = missed_by_sum(p[i], m[i], sum, kept);
    }
}

static void plain_glide(float *out, const float *p, const float *m, float weight, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = missed_by_gliding(p[i], m[i], weight);
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

static lag_pair near_pair(lag_work *w, missed_steps k)
{
    if (!w->pair_ready[k.steps]) {
        w->pair[k.steps] = missed_near_pair(&w->rule->lag, k);
        w->pair_ready[k.steps] = 1;
    }
    return w->pair[k.steps];
}

static lag_terms all_terms(lag_work *w, missed_steps k)
{
    const lag_tables *l = &w->rule->lag;
    int64_t count = missed_terms(l, k);
    for (int64_t i = 1; i <= count; i++) missed_term(l, k, i, &w->w[i - 1], &w->e[i - 1]);
    return (lag_terms){ w->w, w->e, count };
}

static void advance(lag_work *w, const updated *table, int64_t r, missed_steps k, float *out)
{
    const update_rule *u = w->rule;
    int64_t D = table->dim, at = r * D;
    const float *p = table->p + at, *m = table->m + at;
    if (u->kind != RULE_ADAM) {
        w->f->glide(out, p, m, missed_glide(u, k), D);
        return;
    }
    const float *v = table->v + at;
    float kept = (float)missed_kept(&u->lag, k);
    if (missed_by_terms(&u->lag, k))
        w->f->terms(out, p, m, v, all_terms(w, k), kept, D);
    else
        w->f->pair(out, p, m, v, k.steps < u->lag.near ? near_pair(w, k) : missed_far_pair(&u->lag, k), kept, D);
}

void recsys__lag_read(lag_work *w, const updated *table, int64_t r, float *out)
{
    missed_steps k = { 0 };
    if (table->last) k = missed_since(w->rule, table->last[r]);
    if (k.steps > 0)
        advance(w, table, r, k, out);
    else
        memcpy(out, table->p + r * table->dim, (size_t)table->dim * sizeof *out);
}

void recsys__lag_catch_up(lag_work *w, const updated *table, int64_t r)
{
    missed_steps k = missed_since(w->rule, table->last[r]);
    if (k.steps == 0) return;
    int64_t at = r * table->dim;
    const float *shrink = w->rule->lag.shrink + 2 * k.steps;
    advance(w, table, r, k, table->p + at);
    w->f->shrink(table->m + at, table->v ? table->v + at : NULL, shrink[0], shrink[1], table->dim);
    table->last[r] = (int32_t)w->rule->t;
}
