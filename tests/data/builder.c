/* builder.c - tests of datasets made from arrays in memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"

static recsys_dataset_builder *open_builder(fixture *f, const recsys_read_options *options)
{
    recsys_dataset_builder *b = NULL;
    expect_ok(f->exec, recsys_dataset_builder_create(f->exec, options, &b));
    return b;
}

static recsys_dataset *finish(fixture *f, recsys_dataset_builder *b)
{
    recsys_dataset *d = NULL;
    expect_ok(f->exec, recsys_dataset_builder_finish(b, &d));
    return d;
}

static recsys_events events_of(const int64_t *users, const int64_t *items, int64_t count)
{
    recsys_events v = RECSYS_EVENTS_INIT;
    v.count = count;
    v.user_ids = users;
    v.item_ids = items;
    return v;
}

/* ---- numbering ---- */

static void integers_are_numbered_ascending(void **state)
{
    (void)state;
    static const int64_t users[] = {30, 10, 20, 10}, items[] = {7, 5, 5, INT32_MAX};
    static const int64_t wide_users[] = {5, -9000000000, INT64_MAX}, wide_items[] = {2, 1, -1};
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset_builder *b = open_builder(&f, NULL);
    recsys_events v = events_of(users, items, 4), w = events_of(wide_users, wide_items, 3);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    recsys_dataset *d = finish(&f, b);
    assert_ids(recsys_dataset_users(d), "10 20 30 ");
    assert_ids(recsys_dataset_items(d), "5 7 2147483647 ");
    assert_events(&f, d, "30 7\n10 5\n20 5\n10 2147483647\n");
    recsys_dataset_release(d);

    expect_ok(f.exec, recsys_dataset_builder_append(b, &v)); /* the builder is empty again */
    expect_ok(f.exec, recsys_dataset_builder_append(b, &w)); /* integers that no table fits */
    d = finish(&f, b);
    assert_ids(recsys_dataset_users(d), "-9000000000 5 10 20 30 9223372036854775807 ");
    assert_ids(recsys_dataset_items(d), "-1 1 2 5 7 2147483647 ");
    assert_events(&f, d, "30 7\n10 5\n20 5\n10 2147483647\n5 2\n-9000000000 1\n9223372036854775807 -1\n");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

static void strings_are_numbered_as_they_come(void **state)
{
    (void)state;
    static const char *const users[] = {"zoe", "7", "zoe"};
    static const int64_t items[] = {9, 8, 9};
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset_builder *b = open_builder(&f, NULL);
    recsys_events v = RECSYS_EVENTS_INIT;
    v.count = 3;
    v.user_names = users;
    v.item_ids = items;
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    recsys_dataset *d = finish(&f, b);
    assert_int_equal(recsys_ids_type(recsys_dataset_users(d)), RECSYS_ID_STRING);
    assert_int_equal(recsys_ids_type(recsys_dataset_items(d)), RECSYS_ID_INT);
    assert_ids(recsys_dataset_users(d), "zoe 7 ");
    assert_ids(recsys_dataset_items(d), "8 9 ");
    recsys_dataset_release(d);

    /* The map that the first dataset has must not grow with the second. */
    static const char *const others[] = {"new", "zoe", "x"};
    v.user_names = others;
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    d = finish(&f, b);
    assert_ids(recsys_dataset_users(d), "new zoe x ");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

static void universes_number_the_ids(void **state)
{
    (void)state;
    static const int64_t users[] = {0, 3}, items[] = {2, 0}, beyond[] = {1, 4};
    fixture f;
    char path[TEST_PATH_ROOM];
    fixture_open(&f, 1);
    test_write_text(fixture_path(&f, "users.txt", path), "3\n0\n9\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.users = path;
    options.items = "4";
    recsys_dataset_builder *b = open_builder(&f, &options);
    recsys_events v = events_of(users, items, 2), w = events_of(users, beyond, 2);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    expect_error(f.exec, recsys_dataset_builder_append(b, &w), RECSYS_ERR_UNKNOWN_ID,
                 "event 1: item|4 is not among the 4 items");
    recsys_dataset *d = finish(&f, b);
    assert_ids(recsys_dataset_users(d), "3 0 9 ");
    assert_ids(recsys_dataset_items(d), "0 1 2 3 ");
    assert_events(&f, d, "0 2\n3 0\n");
    recsys_dataset_release(d);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v)); /* the universe stays */
    d = finish(&f, b);
    assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), 3);
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

static void a_catalogue_needs_no_events(void **state)
{
    (void)state;
    fixture f;
    char path[TEST_PATH_ROOM];
    fixture_open(&f, 1);
    test_write_text(fixture_path(&f, "items.txt", path), "7\tSeven\todd\n4\tFour\t\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.items = path;
    recsys_dataset_builder *b = open_builder(&f, &options);
    recsys_dataset *d = finish(&f, b);
    assert_int_equal(recsys_dataset_event_count(d), 0);
    assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), 0);
    assert_ids(recsys_dataset_items(d), "7 4 ");
    assert_string_equal(recsys_dataset_item_name(d, 1), "Four");
    assert_features(d, 0, "7", "odd=1 ");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

/* ---- all columns ---- */

static void every_column_is_kept(void **state)
{
    (void)state;
    static const int64_t users[] = {1, 2}, items[] = {5, 6}, times[] = {-7, INT64_MAX}, sessions[] = {40, 40};
    static const float values[] = {0.5f, -3.0f};
    static const char *const behaviours[] = {"buy", "view"};
    static const uint8_t flags[] = {0, 1};
    fixture f;
    fixture_open(&f, 1);
    recsys_events v = events_of(users, items, 2);
    v.values = values;
    v.times = times;
    v.behaviours = behaviours;
    v.sessions = sessions;
    v.flags = flags;
    recsys_dataset_builder *b = open_builder(&f, NULL);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    recsys_dataset *d = finish(&f, b);
    assert_events(&f, d,
                  "1 5 0.5 -7 buy 40 0\n2 6 -3 9223372036854775807 view 40 1\n"
                  "1 5 0.5 -7 buy 40 0\n2 6 -3 9223372036854775807 view 40 1\n");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

/* ---- all or nothing ---- */

static void bad_events_are_refused_whole(void **state)
{
    (void)state;
    static const int64_t users[] = {1, 2, 3}, items[] = {4, 5, 6};
    static const float values[] = {1.0f, 2.0f, 3.0f}, holes[] = {1.0f, NAN, 3.0f}, endless[] = {1.0f, 2.0f, INFINITY};
    static const char *const names[] = {"a", "", "c"}, *const missing[] = {"a", "b", NULL};
    static const uint8_t flags[] = {0, 2, 1};
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset_builder *b = open_builder(&f, NULL);
    recsys_events good = events_of(users, items, 3), v;
    good.values = values;

    v = good, v.values = holes;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_NUMERIC, "values[1]|not a number");
    v = good, v.values = endless;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_NUMERIC, "values[2]|infinite");
    v = good, v.count = -1;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "negative");
    v = good, v.user_names = names;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "user_ids|user_names");
    v = good, v.item_ids = NULL;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "item_ids|item_names");
    v = good, v.user_ids = NULL, v.user_names = names;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "user_names[1]|empty");
    v = good, v.behaviours = missing;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "behaviours[2]|empty");
    v = good, v.flags = flags;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "flags[1]|2|0 or 1");
    v = good, v.struct_size = 4;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_STRUCT_SIZE, "recsys_events");
    expect_error(f.exec, recsys_dataset_builder_append(b, NULL), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    assert_int_equal(recsys_dataset_builder_append(NULL, &good), RECSYS_ERR_INVALID_ARGUMENT);
    recsys_dataset *d = NULL;
    expect_error(f.exec, recsys_dataset_builder_finish(b, &d), RECSYS_ERR_EMPTY, "no events");

    expect_ok(f.exec, recsys_dataset_builder_append(b, &good));
    v = good, v.values = NULL;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_INVALID_ARGUMENT, "same optional arrays");
    v = good, v.user_ids = NULL, v.user_names = missing, v.count = 2;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_TYPE, "event 0: user|\"a\"|RECSYS_ID_STRING");
    v = good, v.count = 0;
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    d = finish(&f, b);
    assert_events(&f, d, "1 4 1\n2 5 2\n3 6 3\n");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

/* An event that fails late takes those before it, and their ids, out again. */
static void a_late_failure_takes_events_back(void **state)
{
    (void)state;
    static const char *const users[] = {"a", "b"}, *const more[] = {"x", "y"};
    static const int64_t items[] = {0, 1}, bad[] = {2, 3};
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.items = "3";
    recsys_dataset_builder *b = open_builder(&f, &options);
    recsys_events v = RECSYS_EVENTS_INIT;
    v.count = 2;
    v.user_names = more;
    v.item_ids = bad;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_UNKNOWN_ID, "event 1: item|3");
    v.user_names = users;
    v.item_ids = items;
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    v.user_names = more;
    v.item_ids = bad;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_UNKNOWN_ID, "event 1: item|3");
    recsys_dataset *d = finish(&f, b);
    assert_ids(recsys_dataset_users(d), "a b ");
    assert_events(&f, d, "a 0\nb 1\n");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

static void types_can_be_asked_for(void **state)
{
    (void)state;
    static const char *const users[] = {"12", "007"}, *const words[] = {"12", "word"},
                             *const huge[] = {"99999999999999999999"};
    static const int64_t items[] = {1, 2};
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    recsys_events v = RECSYS_EVENTS_INIT;
    v.count = 2;
    v.user_names = users;
    v.item_ids = items;
    options.id_type = RECSYS_ID_INT;
    recsys_dataset_builder *b = open_builder(&f, &options);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    v.user_names = words;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_TYPE, "event 1: user|\"word\"|not an integer");
    v.user_names = huge;
    v.count = 1;
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_TYPE, "64 bits|RECSYS_ID_STRING");
    recsys_dataset *d = finish(&f, b);
    assert_ids(recsys_dataset_users(d), "7 12 ");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);

    options.id_type = RECSYS_ID_STRING;
    b = open_builder(&f, &options);
    expect_error(f.exec, recsys_dataset_builder_append(b, &v), RECSYS_ERR_TYPE, "event 0: item|1|strings");
    recsys_dataset_builder_release(b);
    options.id_type = 9;
    expect_error(f.exec, recsys_dataset_builder_create(f.exec, &options, &b), RECSYS_ERR_OUT_OF_RANGE, "id_type|9");
    assert_null(b);
    fixture_close(&f);
}

static void duplicates_are_treated(void **state)
{
    (void)state;
    static const int64_t users[] = {1, 1, 2}, items[] = {5, 5, 5};
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    recsys_events v = events_of(users, items, 3);
    options.duplicates = RECSYS_DUPLICATES_FIRST;
    recsys_dataset_builder *b = open_builder(&f, &options);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    recsys_dataset *d = finish(&f, b);
    assert_events(&f, d, "1 5\n2 5\n");
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    options.duplicates = RECSYS_DUPLICATES_ERROR;
    b = open_builder(&f, &options);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    expect_error(f.exec, recsys_dataset_builder_finish(b, &d), RECSYS_ERR_DUPLICATE, "user 1|item 5");
    assert_null(d);
    recsys_dataset_builder_release(b);
    fixture_close(&f);
}

/* ---- size and memory ---- */

/* Many chunks: rows stay in order, and the peak stays near what the dataset takes. */
static void many_events_keep_their_order(void **state)
{
    (void)state;
    enum { N = 700000 };
    fixture f;
    fixture_open(&f, 1);
    int64_t *users = malloc(N * sizeof *users), *items = malloc(N * sizeof *items);
    float *values = malloc(N * sizeof *values);
    assert_true(users && items && values);
    for (int64_t e = 0; e < N; e++) {
        users[e] = e * 7919 % 1000;
        items[e] = e * 104729 % 3001 - 1000;
        values[e] = (float)(e % 11);
    }
    recsys_events v = events_of(users, items, N);
    v.values = values;
    recsys_dataset_builder *b = open_builder(&f, NULL);
    expect_ok(f.exec, recsys_dataset_builder_append(b, &v));
    recsys_dataset *d = finish(&f, b);
    recsys_memory_info held = RECSYS_MEMORY_INFO_INIT;
    expect_ok(f.exec, recsys_exec_memory(f.exec, &held));
    assert_true(held.peak < 18 * (int64_t)N); /* 12 bytes an event, 4 to join a column, the last chunk's room */
    assert_int_equal(recsys_ids_find_int(recsys_dataset_items(d), -1000), 0);
    /* The cells of user 17 are the values of the last events with those items. */
    int64_t row[4000], count;
    float cells[4000];
    expect_ok(f.exec, recsys_dataset_history(d, f.exec, 17, row, cells, 4000, &count));
    assert_true(count > 20);
    for (int64_t k = 0; k < 20; k++) {
        float last = -1.0f;
        for (int64_t e = 0; e < N; e++)
            if (users[e] == 17 && items[e] == row[k] - 1000) last = values[e];
        assert_true(cells[k] >= last && cells[k] <= last);
    }
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    free(users);
    free(items);
    free(values);
    fixture_close(&f);
}

static recsys_status build(fixture *f, recsys_dataset **d)
{
    static const char *const users[] = {"u", "v", "w"}, *const behaviours[] = {"buy", "view", "buy"};
    static const int64_t items[] = {5, -6, 7}, sessions[] = {9, 1, 9};
    recsys_dataset_builder *b = NULL;
    recsys_events v = RECSYS_EVENTS_INIT;
    v.count = 3;
    v.user_names = users;
    v.item_ids = items;
    v.behaviours = behaviours;
    v.sessions = sessions;
    recsys_status s = recsys_dataset_builder_create(f->exec, NULL, &b);
    if (!s) s = recsys_dataset_builder_append(b, &v);
    if (s == RECSYS_ERR_NO_MEMORY && b) {
        /* Nothing of the failed call is left, so it can be made again. */
        test_heap_fail(&f->heap, 0, 0);
        s = recsys_dataset_builder_append(b, &v);
    }
    if (!s) s = recsys_dataset_builder_finish(b, d);
    recsys_dataset_builder_release(b);
    return s;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    int64_t refused = 1;
    for (int64_t n = 1; refused; n++) {
        recsys_dataset *d = NULL;
        test_heap_fail(&f.heap, n, 0);
        recsys_status s = build(&f, &d);
        refused = atomic_load(&f.heap.refused);
        test_heap_fail(&f.heap, 0, 0);
        if (s == RECSYS_OK)
            assert_events(&f, d, "u 5 buy 9\nv -6 view 1\nw 7 buy 9\n");
        else
            assert_int_equal(s, RECSYS_ERR_NO_MEMORY);
        recsys_dataset_release(d);
    }
    fixture_close(&f);
}

static void a_limit_is_kept(void **state)
{
    (void)state;
    enum { N = 100000 };
    fixture f;
    fixture_open(&f, 1);
    int64_t *ids = malloc(N * sizeof *ids);
    assert_non_null(ids);
    for (int64_t e = 0; e < N; e++) ids[e] = e;
    recsys_exec *small = fixture_exec(&f, 1, 400000, 0);
    recsys_dataset_builder *b;
    recsys_events v = events_of(ids, ids, N);
    expect_ok(small, recsys_dataset_builder_create(small, NULL, &b));
    expect_error(small, recsys_dataset_builder_append(b, &v), RECSYS_ERR_MEMORY_LIMIT, "limit");
    v.count = 10;
    expect_ok(small, recsys_dataset_builder_append(b, &v));
    recsys_dataset *d;
    expect_ok(small, recsys_dataset_builder_finish(b, &d));
    assert_int_equal(recsys_dataset_event_count(d), 10);
    recsys_dataset_release(d);
    recsys_dataset_builder_release(b);
    recsys_exec_release(small);
    free(ids);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_numbered_ascending),
        cmocka_unit_test(strings_are_numbered_as_they_come),
        cmocka_unit_test(universes_number_the_ids),
        cmocka_unit_test(a_catalogue_needs_no_events),
        cmocka_unit_test(every_column_is_kept),
        cmocka_unit_test(bad_events_are_refused_whole),
        cmocka_unit_test(a_late_failure_takes_events_back),
        cmocka_unit_test(types_can_be_asked_for),
        cmocka_unit_test(duplicates_are_treated),
        cmocka_unit_test(many_events_keep_their_order),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(a_limit_is_kept),
    };
    return cmocka_run_group_tests_name("builder", tests, NULL, NULL);
}
