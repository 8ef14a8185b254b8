/* update_case.h - what the tests of the optimizer's kernels share: a lazy table, its rule with hand-made tables of lag, and
 * the steps that a row has missed, one by one in double.
 *
 * The tables follow backend/update_rule.h and are made here by plain sums, not by the library's recursion.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_UPDATE_CASE_H
#define TESTS_OP_UPDATE_CASE_H

#include "kernel_case.h"

#include "backend/op/catch_up.h"
#include "kernels/cpu/vec/vec.h"

enum { STEPS = 900 };

/* beta1, beta2, eps and the learning rate of step t (1, 2, ...), which halves every 100 steps; decoupled decay. */
typedef struct lag_case {
    int kind; /* RULE_* */
    double beta1, beta2, eps, momentum, decay;
    int64_t loop_below, loop_steps, near;
} lag_case;

static const lag_case lag_cases[] = {
    { RULE_ADAM, 0.9, 0.999, 1e-8, 0.0, 0.0, 290, 220, 410 },  /* both forms of the sum */
    { RULE_ADAM, 0.9, 0.999, 1e-3, 0.0, 0.5, 290, 230, 420 },
    { RULE_ADAM, 0.5, 0.9, 1e-8, 0.0, 0.0, INT64_MAX, 60, 0 }, /* always term by term */
    { RULE_MOMENTUM, 0.0, 0.0, 0.0, 0.9, 0.0, 0, 0, 400 },
    { RULE_NESTEROV, 0.0, 0.0, 0.0, 0.8, 0.0, 0, 0, 200 },
};
enum { LAG_CASES = sizeof lag_cases / sizeof *lag_cases };

static inline double case_rate(int64_t t) { return 0.01 * pow(0.5, (double)((t - 1) / 100)); }

static inline double case_root(const lag_case *c, int64_t t) { return sqrt(1.0 - pow(c->beta2, (double)t)); }

static inline double case_change(const lag_case *c, int64_t t)
{
    if (c->kind != RULE_ADAM) return case_rate(t);
    return case_rate(t) * case_root(c, t) / (1.0 - pow(c->beta1, (double)t));
}

static inline double case_kept(const lag_case *c, int64_t from, int64_t to)
{
    double kept = 1.0;
    for (int64_t t = from + 1; t <= to; t++) kept *= 1.0 - case_rate(t) * c->decay;
    return kept;
}

/* The rule of step t + 1 and tables for the steps 0..STEPS. */
static inline update_rule case_rule(const lag_case *c, int64_t t)
{
    update_rule u = { .kind = c->kind, .rate = (float)case_rate(t + 1), .inverse_root = 1.0f, .momentum = (float)c->momentum,
                      .fade = (float)(case_rate(t + 1) * c->decay), .u1 = (float)(1.0 - c->beta1),
                      .u2 = (float)(1.0 - c->beta2), .eps = (float)c->eps, .t = t };
    int64_t n = STEPS + 1;
    double ratio[LAG_MOMENTS];
    for (int j = 0; j < LAG_MOMENTS; j++)
        ratio[j] = c->kind == RULE_ADAM ? c->beta1 * pow(c->beta2, -0.5 * (1 + j)) : c->momentum;
    double *sums = case_array(n * LAG_MOMENTS, 8), *power = case_array(c->near * LAG_MOMENTS, 8), *kept = case_array(n, 8);
    double *term = case_array(n * 2, 8), *powers = case_array((c->loop_steps + 1) * 2, 8);
    double *root = case_array(n, 8);
    float *far = case_floats(n * 4), *shrink = case_floats(n * 2);
    for (int64_t i = 0; i < n; i++) {
        kept[i] = case_kept(c, 0, i);
        shrink[2 * i] = (float)pow(c->kind == RULE_ADAM ? c->beta1 : c->momentum, (double)i);
        shrink[2 * i + 1] = (float)pow(c->beta2, (double)i);
        root[i] = case_root(c, i);
        term[2 * i] = i > 0 ? case_change(c, i) : 0.0;
        term[2 * i + 1] = c->eps * case_root(c, i);
    }
    for (int64_t i = 0; i < n; i++) { /* each sum by itself, up to where its terms vanish */
        for (int j = 0; j < LAG_MOMENTS; j++) {
            double sum = 0.0, power_k = ratio[j];
            for (int64_t k = 1; k <= 500 && i + k < n; k++, power_k *= ratio[j]) {
                double a = power_k * term[2 * (i + k)] * kept[i] / kept[i + k];
                for (int l = 0; l < j; l++) a *= root[i + k];
                sum += a;
            }
            sums[i * LAG_MOMENTS + j] = sum;
        }
        lag_pair pair = lag_pair_of(sums + i * LAG_MOMENTS, sums + i * LAG_MOMENTS, c->eps);
        memcpy(far + 4 * i, &pair, sizeof pair);
    }
    for (int64_t k = 0; k < c->near; k++)
        for (int j = 0; j < LAG_MOMENTS; j++) power[k * LAG_MOMENTS + j] = pow(ratio[j], (double)k);
    for (int64_t k = 0; k <= c->loop_steps; k++)
        powers[2 * k] = pow(ratio[0], (double)k), powers[2 * k + 1] = pow(c->beta2, -0.5 * (double)k);
    u.lag = (lag_tables){ 0, STEPS, c->loop_below, c->loop_steps, c->near, c->eps, sums, power,
                          c->decay > 0.0 ? kept : NULL, far, term, powers, shrink };
    if (c->decay <= 0.0) free(kept);
    free(root);
    if (c->kind == RULE_ADAM) {
        u.rate = (float)(case_rate(t + 1) / (1.0 - pow(c->beta1, (double)(t + 1))));
        u.inverse_root = (float)(1.0 / case_root(c, t + 1));
    }
    return u;
}

static inline void case_free_rule(update_rule *u)
{
    const void *all[] = { u->lag.sums, u->lag.power, u->lag.kept, u->lag.far, u->lag.term, u->lag.ratio, u->lag.shrink };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free((void *)(uintptr_t)all[k]);
}

/* A table in the middle of a training: rows at any step up to `t`, gradients seen so far from 1 down to 1e-9. */
static inline updated case_table(const lag_case *c, int64_t N, int64_t D, int64_t t, uint64_t seed)
{
    updated a = { N, D, case_floats(N * D), case_floats(N * D), NULL, case_array(N, sizeof(int32_t)) };
    if (c->kind == RULE_ADAM) a.v = case_floats(N * D);
    for (int64_t r = 0; r < N; r++) a.last[r] = (int32_t)(test_random(&seed) % (uint64_t)(t + 1));
    for (int64_t i = 0; i < N * D; i++) {
        double g = pow(10.0, -9.0 * test_random_unit(&seed));
        a.p[i] = (float)(2.0 * test_random_unit(&seed) - 1.0);
        a.m[i] = (float)((2.0 * test_random_unit(&seed) - 1.0) * g);
        if (a.v) a.v[i] = (float)(g * g * test_random_unit(&seed));
    }
    return a;
}

static inline void case_free_table(updated *a)
{
    free(a->p), free(a->m), free(a->v), free(a->last);
}

static inline float *case_copy_floats(const float *from, int64_t n)
{
    float *to = from ? case_floats(n) : NULL;
    for (int64_t i = 0; to && i < n; i++) to[i] = from[i];
    return to;
}

static inline updated case_copy_table(const updated *a)
{
    int64_t n = a->n_rows * a->dim;
    int32_t *last = case_array(a->n_rows, sizeof *last);
    for (int64_t r = 0; r < a->n_rows; r++) last[r] = a->last[r];
    return (updated){ a->n_rows, a->dim, case_copy_floats(a->p, n), case_copy_floats(a->m, n), case_copy_floats(a->v, n), last };
}

/* One element after the steps from + 1..to without gradient, and how far it may be off: a rounding or two of p, some of the
 * sum, and what two terms in place of all are worth. */
typedef struct moved {
    double p, m, v, bound;
} moved;

static inline moved case_missed(const lag_case *c, double p, double m, double v, int64_t from, int64_t to)
{
    moved e = { p, m, v, 0.0 };
    double path = 0.0;
    for (int64_t t = from + 1; t <= to; t++) {
        double step;
        if (c->kind == RULE_ADAM) {
            e.m *= c->beta1, e.v *= c->beta2;
            e.p *= 1.0 - case_rate(t) * c->decay;
            step = case_rate(t) / (1.0 - pow(c->beta1, (double)t)) * e.m / (sqrt(e.v) / case_root(c, t) + c->eps);
        } else {
            e.m *= c->momentum;
            step = case_rate(t) * (c->kind == RULE_NESTEROV ? c->momentum * e.m : e.m);
        }
        e.p -= step;
        path += fabs(step);
    }
    e.bound = ROUNDING * (4.0 * fabs(p) + 2.0 * path) + (c->kind == RULE_ADAM ? 230.0 * ROUNDING * 0.1 + 1e-6 : 8.0 * ROUNDING) * path;
    return e;
}

#endif
