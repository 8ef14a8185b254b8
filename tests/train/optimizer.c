/* optimizer.c - every rule, its rows touched at random and updated lazily, against the dense rule in double.
 *
 * The reference is written from the rules as torch.optim documents them and holds every row in every step. Its float32
 * companion is the library itself with no parameter declared a table: lazy rows must be about as near to the double
 * reference as that is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer_case.h"

/* Half the distance from 1 to the next float. */
#define ROUNDING 0x1p-24

/* ---- the dense rules in double ---- */

enum { ADAM, ADAMW, SGD, ADAGRAD };

typedef struct plain_rule {
    int kind, nesterov;
    double beta1, beta2, eps, decay, momentum, clip;
    double (*rate)(int64_t t); /* of the step after t */
} plain_rule;

typedef struct reference {
    const world *w;
    plain_rule rule;
    int64_t t;
    double *p[PARAMETERS], *m[PARAMETERS], *v[PARAMETERS];
    double *most[PARAMETERS]; /* m if all gradients had the same sign */
    double *path[PARAMETERS]; /* how far an element would have come then */
} reference;

static reference reference_open(const world *w, plain_rule rule)
{
    reference r = { .w = w, .rule = rule };
    for (int p = 0; p < PARAMETERS; p++) {
        size_t n = (size_t)world_elements(w, p);
        double **all[] = { &r.p[p], &r.m[p], &r.v[p], &r.most[p], &r.path[p] };
        for (int k = 0; k < 5; k++) *all[k] = calloc(n, sizeof(double));
        for (size_t i = 0; i < n; i++) r.p[p][i] = (double)world_start(w, p, (int64_t)i);
    }
    return r;
}

static void reference_close(reference *r)
{
    for (int p = 0; p < PARAMETERS; p++) free(r->p[p]), free(r->m[p]), free(r->v[p]), free(r->most[p]), free(r->path[p]);
}

static double norm_of(const world *w, const step_gradient *g)
{
    double sum = 0.0;
    for (int p = 0; p < PARAMETERS; p++)
        for (int64_t i = 0; i < world_elements(w, p); i++) sum += g->exact[p][i] * g->exact[p][i];
    return sqrt(sum);
}

static void change(reference *r, int p, int64_t i, double g, double lr)
{
    const plain_rule *u = &r->rule;
    double *x = &r->p[p][i], *m = &r->m[p][i], *v = &r->v[p][i], *most = &r->most[p][i], t = (double)(r->t + 1), step, far;
    if (u->kind != ADAMW) g += u->decay * *x;
    if (u->kind == ADAMW) *x -= lr * u->decay * *x;
    if (u->kind == ADAM || u->kind == ADAMW) {
        *m = u->beta1 * *m + (1.0 - u->beta1) * g;
        *most = u->beta1 * *most + (1.0 - u->beta1) * fabs(g);
        *v = u->beta2 * *v + (1.0 - u->beta2) * g * g;
        double below = (sqrt(*v / (1.0 - pow(u->beta2, t))) + u->eps) * (1.0 - pow(u->beta1, t));
        step = *m / below, far = *most / below;
    } else if (u->kind == ADAGRAD) {
        *v += g * g;
        step = g / (sqrt(*v) + u->eps), far = fabs(step);
    } else {
        *m = u->momentum * *m + g;
        *most = u->momentum * *most + fabs(g);
        step = u->nesterov ? g + u->momentum * *m : *m;
        far = u->nesterov ? fabs(g) + u->momentum * *most : *most;
    }
    *x -= lr * step;
    r->path[p][i] += lr * far;
}

static void reference_step(reference *r, const step_gradient *g)
{
    double lr = r->rule.rate(r->t), norm = norm_of(r->w, g);
    double clip = r->rule.clip > 0.0 && norm > r->rule.clip ? r->rule.clip / norm : 1.0;
    for (int p = 0; p < PARAMETERS; p++)
        for (int64_t i = 0; i < world_elements(r->w, p); i++) change(r, p, i, clip * g->exact[p][i], lr);
    r->t++;
}

/* ---- cases ---- */

static double rate_001(int64_t t) { return (void)t, 0.001; }
static double rate_01(int64_t t) { return (void)t, 0.01; }
static double rate_adagrad(int64_t t) { return 0.01 / (1.0 + 0.001 * (double)t); }
static double rate_staircase(int64_t t) { return 0.01 * pow(0.5, (double)(t / 150)); }
static double rate_steps(int64_t t) { return 0.01 * (t >= 400 ? 0.01 : t >= 100 ? 0.1 : 1.0); }
static double rate_linear(int64_t t) { return t >= 500 ? 0.0 : 0.01 * (1.0 - (double)t / 500.0); }

static double rate_cosine(int64_t t)
{
    double done = t < 50 ? 0.0 : (double)(t - 50) / 650.0;
    double rate = 0.001 + 0.009 * 0.5 * (1.0 + cos(acos(-1.0) * done));
    return t < 50 ? rate * (double)(t + 1) / 50.0 : rate;
}

typedef struct rule_case {
    const char *name, *text;
    plain_rule rule;
    int64_t steps;
} rule_case;

#define ADAM_OF(lr) .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .rate = lr

static const rule_case cases[] = {
    { "adam", "", { .kind = ADAM, ADAM_OF(rate_001) }, 900 },
    { "adam", "lr=0.01", { .kind = ADAM, ADAM_OF(rate_01) }, 4500 }, /* into a second chunk of tables */
    { "adam", "lr=0.01,eps=0.001", { .kind = ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-3, .rate = rate_01 }, 700 },
    { "adam", "lr=0.01,schedule=exponential,decay=0.5,decay_steps=150", { .kind = ADAM, ADAM_OF(rate_staircase) }, 700 },
    { "adam", "lr=0.01,schedule=step,decay=0.1,milestones=100:400", { .kind = ADAM, ADAM_OF(rate_steps) }, 700 },
    { "adam", "lr=0.01,schedule=cosine,min_lr=0.001,warmup_steps=50", { .kind = ADAM, ADAM_OF(rate_cosine) }, 700 },
    { "adam", "lr=0.01,schedule=linear,total_steps=500", { .kind = ADAM, ADAM_OF(rate_linear) }, 700 },
    { "adam", "lr=0.01,clip_norm=0.15", { .kind = ADAM, .clip = 0.15, ADAM_OF(rate_01) }, 700 },
    { "adam", "lr=0.01,beta1=0.8,beta2=0.9", { .kind = ADAM, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-8, .rate = rate_01 }, 700 },
    { "adam", "lr=0.01,beta1=0,beta2=0.99", { .kind = ADAM, .beta1 = 0.0, .beta2 = 0.99, .eps = 1e-8, .rate = rate_01 }, 700 },
    { "adam", "beta1=0.9,beta2=0.8", { .kind = ADAM, .beta1 = 0.9, .beta2 = 0.8, .eps = 1e-8, .rate = rate_001 }, 700 },
    { "adam", "lr=0.01,weight_decay=0.01", { .kind = ADAM, .decay = 0.01, ADAM_OF(rate_01) }, 700 },
    { "adamw", "lr=0.01,weight_decay=0.3", { .kind = ADAMW, .decay = 0.3, ADAM_OF(rate_01) }, 4500 },
    { "adamw", "lr=0.01,weight_decay=5,schedule=exponential,decay=0.5,decay_steps=150",
      { .kind = ADAMW, .decay = 5.0, ADAM_OF(rate_staircase) }, 700 },
    { "adamw", "lr=0.01,weight_decay=20", { .kind = ADAMW, .decay = 20.0, ADAM_OF(rate_01) }, 300 },
    { "sgd", "lr=0.01", { .kind = SGD, .rate = rate_01 }, 700 },
    { "sgd", "lr=0.01,momentum=0.9", { .kind = SGD, .momentum = 0.9, .rate = rate_01 }, 4500 },
    { "sgd", "lr=0.01,momentum=0.9,nesterov=true,schedule=exponential,decay=0.5,decay_steps=150",
      { .kind = SGD, .momentum = 0.9, .nesterov = 1, .rate = rate_staircase }, 700 },
    { "sgd", "lr=0.01,momentum=0.999,schedule=linear,total_steps=500",
      { .kind = SGD, .momentum = 0.999, .rate = rate_linear }, 700 },
    { "sgd", "lr=0.01,momentum=0.5,weight_decay=0.1,clip_norm=0.1",
      { .kind = SGD, .momentum = 0.5, .decay = 0.1, .clip = 0.1, .rate = rate_01 }, 700 },
    { "adagrad", "lr_decay=0.001,eps=1e-9", { .kind = ADAGRAD, .eps = 1e-9, .rate = rate_adagrad }, 700 },
    { "adagrad", "weight_decay=0.05", { .kind = ADAGRAD, .eps = 1e-10, .decay = 0.05, .rate = rate_01 }, 700 },
};

/* How far float32 may stray. Each of `steps` changes rounds p twice. A step is off by the errors of m (fed by gradients of
 * both signs, so measured against the path), of v and, with clipping, of the norm: running means gather one rounding or two
 * for each step that they remember. The constant of a step in float (the rate, 1 - beta) adds roundings, and two terms in
 * place of all steps add 4e-7. */
static double tolerance(const reference *r, int p, int64_t i, double largest)
{
    const plain_rule *u = &r->rule;
    double remembered = 8.0;
    if (u->kind == ADAM || u->kind == ADAMW) remembered += 3.0 / (1.0 - u->beta1) + 1.5 / (1.0 - u->beta2);
    if (u->kind == SGD) remembered += 3.0 / (1.0 - u->momentum);
    if (u->kind == ADAGRAD) remembered += (double)r->t;
    double relative = remembered * ROUNDING + (u->kind <= ADAMW ? 4e-7 : 0.0);
    /* Coupled decay feeds errors of p back into m; their effect stays within a few of those made anew. */
    double feedback = u->decay > 0.0 && u->kind != ADAMW ? 4.0 : 1.0;
    return feedback * (relative * r->path[p][i] + 2.0 * ROUNDING * (double)r->t * largest);
}

typedef struct distance {
    double most, squares; /* largest error, sum of squares of all */
} distance;

static distance compare(const rule_case *c, const reference *r, training *t, int must_hold)
{
    distance d = { 0.0, 0.0 };
    for (int p = 0; p < PARAMETERS; p++) {
        float *now = training_look(t, p);
        for (int64_t i = 0; i < world_elements(r->w, p); i++) {
            double off = fabs((double)now[i] - r->p[p][i]), largest = fmax(1.0, fabs(r->p[p][i]));
            if (must_hold && !(off <= tolerance(r, p, i, largest)))
                fail_msg("%s %s, step %lld, parameter %d, element %lld: %.9g, want %.9g (off by %.3g, may be %.3g)", c->name, c->text,
                         (long long)r->t, p, (long long)i, (double)now[i], r->p[p][i], off, tolerance(r, p, i, largest));
            d.most = fmax(d.most, off), d.squares += off * off;
        }
        free(now);
    }
    return d;
}

static void run_case(recsys_exec *x, const rule_case *c)
{
    training lazy = training_open(x, &small, c->name, c->text, 0, c->steps);
    training dense = training_open(x, &small, c->name, c->text, 1, c->steps);
    reference r = reference_open(&small, c->rule);
    step_gradient g = gradient_new(&small);
    for (int64_t t = 0; t < c->steps; t++) {
        double norm, other, want;
        gradient_draw(&small, &g, t);
        want = norm_of(&small, &g);
        assert_true(fabs(recsys__optimizer_learning_rate(lazy.state) - c->rule.rate(t)) <= 1e-12 * c->rule.rate(t));
        expect_ok(x, training_step(&lazy, &g, &norm));
        expect_ok(x, training_step(&dense, &g, &other));
        if (c->rule.clip > 0.0)
            assert_true(fabs(norm - want) <= 1e-12 * want && fabs(other - want) <= 1e-12 * want);
        else
            assert_true(isnan(norm) && isnan(other));
        reference_step(&r, &g);
        if (t % 97 == 5) compare(c, &r, &lazy, 1);
    }
    assert_int_equal(recsys__optimizer_t(lazy.state), c->steps);
    distance l = compare(c, &r, &lazy, 1), d = compare(c, &r, &dense, 1);
    if (getenv("RECSYS_TEST_VERBOSE"))
        print_message("%-8s %-72s lazy %.2e dense %.2e (rms %.2e %.2e)\n", c->name, c->text, l.most, d.most, sqrt(l.squares), sqrt(d.squares));
    /* As near as float32 dense: errors are random, and a factor of two is more than chance. */
    if (l.most > 2.0 * d.most + 1e-7 || l.squares > 4.0 * d.squares + 1e-12)
        fail_msg("%s %s: lazy rows are off by %.3g, dense ones by %.3g", c->name, c->text, l.most, d.most);
    expect_ok(x, recsys__optimizer_finish(lazy.state, x));
    gradient_free(&g);
    reference_close(&r);
    training_close(&lazy);
    training_close(&dense);
}

static void test_rules(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) run_case(f.exec, &cases[k]);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
