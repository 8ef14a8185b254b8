/* trained_case.h - what the tests of scoring with trained models share: data, a model of each kind, what a model holds, and the
 * formulas of the scores in double, worked out from the tensors that the public API shows.
 *
 * 46 users of whom the last 6 were never trained, 34 items of which the last 4 were never seen.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODEL_TRAINED_CASE_H
#define TESTS_MODEL_TRAINED_CASE_H

#include <stdio.h>

#include "train/training_case.h"

enum { U = 46, I = 34, TRAINED_USERS = 40, TRAINED_ITEMS = 30, WIDEST = 64, ROOM = 24 };

typedef struct kind {
    const char *name, *params;
    const char *tensors; /* names in the order of the list */
    const char *cached;  /* a tensor that scoring keeps something computed of */
} kind;

#define LAYER(l) "layer" #l "_weight layer" #l "_bias "
static const kind kinds[] = {
    { "gmf", "dim=6", "user_embedding item_embedding predict_weight predict_bias", NULL },
    { "mlp", "dim=4,layers=2,dropout=0.1", "user_embedding item_embedding " LAYER(1) LAYER(2) "predict_weight predict_bias",
      "item_embedding" },
    { "neumf", "dim=4,layers=3",
      "gmf_user_embedding gmf_item_embedding mlp_user_embedding mlp_item_embedding " LAYER(1) LAYER(2) LAYER(3)
      "predict_weight predict_bias", "mlp_item_embedding" },
    { "cdae", "hidden=7", "input_weight user_embedding hidden_bias output_weight output_bias", "output_bias" },
    { "cdae", "hidden=5,activation=tanh,output=sampled", "input_weight user_embedding hidden_bias output_weight output_bias",
      "output_weight" },
    { "cdae", "hidden=5,activation=identity", "input_weight user_embedding hidden_bias output_weight output_bias", "output_weight" },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct world {
    fixture f;
    recsys_exec *x;
    recsys_dataset *train;
    uint8_t has[U][I];
} world;

static inline recsys_dataset *data_of(recsys_exec *x, uint8_t has[U][I])
{
    static int64_t user[U * I], item[U * I];
    int64_t n = 0;
    for (int u = 0; u < U; u++)
        for (int i = 0; i < I; i++)
            if (has[u][i])
                user[n] = u, item[n++] = i;
    return case_events(x, "46", "34", user, item, NULL, n);
}

static inline void world_open(world *w, int32_t threads)
{
    uint64_t seed = 5;
    fixture_open(&w->f, threads);
    w->x = w->f.exec;
    memset(w->has, 0, sizeof w->has);
    for (int u = 0; u < TRAINED_USERS; u++)
        for (int i = 0; i < TRAINED_ITEMS; i++)
            w->has[u][i] = i == u % TRAINED_ITEMS || test_random_unit(&seed) < ((u + i) % 3 == 0 ? 0.5 : 0.1);
    w->train = data_of(w->x, w->has);
}

static inline void world_close(world *w)
{
    recsys_dataset_release(w->train);
    fixture_close(&w->f);
}

/* `more` is added to the kind's parameters; `verified` may be NULL. */
static inline recsys_model *fit_with(world *w, const kind *k, const char *more, const recsys_dataset *verified, int without_histories)
{
    char text[256];
    recsys_fit_options fit_options = RECSYS_FIT_OPTIONS_INIT;
    recsys_training how = RECSYS_TRAINING_INIT;
    recsys_optimizer *adam = case_optimizer(w->x, "adam", "lr=0.05");
    snprintf(text, sizeof text, "%s%s", k->params, more);
    recsys_params *p = case_params(w->x, k->name, text);
    recsys_model *m;
    how.optimizer = adam;
    how.epochs = 2;
    how.verified = verified;
    how.batch_size = strcmp(k->name, "cdae") == 0 ? 15 : 100;
    fit_options.training = &how;
    fit_options.without_histories = without_histories;
    expect_ok(w->x, recsys_model_fit(p, w->train, w->x, &fit_options, &m));
    recsys_params_release(p);
    recsys_optimizer_release(adam);
    return m;
}

static inline recsys_model *fit(world *w, const kind *k, int without_histories)
{
    return fit_with(w, k, "", NULL, without_histories);
}

/* ---- what a model holds ---- */

typedef struct numbers {
    char name[32];
    int64_t shape[2], count;
    float *at;
} numbers;

typedef struct contents {
    const char *params;
    int64_t count;
    numbers of[ROOM];
} contents;

static inline contents contents_of(recsys_exec *x, const recsys_model *m)
{
    contents c = { .params = recsys_model_params(m), .count = recsys_model_tensor_count(m) };
    assert_in_range(c.count, 1, ROOM);
    for (int64_t t = 0; t < c.count; t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        numbers *n = &c.of[t];
        assert_int_equal(recsys_model_tensor_info(m, t, &info), RECSYS_OK);
        assert_true(info.dtype == RECSYS_F32 && info.rank <= 2 && info.derived == 0 && info.doc[0] != '\0');
        snprintf(n->name, sizeof n->name, "%s", info.name);
        memcpy(n->shape, info.shape, sizeof n->shape);
        n->count = info.shape[0] * info.shape[1];
        n->at = malloc((size_t)n->count * sizeof *n->at);
        assert_non_null(n->at);
        expect_ok(x, recsys_model_read_tensor(m, x, info.name, 0, info.shape[0], n->at));
    }
    return c;
}

static inline void contents_free(contents *c)
{
    for (int64_t t = 0; t < c->count; t++)
        free(c->of[t].at);
}

static inline const numbers *maybe(const contents *c, const char *name)
{
    for (int64_t t = 0; t < c->count; t++)
        if (strcmp(c->of[t].name, name) == 0)
            return &c->of[t];
    return NULL;
}

static inline const float *row(const contents *c, const char *name, int64_t r)
{
    const numbers *n = maybe(c, name);
    assert_non_null(n);
    return n->at + r * n->shape[1];
}

/* ---- formulas, slowly ---- */

/* A number with the size of what was added up for it, to which rounding is proportional. */
typedef struct sum {
    double value, size;
} sum;

static inline void add(sum *s, double weight, sum x)
{
    s->value += weight * x.value;
    s->size += fabs(weight) * (fabs(x.value) + x.size);
}

static inline sum plain(double value)
{
    return (sum){ value, fabs(value) };
}

/* Sum of a product of vectors, with a weight for each place (NULL: 1). */
static inline void add_product(sum *s, int64_t n, const float *w, const float *a, const float *b)
{
    for (int64_t d = 0; d < n; d++)
        add(s, (w != NULL ? (double)w[d] : 1.0) * (double)a[d], plain((double)b[d]));
}

/* The tower on [users[u] ; items[i]]; returns the width of the last layer. */
static inline int64_t slow_tower(const contents *c, const char *users, const char *items, int64_t u, int64_t i, sum z[2 * WIDEST])
{
    int64_t width = maybe(c, users)->shape[1];
    const numbers *W;
    char name[32];
    assert_true(width <= WIDEST);
    for (int64_t d = 0; d < width; d++) {
        z[d] = plain((double)row(c, users, u)[d]);
        z[width + d] = plain((double)row(c, items, i)[d]);
    }
    for (int l = 1; snprintf(name, sizeof name, "layer%d_weight", l), (W = maybe(c, name)) != NULL; l++) {
        sum next[WIDEST];
        snprintf(name, sizeof name, "layer%d_bias", l);
        for (int64_t o = 0; o < W->shape[0]; o++) {
            next[o] = plain((double)row(c, name, 0)[o]);
            for (int64_t d = 0; d < W->shape[1]; d++)
                add(&next[o], (double)W->at[o * W->shape[1] + d], z[d]);
            next[o].value = next[o].value > 0.0 ? next[o].value : 0.0;
        }
        width = W->shape[0];
        memcpy(z, next, (size_t)width * sizeof *z);
    }
    return width;
}

static inline sum slow_pair(const contents *c, const char *model, int64_t u, int64_t i)
{
    const char *mlp[] = { "user_embedding", "item_embedding" }, *neumf[] = { "mlp_user_embedding", "mlp_item_embedding" };
    const float *h = row(c, "predict_weight", 0);
    sum s = plain((double)*row(c, "predict_bias", 0)), z[2 * WIDEST];
    int64_t n = maybe(c, "predict_weight")->shape[0], first = strcmp(model, "gmf") == 0 ? n : strcmp(model, "neumf") == 0 ? n / 2 : 0;
    const char *const *tables = first > 0 ? neumf : mlp;
    if (first == n)
        add_product(&s, n, h, row(c, "user_embedding", u), row(c, "item_embedding", i));
    else if (first > 0)
        add_product(&s, first, h, row(c, "gmf_user_embedding", u), row(c, "gmf_item_embedding", i));
    if (first < n)
        assert_int_equal(slow_tower(c, tables[0], tables[1], u, i, z), n - first);
    for (int64_t d = first; d < n; d++)
        add(&s, (double)h[d], z[d - first]);
    return s;
}

/* Of a history given as marks; u -1: nobody. */
static inline sum slow_cdae(const contents *c, int64_t u, const uint8_t seen[I], int64_t i)
{
    int64_t H = maybe(c, "hidden_bias")->count;
    sum s = plain((double)row(c, "output_bias", 0)[i]);
    for (int64_t d = 0; d < H; d++) {
        sum in = plain((double)row(c, "hidden_bias", 0)[d]);
        if (u >= 0)
            add(&in, 1.0, plain((double)row(c, "user_embedding", u)[d]));
        for (int64_t j = 0; j < I; j++)
            if (seen[j])
                add(&in, 1.0, plain((double)row(c, "input_weight", j)[d]));
        double v = strstr(c->params, "tanh") != NULL ? tanh(in.value) : strstr(c->params, "identity") != NULL ? in.value
                                                                      : 1.0 / (1.0 + exp(-in.value));
        add(&s, (double)row(c, "output_weight", i)[d], (sum){ v, in.size });
    }
    return s;
}

static inline void expect_score(float got, sum want, const char *what, int64_t u, int64_t i)
{
    if (!(fabs((double)got - want.value) <= 4e-6 * want.size + 1e-30))
        fail_msg("%s, user %lld, item %lld: %.9g, want %.9g (size %.3g)", what, (long long)u, (long long)i, (double)got, want.value,
                 want.size);
}

static inline void scores_of_all(recsys_exec *x, const recsys_model *m, float *out)
{
    recsys_query q[U];
    for (int u = 0; u < U; u++) {
        q[u] = (recsys_query)RECSYS_QUERY_INIT;
        q[u].parts = RECSYS_QUERY_USER;
        q[u].user = u;
    }
    expect_ok(x, recsys_model_score(m, x, q, U, out));
}

/* All scores of all users, the untrained included, are those of the formula. */
static inline void check_formula(world *w, const recsys_model *m, const char *what)
{
    float out[U * I];
    contents c = contents_of(w->x, m);
    const char *name = recsys_model_name(m);
    scores_of_all(w->x, m, out);
    for (int u = 0; u < U; u++)
        for (int i = 0; i < I; i++)
            expect_score(out[u * I + i], strcmp(name, "cdae") == 0 ? slow_cdae(&c, u, w->has[u], i) : slow_pair(&c, name, u, i), what,
                         u, i);
    contents_free(&c);
}

/* ---- questions and lists ---- */

static inline recsys_query query_of(int64_t user, const int64_t *history, int64_t count)
{
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = (user >= 0 ? RECSYS_QUERY_USER : 0) | (history != NULL ? RECSYS_QUERY_HISTORY : 0);
    q.user = user;
    q.history = history;
    q.history_count = count;
    return q;
}

static inline int64_t items_of(const uint8_t marks[I], int64_t *items)
{
    int64_t n = 0;
    for (int64_t i = I - 1; i >= 0; i--)
        if (marks[i])
            items[n++] = i;
    return n;
}

/* The list is the scores put in order, one place at a time. */
static inline void check_list(const float *score, const uint8_t *blocked, int k, const int64_t *list, const float *value)
{
    uint8_t taken[I];
    memcpy(taken, blocked, sizeof taken);
    for (int r = 0; r < k; r++) {
        int64_t best = -1;
        for (int64_t i = 0; i < I; i++)
            if (!taken[i] && (best < 0 || score[i] > score[best]))
                best = i;
        assert_int_equal(list[r], best);
        assert_true(value[r] == (best < 0 ? -INFINITY : score[best]));
        if (best >= 0)
            taken[best] = 1;
    }
}

#endif
