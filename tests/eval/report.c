/* report.c - what a report tells: single figures, values of users, its written forms, and refusals.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t cutoffs[] = { 12, 1, 5, 5 };
static const world_plan plain = { .users = 30, .model_users = 30, .items = 20, .extra = 2, .values = 1, .histories = 1,
                                  .levels = 6, .seed = 9 };

static recsys_evaluator_options options(const world *w)
{
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = w->test_data;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 4;
    return o;
}

/* The whole text of a form; freed with free(). */
static char *form_of(recsys_exec *exec, const recsys_report *r, int32_t form)
{
    int64_t length = -1, again = -1;
    expect_ok(exec, recsys_report_write(r, exec, form, NULL, 0, &length));
    char *s = malloc((size_t)length + 1);
    assert_non_null(s);
    expect_ok(exec, recsys_report_write(r, exec, form, s, length + 1, &again));
    assert_int_equal(length, again);
    assert_int_equal(strlen(s), length);
    return s;
}

static void single_figures(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    recsys_report *r = evaluate(f.exec, &o, w->model);
    double v;
    int64_t n;
    assert_int_equal(recsys_report_get(r, "RECALL", 5, &v), RECSYS_OK);
    assert_int_equal(recsys_report_get(r, "RECALL", 12, &v), RECSYS_OK);
    assert_int_equal(recsys_report_get(r, "RECALL", 6, &v), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_report_get(r, "RECALL", 0, &v), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_report_get(r, "ITEMS_IN_GT", 0, &v), RECSYS_OK);
    assert_int_equal(recsys_report_get(r, "ITEMS_IN_GT", 5, &v), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_report_get(r, "recall", 5, &v), RECSYS_ERR_UNKNOWN_KEY);
    assert_int_equal(recsys_report_get(r, "AUC", 0, &v), RECSYS_ERR_MISSING_DATA);
    assert_int_equal(recsys_report_get(r, "DIVERSITY_SIMILARITY", 5, &v), RECSYS_ERR_MISSING_DATA);
    assert_int_equal(recsys_report_get(NULL, "RECALL", 5, &v), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_report_get(r, NULL, 5, &v), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_report_per_user(r, "RECALL", 5, NULL, NULL, 0, &n), RECSYS_ERR_MISSING_DATA);
    assert_int_equal(recsys_report_per_user(r, "F1", 5, NULL, NULL, 0, &n), RECSYS_ERR_UNSUPPORTED);
    assert_int_equal(recsys_report_per_user(r, "COVERAGE_ITEM", 5, NULL, NULL, 0, &n), RECSYS_ERR_UNSUPPORTED);
    recsys_report *same = recsys_report_retain(r);
    recsys_report_release(r);
    assert_int_equal(recsys_report_get(same, "RECALL", 5, &v), RECSYS_OK);
    recsys_report_release(same);
    recsys_report_release(NULL);
    world_free(w);
    fixture_close(&f);
}

static void names(void **state)
{
    (void)state;
    assert_int_equal(recsys_metric_count(), 30);
    assert_null(recsys_metric_name(-1));
    assert_null(recsys_metric_name(30));
    for (int64_t a = 0; a < 30; a++)
        for (int64_t b = 0; b < a; b++) assert_string_not_equal(recsys_metric_name(a), recsys_metric_name(b));
}

/* A report outlives everything that it was made from. */
static void values_of_users(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    o.per_user = 1;
    recsys_report *r = evaluate(f.exec, &o, w->model);
    world_free(w);
    int64_t n = 0, users[100];
    double values[100] = { 0 }, sum = 0.0;
    assert_int_equal(recsys_report_per_user(r, "NDCG", 5, users, values, 3, &n), RECSYS_OK);
    assert_true(n > 3 && values[3] == 0.0);
    assert_int_equal(recsys_report_per_user(r, "NDCG", 5, users, values, 100, &n), RECSYS_OK);
    for (int64_t u = 0; u < n; u++) sum += values[u];
    assert_true(fabs(sum / (double)n - figure(r, "NDCG", 5)) < 1e-15);
    recsys_report_release(r);
    fixture_close(&f);
}

/* The number behind `"name": ` after `from`, which must come before `until`. */
static double json_number(const char *from, const char *name, const char *until)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(from, key);
    assert_non_null(at);
    assert_true(!until || at < until);
    at += strlen(key);
    return strncmp(at, "null", 4) == 0 ? (double)NAN : strtod(at, NULL);
}

static void json(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    o.auc = 1;
    recsys_report *r = evaluate(f.exec, &o, w->model);
    char *s = form_of(f.exec, r, RECSYS_REPORT_JSON);
    const char *one = strstr(s, "\"1\": {"), *five = strstr(s, "\"5\": {"), *twelve = strstr(s, "\"12\": {");
    const char *all = strstr(s, "\"all\": {"), *users = strstr(s, "\"users\": ");
    assert_int_equal(strncmp(s, "{\"metrics\": {\"1\": {\"PRECISION\": ", 32), 0);
    assert_true(one && five && twelve && all && users && one < five && five < twelve && twelve < all && all < users);
    assert_true(json_number(five, "RECALL", twelve) == figure(r, "RECALL", 5));
    assert_true(json_number(twelve, "SHANNON_ENTROPY", all) == figure(r, "SHANNON_ENTROPY", 12));
    assert_true(json_number(all, "AUC", users) == figure(r, "AUC", 0));
    assert_true(json_number(all, "USERS_IN_GT", users) == figure(r, "USERS_IN_GT", 0));
    recsys_report_info info = RECSYS_REPORT_INFO_INIT;
    assert_int_equal(recsys_report_counts(r, &info), RECSYS_OK);
    assert_true(json_number(s, "users", NULL) == (double)info.users);
    assert_true(json_number(s, "users_skipped", NULL) == (double)info.users_skipped);
    assert_true(json_number(s, "users_cold", NULL) == (double)info.users_cold);
    assert_true(json_number(s, "test_items", NULL) == (double)info.test_items);
    assert_true(json_number(s, "test_items_unseen", NULL) == (double)info.test_items_unseen);
    assert_true(json_number(s, "seconds", NULL) == info.seconds && info.seconds > 0.0);
    assert_true(json_number(s, "users_per_second", NULL) == info.users_per_second);
    assert_null(strstr(s, "DIVERSITY_SIMILARITY"));
    free(s);
    recsys_report_release(r);
    world_free(w);
    fixture_close(&f);
}

/* A single user has no pair of lists, and at cut-off 1 no pair of items: undefined, not a number that looks like one. */
static void undefined_figures(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    const int64_t ids[] = { 1, 1, 1 }, items[] = { 1, 2, 3 };
    const float one[] = { 1 }, scores[] = { 1, 2, 3 };
    const int64_t ptr[] = { 0, 0, 0, 0 };
    recsys_similarity none = { sizeof none, 3, ptr, NULL, NULL };
    recsys_dataset *train = test_dataset_of(f.exec, ids, items, NULL, NULL, 3);
    recsys_dataset *test = test_dataset_of(f.exec, ids, items, NULL, NULL, 1);
    recsys_model *m = NULL;
    expect_ok(f.exec, recsys_model_from_embeddings(train, f.exec, 1, one, scores, NULL, &m));
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    const int64_t first[] = { 1 };
    o.test = test;
    o.similarity = &none;
    o.auc = 1;
    o.per_user = 1;
    o.cutoffs = first;
    o.n_cutoffs = 1;
    recsys_report *r = evaluate(f.exec, &o, m); /* everything is known, so the list is empty */
    assert_true(isnan(figure(r, "DIVERSITY_MEAN_INTER_LIST", 1)));
    assert_true(isnan(figure(r, "DIVERSITY_SIMILARITY", 1)));
    assert_true(isnan(figure(r, "DIVERSITY_GINI", 1)));
    assert_true(isnan(figure(r, "AUC", 0)));
    assert_true(figure(r, "PRECISION", 1) == 0.0 && figure(r, "COVERAGE_USER", 1) == 0.0);
    char *s = form_of(f.exec, r, RECSYS_REPORT_JSON);
    assert_non_null(strstr(s, "\"DIVERSITY_GINI\": null"));
    assert_null(strstr(s, "nan"));
    free(s);
    s = form_of(f.exec, r, RECSYS_REPORT_CSV);
    assert_non_null(strstr(s, "\nDIVERSITY_GINI,1,\n"));
    free(s);
    s = form_of(f.exec, r, RECSYS_REPORT_PER_USER_CSV);
    assert_non_null(strstr(s, ",\n"));
    assert_null(strstr(s, "nan"));
    free(s);
    recsys_report_release(r);
    recsys_model_release(m);
    recsys_dataset_release(train);
    recsys_dataset_release(test);
    fixture_close(&f);
}

static void csv(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    recsys_report *r = evaluate(f.exec, &o, w->model);
    char *s = form_of(f.exec, r, RECSYS_REPORT_CSV);
    int rows = 0;
    for (char *line = strtok(s, "\n"); line; line = strtok(NULL, "\n"), rows++) {
        char name[64], cutoff[16];
        double value;
        if (rows == 0) {
            assert_string_equal(line, "metric,cutoff,value");
            continue;
        }
        assert_int_equal(sscanf(line, "%63[^,],%15[^,],%lf", name, cutoff, &value), 3);
        int64_t K = strcmp(cutoff, "all") == 0 ? 0 : atoi(cutoff);
        assert_true(value == figure(r, name, K));
    }
    assert_int_equal(rows, 1 + 26 * 3 + 2); /* all but AUC and DIVERSITY_SIMILARITY */
    free(s);
    recsys_report_release(r);
    world_free(w);
    fixture_close(&f);
}

static void per_user_csv(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    const char *users[] = { "plain", "a,b", "say \"hi\"" }, *items[] = { "x", "y", "z" };
    const float table[] = { 1, 1, 1 }, scores[] = { 1, 2, 3 };
    recsys_dataset_builder *b = NULL;
    recsys_dataset *d = NULL;
    recsys_events e = RECSYS_EVENTS_INIT;
    e.count = 3;
    e.user_names = users;
    e.item_names = items;
    expect_ok(f.exec, recsys_dataset_builder_create(f.exec, NULL, &b));
    expect_ok(f.exec, recsys_dataset_builder_append(b, &e));
    expect_ok(f.exec, recsys_dataset_builder_finish(b, &d));
    recsys_dataset_builder_release(b);
    recsys_model *m = NULL;
    expect_ok(f.exec, recsys_model_from_embeddings(d, f.exec, 1, table, scores, NULL, &m));
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    const int64_t two[] = { 2, 1 };
    o.test = d;
    o.cutoffs = two;
    o.n_cutoffs = 2;
    o.keep_seen = 1;
    o.per_user = 1;
    recsys_report *r = evaluate(f.exec, &o, m);
    char *s = form_of(f.exec, r, RECSYS_REPORT_PER_USER_CSV);
    assert_int_equal(strncmp(s, "user,PRECISION@1,PRECISION_RECALL_MIN_DEN@1,RECALL@1,", 53), 0);
    assert_non_null(strstr(s, ",PRECISION@2,"));
    assert_null(strstr(s, "F1"));
    assert_non_null(strstr(s, "\nplain,0,0,0,"));            /* item x comes last */
    assert_non_null(strstr(s, "\n\"a,b\",0,0,0,"));          /* y comes second */
    assert_non_null(strstr(s, "\n\"say \"\"hi\"\"\",1,1,1,")); /* z comes first */
    free(s);
    recsys_report_release(r);
    recsys_model_release(m);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* All columns of the table end in the same place. */
static void text(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    recsys_report *r = evaluate(f.exec, &o, w->model);
    char *s = form_of(f.exec, r, RECSYS_REPORT_TEXT);
    size_t width = 0;
    int table = 0;
    for (char *line = strtok(s, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "cut-off", 7) == 0) {
            table = 1;
            width = strlen(line);
        }
        if (strcmp(line, "without cut-off") == 0) table = 0;
        if (table) assert_int_equal(strlen(line), width);
    }
    assert_true(width > 0);
    free(s);
    recsys_report_release(r);
    world_free(w);
    fixture_close(&f);
}

static void small_buffers(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w);
    recsys_report *r = evaluate(f.exec, &o, w->model);
    char few[8] = "???????";
    int64_t length = 0;
    expect_ok(f.exec, recsys_report_write(r, f.exec, RECSYS_REPORT_CSV, few, 7, &length));
    assert_string_equal(few, "metric");
    assert_true(length > 100);
    expect_error(f.exec, recsys_report_write(r, f.exec, 4, few, 7, &length), RECSYS_ERR_OUT_OF_RANGE, "form is 4");
    expect_error(f.exec, recsys_report_write(r, f.exec, RECSYS_REPORT_CSV, NULL, 7, &length), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    expect_error(f.exec, recsys_report_write(r, f.exec, RECSYS_REPORT_PER_USER_CSV, NULL, 0, &length), RECSYS_ERR_MISSING_DATA,
                 "per_user");
    recsys_report_release(r);
    world_free(w);
    fixture_close(&f);
}

/* Each call gets one thing wrong. */
static void wrong_options(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    world *w = world_make(f.exec, plain);
    recsys_evaluator *e = NULL;
    const recsys_evaluator_options good = options(w);
    recsys_evaluator_options o;
    const int64_t zero[] = { 5, 0 }, beyond[] = { 1000 }, ptr[] = { 0, 2 }, wrong_ptr[] = { 1, 2 }, twice[] = { 0, 0 };
    const float nan[] = { (float)NAN, 1 };
    const char *gap[] = { "1", NULL };
    recsys_similarity s = { sizeof s, 1, wrong_ptr, twice, nan };
#define wrong(change, code, words)                                                              \
    do {                                                                                        \
        o = good;                                                                               \
        change;                                                                                 \
        expect_error(f.exec, recsys_evaluator_create(f.exec, &o, &e), RECSYS_ERR_##code, words); \
        assert_null(e);                                                                         \
    } while (0)
    wrong(o.test = NULL, INVALID_ARGUMENT, "no test data");
    wrong(o.struct_size = 8, STRUCT_SIZE, "recsys_evaluator_options");
    wrong((o.cutoffs = zero, o.n_cutoffs = 2), OUT_OF_RANGE, "cut-off 0");
    wrong(o.n_cutoffs = -1, INVALID_ARGUMENT, "cutoffs");
    wrong((o.cutoffs = NULL, o.n_cutoffs = 3), INVALID_ARGUMENT, "cutoffs");
    wrong(o.min_ratings = -1, OUT_OF_RANGE, "min_ratings is -1");
    wrong(o.cold = 3, OUT_OF_RANGE, "cold is 3");
    wrong(o.n_negatives = -5, OUT_OF_RANGE, "n_negatives is -5");
    wrong((o.n_negatives = 5, o.negatives = w->negatives_data), INVALID_ARGUMENT, "negatives");
    wrong((o.ignored_users = beyond, o.n_ignored_users = 1), OUT_OF_RANGE, "ignored_users[0] is 1000");
    wrong(o.n_ignored_users = 1, INVALID_ARGUMENT, "ignored_users");
    wrong((o.ignored_items = gap, o.n_ignored_items = 2), INVALID_ARGUMENT, "ignored_items[1]");
    wrong(o.similarity = &s, INVALID_ARGUMENT, "ptr");
    s.ptr = ptr;
    wrong(o.similarity = &s, NUMERIC, "not finite");
    s.values = (const float[]){ 1, 1 };
    wrong(o.similarity = &s, OUT_OF_RANGE, "does not ascend");
    s.struct_size = 1;
    wrong(o.similarity = &s, STRUCT_SIZE, "recsys_similarity");
#undef wrong
    /* A similarity of another catalogue shows only when the model does. */
    const int64_t none[] = { 0, 0 };
    s = (recsys_similarity){ sizeof s, 1, none, NULL, NULL };
    o = good;
    o.similarity = &s;
    recsys_report *r = NULL;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
    expect_error(f.exec, recsys_evaluator_run(e, w->model, f.exec, &r), RECSYS_ERR_OUT_OF_RANGE, "1 items, the model 20");
    expect_error(f.exec, recsys_evaluator_run(e, NULL, f.exec, &r), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    assert_int_equal(recsys_evaluator_run(e, w->model, NULL, &r), RECSYS_ERR_INVALID_ARGUMENT);
    recsys_evaluator_release(e);
    recsys_evaluator_release(NULL);
    world_free(w);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_figures), cmocka_unit_test(names),         cmocka_unit_test(values_of_users),
        cmocka_unit_test(json),           cmocka_unit_test(undefined_figures), cmocka_unit_test(csv),
        cmocka_unit_test(per_user_csv),   cmocka_unit_test(text),          cmocka_unit_test(small_buffers),
        cmocka_unit_test(wrong_options),
    };
    return cmocka_run_group_tests_name("eval/report", tests, NULL, NULL);
}
