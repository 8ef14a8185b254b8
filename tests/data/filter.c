/* filter.c - tests of filters: threshold, behaviour, difference, repeated pairs, k-core, concatenation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "dump.h"

static void test_threshold(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,value,time", "a x 4 1\na y 3.5 2\nb x 1 3\n"), *r = NULL;
    expect_ok(f.exec, recsys_dataset_to_implicit(d, f.exec, 3.5, &r));
    assert_events(&f, r, "a x 1\na y 2\n"); /* user, item, time */
    assert_ids(recsys_dataset_users(r), "a b ");
    recsys_dataset *again = NULL;
    expect_error(f.exec, recsys_dataset_to_implicit(r, f.exec, 1.0, &again), RECSYS_ERR_MISSING_DATA, "values");
    expect_error(f.exec, recsys_dataset_to_implicit(d, f.exec, 4.5, &again), RECSYS_ERR_EMPTY, "threshold");
    expect_error(f.exec, recsys_dataset_to_implicit(d, f.exec, (double)NAN, &again), RECSYS_ERR_NUMERIC, "threshold");
    assert_null(again);
    assert_events(&f, d, "a x 4 1\na y 3.5 2\nb x 1 3\n");
    recsys_dataset_release(r);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_behaviour(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,behaviour", "1 1 view\n1 2 buy\n2 1 view\n"), *r = NULL;
    expect_ok(f.exec, recsys_dataset_of_behaviour(d, f.exec, "view", &r));
    assert_events(&f, r, "1 1 view\n2 1 view\n");
    assert_ids(recsys_dataset_items(r), "1 2 ");
    recsys_dataset *none = NULL;
    expect_error(f.exec, recsys_dataset_of_behaviour(d, f.exec, "cart", &none), RECSYS_ERR_UNKNOWN_KEY, "cart|view|buy");
    recsys_dataset *plain = dataset_from(&f, "user,item", "1 1\n");
    expect_error(f.exec, recsys_dataset_of_behaviour(plain, f.exec, "view", &none), RECSYS_ERR_MISSING_DATA, "behaviours");
    recsys_dataset_release(plain);
    recsys_dataset_release(r);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_difference(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item", "7 30\n7 10\n5 20\n7 10\n9 30\n"), *r = NULL;
    recsys_dataset *other = dataset_from(&f, "user,item", "1 1\n7 10\n9 30\n9 99\n5 30\n");
    expect_ok(f.exec, recsys_dataset_difference(d, f.exec, other, &r));
    assert_events(&f, r, "7 30\n5 20\n");
    recsys_dataset *none = NULL;
    expect_error(f.exec, recsys_dataset_difference(d, f.exec, d, &none), RECSYS_ERR_EMPTY, "difference");
    recsys_dataset *words = dataset_from(&f, "user,item", "a 10\n");
    expect_error(f.exec, recsys_dataset_difference(d, f.exec, words, &none), RECSYS_ERR_TYPE, "users|strings");
    recsys_dataset_release(words);
    recsys_dataset_release(r);
    recsys_dataset_release(other);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Repeated pairs ---- */

static void check_merge(fixture *f, const recsys_dataset *d, int32_t rule, const char *expected)
{
    recsys_dataset *r = NULL;
    expect_ok(f->exec, recsys_dataset_merge_duplicates(d, f->exec, rule, &r));
    assert_events(f, r, expected);
    recsys_dataset_release(r);
}

static void test_merge_with_values_and_times(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    static const char all[] = "b y 1 5\na x 2 9\na x 8 3\nb x 4 4\na x 8 9\na x 1 3\n";
    recsys_dataset *d = dataset_from(&f, "user,item,value,time", all);
    check_merge(&f, d, RECSYS_DUPLICATES_KEEP, all);
    check_merge(&f, d, RECSYS_DUPLICATES_FIRST, "b y 1 5\na x 8 3\nb x 4 4\n");
    check_merge(&f, d, RECSYS_DUPLICATES_LAST, "b y 1 5\nb x 4 4\na x 8 9\n");
    check_merge(&f, d, RECSYS_DUPLICATES_MAX, "b y 1 5\na x 8 3\nb x 4 4\n");
    check_merge(&f, d, RECSYS_DUPLICATES_SUM, "b y 1 5\na x 19 3\nb x 4 4\n");
    recsys_dataset *r = NULL;
    expect_error(f.exec, recsys_dataset_merge_duplicates(d, f.exec, RECSYS_DUPLICATES_ERROR, &r), RECSYS_ERR_DUPLICATE,
                 "\"a\"|\"x\"|event 3");
    expect_error(f.exec, recsys_dataset_merge_duplicates(d, f.exec, 6, &r), RECSYS_ERR_OUT_OF_RANGE, "6");
    expect_error(f.exec, recsys_dataset_merge_duplicates(d, f.exec, -1, &r), RECSYS_ERR_OUT_OF_RANGE, "-1");
    assert_null(r);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_merge_of_plain_pairs(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item", "1 1\n2 1\n1 1\n1 2\n1 1\n");
    check_merge(&f, d, RECSYS_DUPLICATES_FIRST, "1 1\n2 1\n1 2\n");
    check_merge(&f, d, RECSYS_DUPLICATES_LAST, "2 1\n1 2\n1 1\n");
    check_merge(&f, d, RECSYS_DUPLICATES_MAX, "1 1\n2 1\n1 2\n");
    check_merge(&f, d, RECSYS_DUPLICATES_SUM, "1 1 3\n2 1 1\n1 2 1\n"); /* the count is the value */
    recsys_dataset *once = NULL, *same = NULL;
    expect_ok(f.exec, recsys_dataset_merge_duplicates(d, f.exec, RECSYS_DUPLICATES_FIRST, &once));
    expect_ok(f.exec, recsys_dataset_merge_duplicates(once, f.exec, RECSYS_DUPLICATES_ERROR, &same));
    assert_events(&f, same, "1 1\n2 1\n1 2\n");
    recsys_dataset_release(same);
    recsys_dataset_release(once);
    recsys_dataset_release(d);
    d = dataset_from(&f, "user,item,value", "1 1 3e38\n1 1 3e38\n");
    recsys_dataset *r = NULL;
    expect_error(f.exec, recsys_dataset_merge_duplicates(d, f.exec, RECSYS_DUPLICATES_SUM, &r), RECSYS_ERR_NUMERIC,
                 "user 1|item 1");
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- k-core ---- */

/* The events of the k-core by the slow way, repeating both filters until nothing changes, as "user item" lines. */
static char *slow_core(const char *events, int user_k, int item_k)
{
    enum { MOST = 4096 };
    static int user[MOST], item[MOST], keep[MOST];
    int n = 0;
    for (const char *s = events; *s; s = strchr(s, '\n') + 1, n++) {
        assert_int_equal(sscanf(s, "%d %d", &user[n], &item[n]), 2);
        keep[n] = 1;
    }
    for (int changed = 1; changed;) {
        changed = 0;
        for (int e = 0; e < n; e++) {
            int of_user = 0, of_item = 0;
            if (!keep[e]) continue;
            for (int other = 0; other < n; other++) {
                of_user += keep[other] && user[other] == user[e];
                of_item += keep[other] && item[other] == item[e];
            }
            if (of_user >= user_k && of_item >= item_k) continue;
            keep[e] = 0;
            changed = 1;
        }
    }
    char *text = calloc(MOST, 16);
    char *end = text;
    for (int e = 0; e < n; e++)
        if (keep[e]) end += sprintf(end, "%d %d\n", user[e], item[e]);
    return text;
}

static void test_k_core_against_the_slow_way(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    int empty = 0, shrunk = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        recsys_dataset *d = test_random_dataset(f.exec, 30, 25, 5, 0, seed);
        char *events = dump(&f, d);
        for (int k = 1; k <= 6; k++) {
            char *expected = slow_core(events, k, 7 - k);
            recsys_dataset *core = NULL;
            if (*expected) {
                expect_ok(f.exec, recsys_dataset_k_core(d, f.exec, k, 7 - k, &core));
                assert_events(&f, core, expected);
                shrunk += recsys_dataset_event_count(core) < recsys_dataset_event_count(d);
            } else {
                expect_error(f.exec, recsys_dataset_k_core(d, f.exec, k, 7 - k, &core), RECSYS_ERR_EMPTY, "k-core");
                assert_null(core);
                empty++;
            }
            recsys_dataset_release(core);
            free(expected);
        }
        free(events);
        recsys_dataset_release(d);
    }
    assert_true(shrunk > 10);
    assert_true(empty > 0);
    fixture_close(&f);
}

static void test_k_core_renumbers_items_with_their_table(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char events[TEST_PATH_ROOM], items[TEST_PATH_ROOM];
    test_write_text(fixture_path(&f, "events.txt", events), "a q 1\na r 2\nb q 3\nb r 4\nc s 5\na q 6\n");
    test_write_text(fixture_path(&f, "items.txt", items),
                    "s\tSoup\tsmall|hot\np\tPie\tsweet\nr\tRice\twhite|small\nq\tQuiche\thot\n");
    recsys_dataset *d = read_dataset(&f, events, "user,item,value", items), *core = NULL;
    expect_ok(f.exec, recsys_dataset_k_core(d, f.exec, 2, 2, &core));
    assert_events(&f, core, "a q 1\na r 2\nb q 3\nb r 4\na q 6\n");
    assert_ids(recsys_dataset_users(core), "a b ");
    assert_ids(recsys_dataset_items(core), "r q ");
    assert_string_equal(recsys_dataset_item_name(core, 0), "Rice");
    assert_string_equal(recsys_dataset_item_name(core, 1), "Quiche");
    assert_int_equal(recsys_dataset_feature_count(core), 1);
    assert_features(core, 0, "q", "hot=1 ");
    assert_features(core, 0, "r", "small=1 white=1 ");
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    assert_int_equal(recsys_dataset_feature_info(core, 0, &info), RECSYS_OK);
    assert_int_equal(info.n_occurrences, 3);
    recsys_dataset_release(core);
    /* A k of 0 keeps those without events. */
    core = NULL;
    expect_ok(f.exec, recsys_dataset_k_core(d, f.exec, 2, 0, &core));
    assert_ids(recsys_dataset_items(core), "s p r q ");
    assert_ids(recsys_dataset_users(core), "a b ");
    recsys_dataset_release(core);
    expect_error(f.exec, recsys_dataset_k_core(d, f.exec, 2, -3, &core), RECSYS_ERR_OUT_OF_RANGE, "item_k|-3");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_k_core_is_cancelled(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 30, 25, 5, 0, 3), *core = NULL;
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys_dataset_k_core(d, f.exec, 2, 2, &core), RECSYS_ERR_CANCELLED, NULL);
    assert_null(core);
    recsys_exec_reset_cancel(f.exec);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Concatenation ---- */

static void test_concat(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char path[TEST_PATH_ROOM], items[TEST_PATH_ROOM];
    test_write_text(fixture_path(&f, "events.txt", path), "a x 1 view\nb y 2 buy\n");
    test_write_text(fixture_path(&f, "one.txt", items), "x\tXenon\tgas\ny\t\tgas|light\nw\tWater\t\n");
    recsys_dataset *one = read_dataset(&f, path, "user,item,value,behaviour", items);
    test_write_text(fixture_path(&f, "events.txt", path), "c y 3 cart 7\na z 4 view 8\n");
    test_write_text(fixture_path(&f, "two.txt", items), "y\tYttrium\tmetal\nz\tZinc\tmetal|light\nw\tWine\tred\n");
    recsys_dataset *two = read_dataset(&f, path, "user,item,value,behaviour,session", items);
    const recsys_dataset *parts[] = { one, two };
    recsys_dataset *all = NULL;
    expect_ok(f.exec, recsys_dataset_concat(f.exec, parts, 2, &all));
    assert_events(&f, all, "a x 1 view\nb y 2 buy\nc y 3 cart\na z 4 view\n"); /* only one of them has sessions */
    assert_ids(recsys_dataset_users(all), "a b c ");
    assert_ids(recsys_dataset_items(all), "x y w z ");
    assert_string_equal(recsys_dataset_item_name(all, 0), "Xenon");
    assert_string_equal(recsys_dataset_item_name(all, 1), "Yttrium"); /* `one` has no name for it */
    assert_string_equal(recsys_dataset_item_name(all, 2), "Water");
    assert_string_equal(recsys_dataset_item_name(all, 3), "Zinc");
    assert_int_equal(recsys_dataset_feature_count(all), 1);
    assert_features(all, 0, "y", "gas=1 light=1 ");
    assert_features(all, 0, "w", "red=1 ");
    assert_features(all, 0, "z", "light=1 metal=1 ");
    recsys_dataset_release(all);
    recsys_dataset_release(two);
    recsys_dataset_release(one);
    fixture_close(&f);
}

static void test_concat_of_parts_that_share_ids(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,value,time", "2 9 1 10\n1 8 2 20\n2 7 3 30\n"), *all = NULL;
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    options.method = RECSYS_SPLIT_BY_TIME;
    options.test_time = 20;
    recsys_split split = RECSYS_SPLIT_INIT;
    expect_ok(f.exec, recsys_dataset_split(d, f.exec, &options, &split));
    const recsys_dataset *parts[] = { split.train, split.test };
    expect_ok(f.exec, recsys_dataset_concat(f.exec, parts, 2, &all));
    assert_events(&f, all, "2 9 1 10\n1 8 2 20\n2 7 3 30\n");
    assert_ptr_equal(recsys_dataset_users(all), recsys_dataset_users(d));
    recsys_dataset_release(all);
    recsys_split_release(&split);
    recsys_dataset *words = dataset_from(&f, "user,item,value,time", "a 9 1 10\n");
    const recsys_dataset *mixed[] = { d, words };
    all = NULL;
    expect_error(f.exec, recsys_dataset_concat(f.exec, mixed, 2, &all), RECSYS_ERR_TYPE, "users");
    const recsys_dataset *holes[] = { d, NULL };
    expect_error(f.exec, recsys_dataset_concat(f.exec, holes, 2, &all), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    expect_error(f.exec, recsys_dataset_concat(f.exec, NULL, 0, &all), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    assert_null(all);
    recsys_dataset_release(words);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Memory ---- */

/* All filters one after the other on data with names, features, behaviours and times. */
static recsys_status all_filters(recsys_exec *x, const recsys_dataset *d, const recsys_dataset *other)
{
    recsys_dataset *r[6] = { NULL };
    const recsys_dataset *parts[] = { d, other };
    recsys_status status = recsys_dataset_to_implicit(d, x, 2.0, &r[0]);
    if (!status) status = recsys_dataset_of_behaviour(d, x, "buy", &r[1]);
    if (!status) status = recsys_dataset_difference(d, x, other, &r[2]);
    if (!status) status = recsys_dataset_merge_duplicates(d, x, RECSYS_DUPLICATES_SUM, &r[3]);
    if (!status) status = recsys_dataset_k_core(d, x, 2, 2, &r[4]);
    if (!status) status = recsys_dataset_concat(x, parts, 2, &r[5]);
    for (int k = 0; k < 6; k++) {
        assert_true(r[k] || status);
        recsys_dataset_release(r[k]);
    }
    return status;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    char events[TEST_PATH_ROOM], items[TEST_PATH_ROOM];
    static const char rows[] = "a q 1 buy\na r 2 buy\nb q 3 view\nb r 4 buy\nc s 5 buy\na q 6 buy\n";
    test_write_text(fixture_path(&f, "events.txt", events), rows);
    test_write_text(fixture_path(&f, "items.txt", items), "s\tSoup\thot\nr\tRice\twhite\nq\tQuiche\thot\n");
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t n = 1; status; n++) {
        recsys_dataset *d = read_dataset(&f, events, "user,item,value,behaviour", items);
        recsys_dataset *other = read_dataset(&f, events, "user,item,value,behaviour", NULL);
        const recsys_dataset *core = other;
        recsys_dataset *cut = NULL;
        expect_ok(f.exec, recsys_dataset_k_core(core, f.exec, 2, 2, &cut));
        test_heap_fail(&f.heap, n, 0);
        status = all_filters(f.exec, d, cut);
        test_heap_fail(&f.heap, 0, 0);
        if (status) expect_error(f.exec, status, RECSYS_ERR_NO_MEMORY, NULL);
        assert_events(&f, d, rows);
        recsys_dataset_release(cut);
        recsys_dataset_release(other);
        recsys_dataset_release(d);
        assert_true(n < 1000);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_behaviour),
        cmocka_unit_test(test_difference),
        cmocka_unit_test(test_merge_with_values_and_times),
        cmocka_unit_test(test_merge_of_plain_pairs),
        cmocka_unit_test(test_k_core_against_the_slow_way),
        cmocka_unit_test(test_k_core_renumbers_items_with_their_table),
        cmocka_unit_test(test_k_core_is_cancelled),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_concat_of_parts_that_share_ids),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
