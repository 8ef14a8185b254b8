/* lightgcn.c - LightGCN against a plain double program over dense matrices: vectors, scores, isolated nodes, fold-in; edge
 * dropout; the same bits with any number of threads and after a checkpoint; validation, starting from another, saving.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/trained_case.h"

#include "model/graph.h"

static const kind deep = { .name = "lightgcn", .params = "dim=5,layers=3,decay=0.01" };
static const kind flat = { .name = "lightgcn", .params = "dim=4,layers=0" };

/* ---- the model in double ---- */

enum { NODES = U + I, DIM = 8 };

typedef struct slow {
    int64_t D, L;
    double a[NODES][NODES];
    double layer[6][NODES][DIM], mean[NODES][DIM];
    int degree[NODES];
} slow;

static void slow_model(const world *w, const contents *c, int64_t L, slow *s)
{
    memset(s, 0, sizeof *s);
    s->L = L, s->D = maybe(c, "user_embedding")->shape[1];
    for (int u = 0; u < U; u++)
        for (int i = 0; i < I; i++) s->degree[u] += w->has[u][i], s->degree[U + i] += w->has[u][i];
    for (int u = 0; u < U; u++)
        for (int i = 0; i < I; i++)
            if (w->has[u][i]) s->a[u][U + i] = s->a[U + i][u] = 1.0 / sqrt((double)s->degree[u] * (double)s->degree[U + i]);
    for (int n = 0; n < NODES; n++)
        for (int d = 0; d < s->D; d++)
            s->layer[0][n][d] = (double)(n < U ? row(c, "user_embedding", n) : row(c, "item_embedding", n - U))[d];
    for (int l = 0; l < L; l++)
        for (int n = 0; n < NODES; n++)
            for (int k = 0; k < NODES; k++)
                for (int d = 0; d < s->D; d++) s->layer[l + 1][n][d] += s->a[n][k] * s->layer[l][k][d];
    for (int l = 0; l <= L; l++)
        for (int n = 0; n < NODES; n++)
            for (int d = 0; d < s->D; d++) s->mean[n][d] += s->layer[l][n][d] / (double)(L + 1);
}

/* The vector of a history: what it brings in each layer from 1 on. */
static void slow_fold_in(const slow *s, const uint8_t history[I], double out[DIM])
{
    int length = 0;
    memset(out, 0, DIM * sizeof *out);
    for (int i = 0; i < I; i++) length += history[i];
    for (int l = 1; l <= s->L; l++)
        for (int i = 0; i < I; i++)
            for (int d = 0; history[i] && s->degree[U + i] > 0 && d < s->D; d++)
                out[d] += s->layer[l - 1][U + i][d] / sqrt((double)length * (double)s->degree[U + i]) / (double)(s->L + 1);
}

static void near(double got, double want, const char *what, int64_t r, int64_t c)
{
    if (!(fabs(got - want) <= 2e-6 * (1.0 + fabs(want))))
        fail_msg("%s[%lld, %lld] = %.9g, want %.9g", what, (long long)r, (long long)c, got, want);
}

static void check_model(world *w, const kind *k, int64_t L)
{
    static slow s;
    float out[U * I];
    recsys_model *m = fit(w, k, 0);
    contents c = contents_of(w->x, m);
    slow_model(w, &c, L, &s);
    scores_of_all(w->x, m, out);
    for (int n = 0; n < NODES; n++)
        for (int d = 0; d < s.D; d++) {
            const char *name = n < U ? "user_vector" : "item_vector";
            near((double)row(&c, name, n < U ? n : n - U)[d], s.mean[n][d], name, n, d);
            if (s.degree[n] == 0) near(s.mean[n][d], s.layer[0][n][d] / (double)(L + 1), "isolated", n, d);
        }
    assert_true(s.degree[U - 1] == 0 && s.degree[NODES - 1] == 0);
    for (int u = 0; u < U; u++)
        for (int i = 0; i < I; i++) {
            double want = 0.0;
            for (int d = 0; d < s.D; d++) want += s.mean[u][d] * s.mean[U + i][d];
            near((double)out[u * I + i], want, "score", u, i);
        }
    contents_free(&c);
    recsys_model_release(m);
}

static void test_formula(void **state)
{
    (void)state;
    world w;
    world_open(&w, 2);
    check_model(&w, &deep, 3);
    check_model(&w, &(kind){ .name = "lightgcn", .params = "dim=8,layers=1,dropout=0.3" }, 1);
    check_model(&w, &flat, 0);
    world_close(&w);
}

/* ---- somebody whom the graph does not have ---- */

static void test_fold_in(void **state)
{
    (void)state;
    static slow s;
    world w;
    world_open(&w, 2);
    for (int without_histories = 0; without_histories < 2; without_histories++) {
        recsys_model *m = fit(&w, &deep, without_histories);
        contents c = contents_of(w.x, m);
        slow_model(&w, &c, 3, &s);
        for (int u = 0; u < U; u++) {
            uint8_t marks[I];
            int64_t items[I];
            float got[I];
            double vector[DIM];
            memcpy(marks, w.has[u], sizeof marks);
            marks[I - 1] = (uint8_t)(u % 2); /* an isolated item brings nothing, but counts */
            slow_fold_in(&s, marks, vector);
            recsys_query q = query_of(-1, items, items_of(marks, items));
            expect_ok(w.x, recsys_model_score(m, w.x, &q, 1, got));
            for (int i = 0; i < I; i++) {
                double want = 0.0;
                for (int d = 0; d < s.D; d++) want += vector[d] * s.mean[U + i][d];
                near((double)got[i], want, "fold-in", u, i);
            }
            /* A user's own vector is that of his history and a share of layer 0. */
            slow_fold_in(&s, w.has[u], vector);
            for (int d = 0; d < s.D; d++)
                near((double)row(&c, "user_vector", u)[d], vector[d] + s.layer[0][u][d] / 4.0, "user_vector", u, d);
        }
        contents_free(&c);
        recsys_model_release(m);
    }
    world_close(&w);
}

/* Known and unknown side by side: each as by itself. A named user is scored by his vector, whatever history comes with him. */
static void test_queries(void **state)
{
    (void)state;
    world w;
    float both[3 * I], alone[I];
    int64_t items[I], list[3];
    world_open(&w, 2);
    recsys_model *m = fit(&w, &deep, 0), *bare = fit(&w, &deep, 1);
    int64_t n = items_of(w.has[3], items);
    recsys_query q[] = { query_of(-1, items, n), query_of(7, NULL, 0), query_of(7, items, n) }, nobody = query_of(-1, NULL, 0);
    expect_ok(w.x, recsys_model_score(m, w.x, q, 3, both));
    for (int k = 0; k < 3; k++) {
        expect_ok(w.x, recsys_model_score(m, w.x, &q[k], 1, alone));
        assert_memory_equal(both + k * I, alone, sizeof alone);
        expect_ok(w.x, recsys_model_score(bare, w.x, &q[k], 1, alone));
        assert_memory_equal(both + k * I, alone, sizeof alone);
    }
    assert_memory_equal(both + I, both + 2 * I, sizeof alone);
    expect_error(w.x, recsys_model_score(m, w.x, &nobody, 1, alone), RECSYS_ERR_MISSING_DATA,
                 "query 0|neither a user nor a history");
    q[0].history_count = 0; /* an empty history: nothing is known, and all items score 0 */
    expect_ok(w.x, recsys_model_score(m, w.x, &q[0], 1, alone));
    for (int i = 0; i < I; i++) assert_true(alone[i] == 0.0f);
    float value[3];
    expect_ok(w.x, recsys_model_similar_items(m, w.x, 4, 3, list, value));
    for (int k = 0; k < 3; k++) assert_true(list[k] != 4 && value[k] <= 1.0001f && (k == 0 || value[k] <= value[k - 1]));
    recsys_model_release(m), recsys_model_release(bare);
    world_close(&w);
}

/* ---- edge dropout ---- */

/* Values of a step by user: of what users receive and of what items receive, brought into one order. */
static void step_values(recsys_exec *x, const graph *whole, uint64_t step, int training, double p, int directed, float *users,
                        float *items)
{
    step_graph s;
    tape *g;
    int64_t E = whole->by_user.n_entries;
    float *turned = malloc((size_t)E * sizeof *turned);
    int32_t *edge = malloc((size_t)E * sizeof *edge);
    assert_true(turned != NULL && edge != NULL);
    expect_ok(x, recsys__tape_create(x, &g));
    recsys__tape_reset(g, 9, step);
    recsys__tape_mode(g, training, training);
    recsys__graph_of_step(g, whole, p, directed, &s);
    expect_ok(x, recsys__tape_status(g));
    expect_ok(x, recsys__download(x, users, s.to_users.value, E * 4));
    expect_ok(x, recsys__download(x, turned, s.to_items.value, E * 4));
    expect_ok(x, recsys__download(x, edge, whole->edge, E * 4));
    for (int64_t e = 0; e < E; e++) items[edge[e]] = turned[e];
    /* the transposed matrices hold the same values in the other order */
    expect_ok(x, recsys__download(x, turned, s.to_users.transposed->value, E * 4));
    for (int64_t e = 0; e < E; e++) assert_true(turned[e] == users[edge[e]]);
    expect_ok(x, recsys__download(x, turned, s.to_items.transposed->value, E * 4));
    assert_memory_equal(turned, items, (size_t)E * 4);
    recsys__tape_free(g);
    free(turned), free(edge);
}

static void check_dropout(recsys_exec *x, const graph *whole, int directed)
{
    enum { STEPS = 200, MOST = U * I };
    static float all[MOST], again[MOST], users[MOST], items[MOST];
    static double mean[MOST];
    const double p = 0.25;
    int64_t E = whole->by_user.n_entries, other = 0, dropped = 0;
    memset(mean, 0, sizeof mean);
    step_values(x, whole, 0, 0, p, directed, all, again); /* nothing is dropped outside of training */
    assert_memory_equal(all, again, (size_t)E * 4);
    for (uint64_t step = 0; step < STEPS; step++) {
        step_values(x, whole, step, 1, p, directed, users, items);
        for (int64_t e = 0; e < E; e++) {
            float kept = all[e] * (float)(1.0 / (1.0 - p));
            assert_true((users[e] == 0.0f || users[e] == kept) && (items[e] == 0.0f || items[e] == kept));
            other += users[e] != items[e];
            dropped += users[e] == 0.0f;
            mean[e] += (double)users[e] / STEPS;
        }
    }
    assert_true(directed ? other > 0 : other == 0);
    double n = (double)(E * STEPS);
    assert_true(fabs((double)dropped / n - p) < 5.0 * sqrt(p * (1.0 - p) / n));
    for (int64_t e = 0; e < E; e++) /* six standard deviations of a mean of 200 */
        assert_true(fabs(mean[e] / (double)all[e] - 1.0) < 6.0 * sqrt(p / (1.0 - p) / STEPS));
}

static void test_dropout(void **state)
{
    (void)state;
    world w;
    graph *whole;
    world_open(&w, 2);
    expect_ok(w.x, recsys__graph_create(w.x, w.train, &whole));
    check_dropout(w.x, whole, 0);
    check_dropout(w.x, whole, 1);
    recsys__prepared_release(&whole->prepared);
    world_close(&w);
}

/* ---- training ---- */

static recsys_training three_epochs(const recsys_optimizer *o)
{
    recsys_training how = RECSYS_TRAINING_INIT;
    how.optimizer = o;
    how.epochs = 3;
    how.batch_size = 64;
    how.n_negatives = 2;
    return how;
}

static void test_threads(void **state)
{
    (void)state;
    static const char *const params[] = { "dim=33,layers=2", "dim=8,dropout=0.2", "dim=8,dropout=0.2,dropout_of=directed" };
    static const int32_t threads[] = { 1, 2, 8 };
    for (int p = 0; p < 3; p++) {
        recsys_model *m[3];
        world w[3];
        for (int t = 0; t < 3; t++) {
            world_open(&w[t], threads[t]);
            recsys_training how = three_epochs(NULL);
            m[t] = case_fit(w[t].x, "lightgcn", params[p], w[t].train, &how);
            assert_true(t == 0 || case_same(w[0].x, m[0], m[t]));
        }
        for (int t = 0; t < 3; t++) recsys_model_release(m[t]), world_close(&w[t]);
    }
}

/* A checkpoint in the middle of an epoch, with dropout: the same bits as without a break. */
static void test_resume(void **state)
{
    (void)state;
    world w;
    char path[TEST_PATH_ROOM];
    const char *params = "dim=6,layers=2,dropout=0.1";
    world_open(&w, 2);
    fixture_path(&w.f, "checkpoint", path);
    recsys_training how = three_epochs(NULL);
    recsys_trainer *whole = case_trainer(w.x, "lightgcn", params, w.train, &how);
    expect_ok(w.x, recsys_trainer_run(whole));
    recsys_trainer *first = case_trainer(w.x, "lightgcn", params, w.train, &how);
    for (int step = 0; step < 4; step++) expect_ok(w.x, recsys_trainer_step(first, NULL, 0, NULL));
    expect_ok(w.x, recsys_trainer_save(first, path));
    how.resume = path;
    recsys_trainer *second = case_trainer(w.x, "lightgcn", params, w.train, &how);
    expect_ok(w.x, recsys_trainer_run(second));
    recsys_model *a = case_model(whole, 0), *b = case_model(second, 0);
    assert_true(case_same(w.x, a, b));
    recsys_model_release(a), recsys_model_release(b);
    recsys_trainer_release(whole), recsys_trainer_release(first), recsys_trainer_release(second);
    world_close(&w);
}

/* The best model by loss and by a metric; a start from it. */
static void test_validation(void **state)
{
    (void)state;
    static const char *const selects[] = { "loss", "RECALL@5" };
    world w;
    world_open(&w, 2);
    uint8_t more[U][I];
    memset(more, 0, sizeof more);
    for (int u = 0; u < TRAINED_USERS; u++) /* neighbours of what is there */
        for (int i = 1; i < TRAINED_ITEMS; i++) more[u][i] = (uint8_t)(!w.has[u][i] && w.has[u][i - 1] && (u + i) % 4 == 0);
    recsys_dataset *valid = data_of(w.x, more);
    recsys_optimizer *adam = case_optimizer(w.x, "adam", "lr=0.02");
    for (int k = 0; k < 2; k++) {
        recsys_training how = three_epochs(adam);
        how.validation = valid, how.select = selects[k];
        double before, after;
        recsys_trainer *t = case_trainer(w.x, "lightgcn", "dim=6", w.train, &how);
        expect_ok(w.x, recsys_trainer_validate(t, &before));
        expect_ok(w.x, recsys_trainer_run(t));
        expect_ok(w.x, recsys_trainer_validate(t, &after));
        assert_true(isfinite(before) && isfinite(after) && before != after);
        recsys_model *best = case_model(t, 1), *last = case_model(t, 0);
        recsys_training again = three_epochs(adam);
        const recsys_model *start[] = { last };
        again.start = start, again.n_start = 1;
        recsys_trainer *from = case_trainer(w.x, "lightgcn", "dim=6", w.train, &again);
        recsys_model *same = case_model(from, 0);
        assert_true(case_same(w.x, last, same));
        recsys_model_release(best), recsys_model_release(last), recsys_model_release(same);
        recsys_trainer_release(t), recsys_trainer_release(from);
    }
    recsys_optimizer_release(adam);
    recsys_dataset_release(valid);
    world_close(&w);
}

/* Positives rise above what nobody has: training does what it should. */
static void test_learns(void **state)
{
    (void)state;
    world w;
    float out[U * I];
    world_open(&w, 2);
    recsys_optimizer *adam = case_optimizer(w.x, "adam", "lr=0.02");
    recsys_training how = three_epochs(adam);
    how.epochs = 30;
    recsys_model *m = case_fit(w.x, "lightgcn", "dim=16,layers=2", w.train, &how);
    scores_of_all(w.x, m, out);
    int64_t above = 0, pairs = 0;
    for (int u = 0; u < TRAINED_USERS; u++)
        for (int i = 0; i < TRAINED_ITEMS; i++)
            for (int j = 0; w.has[u][i] && j < TRAINED_ITEMS; j++)
                if (!w.has[u][j]) above += out[u * I + i] > out[u * I + j], pairs++;
    assert_true((double)above > 0.9 * (double)pairs);
    recsys_model_release(m);
    recsys_optimizer_release(adam);
    world_close(&w);
}

/* ---- a model as a thing ---- */

static void test_saved(void **state)
{
    (void)state;
    world w;
    char path[TEST_PATH_ROOM];
    world_open(&w, 2);
    fixture_path(&w.f, "m.safetensors", path);
    recsys_model *m = fit(&w, &deep, 0), *loaded, *other;
    expect_ok(w.x, recsys_model_save(m, w.x, path, NULL));
    expect_ok(w.x, recsys_model_load(w.x, path, NULL, &loaded));
    assert_true(case_same(w.x, m, loaded));
    /* Propagated vectors are what scores: another layer 0 changes nothing until it is trained from. */
    float zeros[U * 5] = { 0 }, before[U * I], after[U * I];
    scores_of_all(w.x, loaded, before);
    expect_ok(w.x, recsys_model_with_tensor(loaded, w.x, "user_embedding", zeros, &other));
    scores_of_all(w.x, other, after);
    assert_memory_equal(before, after, sizeof before);
    recsys_model_release(other);
    expect_ok(w.x, recsys_model_with_tensor(loaded, w.x, "user_vector", zeros, &other));
    scores_of_all(w.x, other, after);
    for (int k = 0; k < U * I; k++) assert_true(after[k] == 0.0f);
    recsys_model_release(other), recsys_model_release(m), recsys_model_release(loaded);
    world_close(&w);
}

static void test_refused(void **state)
{
    (void)state;
    world w;
    world_open(&w, 2);
    recsys_training how = three_epochs(NULL);
    how.n_negatives = -1;
    recsys_trainer *t = NULL;
    recsys_status status = case_try(w.x, "lightgcn", "", w.train, &how, &t);
    if (status == RECSYS_OK) status = recsys_trainer_step(t, NULL, 0, NULL);
    expect_error(w.x, status, RECSYS_ERR_INVALID_ARGUMENT, "lightgcn|negatives");
    recsys_trainer_release(t);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula), cmocka_unit_test(test_fold_in),    cmocka_unit_test(test_queries),
        cmocka_unit_test(test_dropout), cmocka_unit_test(test_threads),    cmocka_unit_test(test_resume),
        cmocka_unit_test(test_learns),  cmocka_unit_test(test_validation), cmocka_unit_test(test_saved),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("model/lightgcn", tests, NULL, NULL);
}
