/* ease.c - EASE^R against the float64 reference of tests/reference/ease.py: weights, scores, lists, similar items.
 *
 * Bound of a weight or score: 4 I 2^-24 cond(G), times the length of the history for a score: what a backward stable
 * inverse in float32 leaves of numbers of size 1.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

/* One case of the golden file. */
typedef struct golden {
    int64_t n_users, n_items;
    char params[128];
    double cond;
    recsys_dataset *data;
    recsys_model *model;
} golden;

static FILE *open_golden(void)
{
    const char *folder = getenv("RECSYS_TEST_GOLDEN");
    char path[512];
    snprintf(path, sizeof path, "%s/ease.txt", folder != NULL ? folder : "tests/golden");
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s (is RECSYS_TEST_GOLDEN set?)", path);
    return f;
}

static void expect_word(FILE *f, const char *word)
{
    char got[32] = "";
    if (fscanf(f, "%31s", got) != 1 || strcmp(got, word) != 0)
        fail_msg("golden file: \"%s\" where \"%s\" should be", got, word);
}

static double read_number(FILE *f)
{
    double v = 0;
    if (fscanf(f, "%lf", &v) != 1)
        fail_msg("golden file: a number is missing");
    return v;
}

static void read_case(FILE *f, recsys_exec *x, golden *g)
{
    expect_word(f, "case");
    g->n_users = (int64_t)read_number(f);
    g->n_items = (int64_t)read_number(f);
    assert_int_equal(fscanf(f, "%127s", g->params), 1);
    g->cond = read_number(f);
    expect_word(f, "events");
    int64_t count = (int64_t)read_number(f);
    int64_t *user = calloc((size_t)count, sizeof *user), *item = calloc((size_t)count, sizeof *item);
    float *value = calloc((size_t)count, sizeof *value);
    for (int64_t e = 0; e < count; e++) {
        user[e] = (int64_t)read_number(f);
        item[e] = (int64_t)read_number(f);
        value[e] = (float)read_number(f);
    }
    char n_users[24], n_items[24];
    snprintf(n_users, sizeof n_users, "%lld", (long long)g->n_users);
    snprintf(n_items, sizeof n_items, "%lld", (long long)g->n_items);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.users = n_users;
    options.items = n_items;
    recsys_events events = RECSYS_EVENTS_INIT;
    events.count = count;
    events.user_ids = user;
    events.item_ids = item;
    events.values = value;
    recsys_dataset_builder *b;
    expect_ok(x, recsys_dataset_builder_create(x, &options, &b));
    expect_ok(x, recsys_dataset_builder_append(b, &events));
    expect_ok(x, recsys_dataset_builder_finish(b, &g->data));
    recsys_dataset_builder_release(b);
    free(user), free(item), free(value);

    recsys_params *p;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), "ease", &p, NULL));
    assert_int_equal(recsys_params_set_text(p, g->params), RECSYS_OK);
    expect_ok(x, recsys_model_fit(p, g->data, x, NULL, &g->model));
    recsys_params_release(p);
}

static void expect_near(double got, double want, double bound, const golden *g, const char *what, int64_t i, int64_t j)
{
    if (!(fabs(got - want) <= bound))
        fail_msg("%s: %s[%lld, %lld] = %.9g, want %.9g (bound %.3g)", g->params, what, (long long)i, (long long)j, got, want, bound);
}

static void check_weights(FILE *f, recsys_exec *x, const golden *g, double bound)
{
    float *row = calloc((size_t)g->n_items, sizeof *row);
    expect_word(f, "weights");
    for (int64_t rows = (int64_t)read_number(f); rows > 0; rows--) {
        int64_t i = (int64_t)read_number(f);
        expect_ok(x, recsys_model_read_tensor(g->model, x, "item_weights", i, 1, row));
        for (int64_t j = 0; j < g->n_items; j++)
            expect_near(row[j], read_number(f), bound, g, "B", i, j);
    }
    free(row);
}

/* The list that a plain selection makes of the library's own scores: higher first, then lower index. */
static void check_list(const recsys_model *m, recsys_exec *x, const recsys_query *query, const float *score, int64_t n_items)
{
    int64_t list[5];
    float value[5];
    char *taken = calloc((size_t)n_items, 1);
    for (int64_t e = 0; e < query->history_count; e++)
        taken[query->history[e]] = 1;
    expect_ok(x, recsys_model_topk(m, x, query, 1, 5, NULL, list, value));
    for (int r = 0; r < 5; r++) {
        int64_t best = -1;
        for (int64_t i = 0; i < n_items; i++)
            if (!taken[i] && (best < 0 || score[i] > score[best]))
                best = i;
        assert_int_equal(list[r], best);
        if (best >= 0) {
            assert_true(value[r] == score[best]);
            taken[best] = 1;
        }
    }
    free(taken);
}

static void check_queries(FILE *f, recsys_exec *x, const golden *g, double bound)
{
    float *score = calloc((size_t)g->n_items, sizeof *score);
    int64_t item[16];
    float value[16];
    expect_word(f, "queries");
    int64_t queries = (int64_t)read_number(f);
    for (int64_t q = 0; q < queries; q++) {
        expect_word(f, "history");
        int64_t count = (int64_t)read_number(f);
        for (int64_t e = 0; e < count; e++) {
            item[e] = (int64_t)read_number(f);
            value[e] = (float)read_number(f);
        }
        recsys_query query = RECSYS_QUERY_INIT;
        query.parts = RECSYS_QUERY_HISTORY;
        query.history = item;
        query.history_values = value;
        query.history_count = count;
        expect_ok(x, recsys_model_score(g->model, x, &query, 1, score));
        expect_word(f, "scores");
        for (int64_t i = 0; i < g->n_items; i++)
            expect_near(score[i], read_number(f), bound * 5.0 * (double)(count + 1), g, "score", q, i);
        check_list(g->model, x, &query, score, g->n_items);
    }
    free(score);
}

static void test_golden(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    FILE *file = open_golden();
    expect_word(file, "cases");
    int64_t cases = (int64_t)read_number(file);
    assert_true(cases > 30);
    for (int64_t c = 0; c < cases; c++) {
        golden g;
        read_case(file, f.exec, &g);
        double bound = 4.0 * (double)g.n_items * ldexp(1.0, -24) * g.cond;
        check_weights(file, f.exec, &g, bound);
        check_queries(file, f.exec, &g, bound);
        recsys_model_release(g.model);
        recsys_dataset_release(g.data);
    }
    fclose(file);
    fixture_close(&f);
    (void)state;
}

static recsys_model *fit_ease(recsys_exec *x, const recsys_dataset *d, const char *text)
{
    recsys_params *p;
    recsys_model *m = NULL;
    expect_ok(x, recsys_params_create(recsys_exec_env(x), "ease", &p, NULL));
    assert_int_equal(recsys_params_set_text(p, text), RECSYS_OK);
    expect_ok(x, recsys_model_fit(p, d, x, NULL, &m));
    recsys_params_release(p);
    return m;
}

/* All tensors of the model, end to end. */
static char *all_bits(recsys_exec *x, const recsys_model *m, int64_t *bytes)
{
    char *bits = NULL;
    *bytes = 0;
    for (int64_t t = 0; t < recsys_model_tensor_count(m); t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        assert_int_equal(recsys_model_tensor_info(m, t, &info), RECSYS_OK);
        int64_t size = info.shape[0] * info.shape[1] * info.shape[2] * info.shape[3] * (info.dtype == RECSYS_I64 ? 8 : 4);
        bits = realloc(bits, (size_t)(*bytes + size));
        expect_ok(x, recsys_model_read_tensor(m, x, info.name, 0, info.shape[0], bits + *bytes));
        *bytes += size;
    }
    return bits;
}

static void test_same_bits_with_any_threads(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 500, 301, 20, TEST_VALUES, 7);
    static const char *const params[] = { "l2=10", "l2=5,values=given,normalize=both", "l2=2,top_k=7" };
    int most_threads = getenv("RECSYS_TEST_DEVICE") ? 2 : 8; /* a device does not use them */
    for (int p = 0; p < 3; p++) {
        recsys_model *m = fit_ease(f.exec, d, params[p]);
        int64_t bytes, others;
        char *want = all_bits(f.exec, m, &bytes);
        for (int threads = 2; threads <= most_threads; threads += threads == 2 ? 1 : 5) {
            recsys_exec *x = fixture_exec(&f, threads, 0, 0);
            recsys_model *same = fit_ease(x, d, params[p]);
            char *got = all_bits(x, same, &others);
            assert_int_equal(others, bytes);
            assert_memory_equal(got, want, (size_t)bytes);
            free(got);
            recsys_model_release(same);
            recsys_exec_release(x);
        }
        free(want);
        recsys_model_release(m);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* A stored user and a query that brings the same history get the same bits. */
static void test_fold_in_is_training_history(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 60, 40, 9, TEST_VALUES, 3);
    recsys_model *m = fit_ease(f.exec, d, "l2=3,values=given,normalize=both");
    for (int64_t u = 0; u < 60; u++) {
        int64_t item[40], count, a_items[10], b_items[10];
        float value[40], a[40], b[40], a_scores[10], b_scores[10];
        expect_ok(f.exec, recsys_model_history(m, f.exec, u, item, value, 40, &count));
        for (int64_t e = 0; e < count / 2; e++) { /* order must not matter */
            int64_t t = item[e];
            float v = value[e];
            item[e] = item[count - 1 - e], value[e] = value[count - 1 - e];
            item[count - 1 - e] = t, value[count - 1 - e] = v;
        }
        recsys_query stored = RECSYS_QUERY_INIT, brought = RECSYS_QUERY_INIT;
        stored.parts = RECSYS_QUERY_USER;
        stored.user = u;
        brought.parts = RECSYS_QUERY_HISTORY;
        brought.history = item, brought.history_values = value, brought.history_count = count;
        expect_ok(f.exec, recsys_model_score(m, f.exec, &stored, 1, a));
        expect_ok(f.exec, recsys_model_score(m, f.exec, &brought, 1, b));
        assert_memory_equal(a, b, sizeof a);
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &stored, 1, 10, NULL, a_items, a_scores));
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &brought, 1, 10, NULL, b_items, b_scores));
        assert_memory_equal(a_items, b_items, sizeof a_items);
        assert_memory_equal(a_scores, b_scores, sizeof a_scores);
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

static void test_similar_items_are_a_row_of_weights(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 80, 30, 8, 0, 5);
    recsys_model *m = fit_ease(f.exec, d, "l2=3");
    float row[30], score[30];
    int64_t list[30];
    expect_ok(f.exec, recsys_model_read_tensor(m, f.exec, "item_weights", 4, 1, row));
    expect_ok(f.exec, recsys_model_similar_items(m, f.exec, 4, 30, list, score));
    assert_int_equal(list[29], -1);
    for (int r = 0; r < 29; r++) {
        assert_true(list[r] != 4 && score[r] == row[list[r]]);
        assert_true(r == 0 || score[r - 1] > score[r] || (score[r - 1] == score[r] && list[r - 1] < list[r]));
    }
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

/* Memory is known before it is taken, refused above the limit, and the figure given is kept. */
static void test_memory(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 900, 2000, 15, 0, 5);
    recsys_params *p;
    expect_ok(f.exec, recsys_params_create(f.env, "ease", &p, NULL));
    recsys_cost cost = RECSYS_COST_INIT;
    expect_ok(f.exec, recsys_model_cost(p, d, f.exec, &cost));
    double most = getenv("RECSYS_TEST_DEVICE") ? 1.75 : 0.75; /* a device inverts a full matrix */
    assert_true(cost.peak_bytes < (int64_t)(most * 4 * 2000 * 2000));
    assert_true(cost.model_bytes < (int64_t)(0.51 * 4 * 2000 * 2000));

    recsys_exec *tight = fixture_exec(&f, 2, cost.peak_bytes / 2, 0);
    recsys_model *m = (recsys_model *)1;
    expect_error(tight, recsys_model_fit(p, d, tight, NULL, &m), RECSYS_ERR_MEMORY_LIMIT, "ease on |items|limit");
    assert_null(m);
    recsys_exec_release(tight);

    recsys_exec *free_exec = fixture_exec(&f, 2, 0, 0);
    expect_ok(free_exec, recsys_model_fit(p, d, free_exec, NULL, &m));
    recsys_memory_info memory = RECSYS_MEMORY_INFO_INIT;
    expect_ok(free_exec, recsys_exec_memory(free_exec, &memory));
    assert_true(memory.peak <= cost.peak_bytes + 1000000); /* what it said, and the data's views */
    recsys_model_release(m);
    recsys_exec_release(free_exec);
    recsys_params_release(p);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

static void test_bad_parameters(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    recsys_params *p;
    recsys_error_info e = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_params_create(f.env, "eese", &p, &e), RECSYS_ERR_UNKNOWN_MODEL);
    assert_non_null(strstr(e.message, "\"ease\""));
    expect_ok(f.exec, recsys_params_create(f.env, "ease", &p, NULL));
    assert_int_equal(recsys_params_set_f64(p, "l2", 0.0), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_set_f64(p, "l2", -1.0), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_set_f64(p, "l2", (double)NAN), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_set_text(p, "l2=nan"), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_set_text(p, "normalise=both"), RECSYS_ERR_UNKNOWN_KEY);
    assert_int_equal(recsys_params_last_error(p, &e), RECSYS_OK);
    assert_non_null(strstr(e.message, "normalize"));
    recsys_params_release(p);
    fixture_close(&f);
    (void)state;
}

static int32_t cancel_at_factor(void *user, const recsys_progress *progress)
{
    (void)user;
    return strcmp(progress->phase, "factor") == 0;
}

static void test_cancel(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 300, 400, 10, 0, 5);
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.threads = 2;
    options.progress = cancel_at_factor;
    recsys_exec *x;
    assert_int_equal(recsys_exec_create(f.env, &options, &x, NULL), RECSYS_OK);
    recsys_params *p;
    expect_ok(x, recsys_params_create(f.env, "ease", &p, NULL));
    recsys_model *m = (recsys_model *)1;
    expect_error(x, recsys_model_fit(p, d, x, NULL, &m), RECSYS_ERR_CANCELLED, "");
    assert_null(m);
    recsys_params_release(p);
    recsys_exec_release(x);
    recsys_dataset_release(d);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_same_bits_with_any_threads),
        cmocka_unit_test(test_fold_in_is_training_history),
        cmocka_unit_test(test_similar_items_are_a_row_of_weights),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
