/* statistics.c - tests of the figures that describe a dataset.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

static recsys_statistics statistics_of(fixture *f, const recsys_dataset *d)
{
    recsys_statistics s = RECSYS_STATISTICS_INIT;
    expect_ok(f->exec, recsys_dataset_statistics(d, f->exec, &s));
    return s;
}

static void near(double value, double expected)
{
    assert_true(value > expected - 1e-12 && value < expected + 1e-12);
}

static const char small[] = "a x 4 100\n"
                            "a y 2.5 90\n"
                            "b x 1 80\n"
                            "a x 5 110\n"
                            "c z 3 -7\n";

static void test_figures(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = dataset_from(&f, "user,item,value,time", small);
    recsys_statistics s = statistics_of(&f, d);
    assert_int_equal(s.n_users, 3);
    assert_int_equal(s.n_items, 3);
    assert_int_equal(s.n_events, 5);
    assert_int_equal(s.n_interactions, 4);
    assert_int_equal(s.n_behaviours, 0);
    assert_int_equal(s.n_sessions, 0);
    assert_int_equal(s.has_values, 1);
    assert_int_equal(s.has_times, 1);
    near(s.value_min, 1.0);
    near(s.value_max, 5.0);
    near(s.density, 4.0 / 9.0);
    assert_int_equal(s.user_min, 1);
    near(s.user_mean, 4.0 / 3.0);
    assert_int_equal(s.user_max, 2);
    assert_int_equal(s.item_min, 1);
    near(s.item_mean, 4.0 / 3.0);
    assert_int_equal(s.item_max, 2);
    near(s.gini, 2.0 / 12.0); /* counts 1 1 2: (-2 * 1 + 0 * 1 + 2 * 2) / (3 * 4) */
    assert_int_equal(s.time_min, -7);
    assert_int_equal(s.time_max, 110);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_text(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,value,time", small);
    static const char expected[] = "users                   3\n"
                                   "items                   3\n"
                                   "events                  5\n"
                                   "interactions            4\n"
                                   "values                  1 to 5\n"
                                   "density                 44.44 %\n"
                                   "interactions per user   min 1, mean 1.33, max 2\n"
                                   "interactions per item   min 1, mean 1.33, max 2\n"
                                   "Gini index of users     0.17\n"
                                   "times                   -7 to 110\n";
    char buffer[1024], part[8];
    int64_t length = 0;
    expect_ok(f.exec, recsys_dataset_statistics_text(d, f.exec, buffer, sizeof buffer, &length));
    assert_string_equal(buffer, expected);
    assert_int_equal(length, strlen(expected));
    expect_ok(f.exec, recsys_dataset_statistics_text(d, f.exec, NULL, 0, &length));
    assert_int_equal(length, strlen(expected));
    expect_ok(f.exec, recsys_dataset_statistics_text(d, f.exec, part, sizeof part, &length));
    assert_string_equal(part, "users  ");
    expect_error(f.exec, recsys_dataset_statistics_text(d, f.exec, NULL, 3, &length), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_implicit_data_with_behaviours(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,behaviour,session", "1 1 view 5\n1 2 buy 5\n2 1 view 6\n");
    recsys_statistics s = statistics_of(&f, d);
    assert_int_equal(s.n_behaviours, 2);
    assert_int_equal(s.n_sessions, 2);
    assert_int_equal(s.has_values, 0);
    near(s.value_min, 1.0);
    near(s.value_max, 1.0);
    recsys_dataset *views = NULL;
    expect_ok(f.exec, recsys_dataset_of_behaviour(d, f.exec, "view", &views));
    s = statistics_of(&f, views);
    assert_int_equal(s.n_behaviours, 1); /* those that occur, not those that are known */
    assert_int_equal(s.n_users, 2);
    char buffer[1024];
    int64_t length;
    expect_ok(f.exec, recsys_dataset_statistics_text(views, f.exec, buffer, sizeof buffer, &length));
    assert_non_null(strstr(buffer, "values                  1 to 1 (implicit)\n"));
    assert_non_null(strstr(buffer, "sessions                2\n"));
    recsys_dataset_release(views);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* The Gini index by its definition: the mean difference of all pairs, over twice the mean. */
static double gini_by_definition(const int64_t *count, int64_t n)
{
    double sum = 0.0, difference = 0.0;
    for (int64_t a = 0; a < n; a++) {
        sum += (double)count[a];
        for (int64_t b = 0; b < n; b++) difference += (double)llabs((long long)(count[a] - count[b]));
    }
    return difference / (2.0 * (double)n * sum);
}

static void check_gini(fixture *f, const int64_t *count, int64_t n, double expected)
{
    char text[4096] = "";
    for (int64_t u = 0; u < n; u++)
        for (int64_t i = 0; i < count[u]; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%d %d\n", (int)u, (int)i);
    recsys_dataset *d = dataset_from(f, "user,item", text);
    double gini = statistics_of(f, d).gini;
    near(gini, expected);
    near(gini, gini_by_definition(count, n));
    recsys_dataset_release(d);
}

static void test_gini(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    check_gini(&f, (const int64_t[]){ 2, 2, 2 }, 3, 0.0);
    check_gini(&f, (const int64_t[]){ 5, 1, 1, 1 }, 4, 0.375);
    check_gini(&f, (const int64_t[]){ 1, 2, 3, 4, 5 }, 5, 4.0 / 15.0);
    check_gini(&f, (const int64_t[]){ 1, 97, 3, 3, 40 }, 5, gini_by_definition((const int64_t[]){ 1, 3, 3, 40, 97 }, 5));
    fixture_close(&f);
}

static void test_users_and_items_without_events(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM];
    test_write_text(fixture_path(&f, "events.txt", path), "0 1\n2 1\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.columns = "user,item";
    options.users = "4";
    options.items = "10";
    recsys_dataset *d = NULL;
    expect_ok(f.exec, recsys_dataset_read(f.exec, path, &options, &d));
    recsys_statistics s = statistics_of(&f, d);
    assert_int_equal(s.n_users, 4);
    assert_int_equal(s.n_items, 10);
    assert_int_equal(s.user_min, 0);
    assert_int_equal(s.item_min, 0);
    assert_int_equal(s.item_max, 2);
    near(s.user_mean, 0.5);
    near(s.item_mean, 0.2);
    near(s.density, 2.0 / 40.0);
    near(s.gini, 0.5); /* counts 0 0 1 1: (1 + 3) / (4 * 2) */
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_clean_events(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_statistics s = RECSYS_STATISTICS_INIT;
    char buffer[2048];
    int64_t length;
    recsys_dataset *d = dataset_from(&f, "user,item", "1 1\n");
    expect_ok(f.exec, recsys_dataset_statistics(d, f.exec, &s));
    assert_int_equal(s.n_clean, -1);
    expect_ok(f.exec, recsys_dataset_statistics_text(d, f.exec, buffer, sizeof buffer, &length));
    assert_null(strstr(buffer, "clean"));
    recsys_dataset_release(d);
    d = dataset_from(&f, "user,item,flag", "1 1 1\n1 2 0\n1 3 0\n1 1 0\n");
    expect_ok(f.exec, recsys_dataset_statistics(d, f.exec, &s));
    assert_int_equal(s.n_clean, 1);
    expect_ok(f.exec, recsys_dataset_statistics_text(d, f.exec, buffer, sizeof buffer, &length));
    assert_non_null(strstr(buffer, "clean events            1 (25.00 %)\n"));
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item", "1 1\n");
    recsys_statistics s = RECSYS_STATISTICS_INIT;
    assert_int_equal(recsys_dataset_statistics(d, NULL, &s), RECSYS_ERR_INVALID_ARGUMENT);
    expect_error(f.exec, recsys_dataset_statistics(NULL, f.exec, &s), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    expect_error(f.exec, recsys_dataset_statistics(d, f.exec, NULL), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    s.struct_size = 0;
    expect_error(f.exec, recsys_dataset_statistics(d, f.exec, &s), RECSYS_ERR_STRUCT_SIZE, "recsys_statistics");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t n = 1; status; n++) {
        recsys_dataset *d = test_random_dataset(f.exec, 20, 15, 5, TEST_VALUES | TEST_BEHAVIOURS, 1);
        char buffer[2048];
        int64_t length;
        test_heap_fail(&f.heap, n, 0);
        status = recsys_dataset_statistics_text(d, f.exec, buffer, sizeof buffer, &length);
        test_heap_fail(&f.heap, 0, 0);
        if (status) assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
        recsys_dataset_release(d);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_implicit_data_with_behaviours),
        cmocka_unit_test(test_gini),
        cmocka_unit_test(test_users_and_items_without_events),
        cmocka_unit_test(test_clean_events),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
