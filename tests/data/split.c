/* split.c - tests of splits: exact counts, complete and disjoint parts, the same draw every time, clear errors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "dump.h"

static recsys_split split_with(fixture *f, const recsys_dataset *d, const recsys_split_options *options)
{
    recsys_split split = RECSYS_SPLIT_INIT;
    expect_ok(f->exec, recsys_dataset_split(d, f->exec, options, &split));
    return split;
}

static int64_t events_of(const recsys_dataset *d)
{
    return d ? recsys_dataset_event_count(d) : 0;
}

/* The lines of all parts together are the lines of the whole: each event went to one part. Lines must differ. */
static void assert_partition(fixture *f, const recsys_dataset *d, const recsys_split *s)
{
    const recsys_dataset *const part[] = { s->train, s->valid, s->test, s->valid_history, s->test_history };
    char *whole = dump(f, d);
    int64_t lines = 0;
    for (size_t p = 0; p < sizeof part / sizeof part[0]; p++) {
        if (!part[p]) continue;
        assert_ptr_equal(recsys_dataset_users(part[p]), recsys_dataset_users(d));
        assert_ptr_equal(recsys_dataset_items(part[p]), recsys_dataset_items(d));
        char *lines_of_part = dump(f, part[p]), *from = whole;
        for (char *line = lines_of_part, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
            *end = '\0';
            size_t length = strlen(line);
            while (strncmp(from, line, length) || from[length] != '\n') { /* in the order of the whole */
                from = strchr(from, '\n');
                assert_non_null(from);
                from++;
            }
            from += length + 1;
        }
        free(lines_of_part);
    }
    assert_int_equal(lines, recsys_dataset_event_count(d));
    free(whole);
}

static void test_random_over_all(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 40, 30, 10, TEST_TIMES, 1);
    int64_t E = recsys_dataset_event_count(d);
    static const double shares[] = { 0.2, 0.5, 0.05, 0.333, 0.9 };
    for (size_t k = 0; k < sizeof shares / sizeof shares[0]; k++) {
        recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
        options.test_share = shares[k];
        options.valid_share = 0.07;
        options.seed = k + 1;
        recsys_split s = split_with(&f, d, &options);
        assert_int_equal(events_of(s.test), lround(shares[k] * (double)E));
        assert_int_equal(events_of(s.valid), lround(0.07 * (double)E));
        assert_partition(&f, d, &s);
        assert_null(s.test_history);
        recsys_split_release(&s);
        assert_null(s.train);
        assert_null(s.test);
        options.valid_share = 0.0;
        s = split_with(&f, d, &options);
        assert_int_equal(events_of(s.test), lround(shares[k] * (double)E));
        assert_null(s.valid);
        recsys_split_release(&s);
    }
    recsys_split s = split_with(&f, d, NULL);
    assert_int_equal(events_of(s.test), lround(0.2 * (double)E));
    recsys_split_release(&s);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* Over many seeds each event is in the test data about as often as its share says. */
static void test_random_is_fair(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    enum { EVENTS = 20, SEEDS = 2000 };
    char text[EVENTS * 8] = "";
    for (int e = 0; e < EVENTS; e++) sprintf(text + strlen(text), "%d %d\n", e, e);
    recsys_dataset *d = dataset_from(&f, "user,item", text);
    int drawn[EVENTS] = { 0 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
        options.test_share = 0.25;
        options.seed = seed;
        recsys_split s = split_with(&f, d, &options);
        for (int e = 0; e < EVENTS; e++) {
            int64_t count = 0;
            expect_ok(f.exec, recsys_dataset_history(s.test, f.exec, e, NULL, NULL, 0, &count));
            drawn[e] += (int)count;
        }
        recsys_split_release(&s);
    }
    for (int e = 0; e < EVENTS; e++) assert_in_range(drawn[e], 400, 600); /* 500 expected, standard deviation 19 */
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void assert_same_test(fixture *f, const recsys_split *a, const recsys_split *b, int same)
{
    char *one = dump(f, a->test), *two = dump(f, b->test);
    assert_int_equal(strcmp(one, two) == 0, same);
    free(two);
    free(one);
}

static void test_same_seed_same_parts(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 600, 300, 80, TEST_TIMES, 1); /* more events than one chunk of keys */
    assert_true(recsys_dataset_event_count(d) > 2 * 16384);
    static const int32_t methods[] = { RECSYS_SPLIT_RANDOM, RECSYS_SPLIT_RANDOM_PER_USER, RECSYS_SPLIT_STRONG };
    recsys_exec *wide = fixture_exec(&f, 8, 0, 0), *seeded = fixture_exec(&f, 3, 0, 5);
    for (int k = 0; k < 3; k++) {
        recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
        options.method = methods[k];
        options.seed = 5;
        recsys_split a = split_with(&f, d, &options), b = RECSYS_SPLIT_INIT, c = RECSYS_SPLIT_INIT;
        expect_ok(wide, recsys_dataset_split(d, wide, &options, &b));
        assert_same_test(&f, &a, &b, 1);
        options.seed = 0; /* the exec's */
        expect_ok(seeded, recsys_dataset_split(d, seeded, &options, &c));
        assert_same_test(&f, &a, &c, 1);
        recsys_split_release(&b);
        options.seed = 6;
        b = split_with(&f, d, &options);
        assert_same_test(&f, &a, &b, 0);
        recsys_split_release(&c);
        recsys_split_release(&b);
        recsys_split_release(&a);
    }
    recsys_exec_release(seeded);
    recsys_exec_release(wide);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* Which events a seed draws is part of what the library promises: published figures name a seed. */
static void test_draw_never_changes(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item", "1 1\n1 2\n1 3\n1 4\n1 5\n2 1\n2 2\n2 3\n2 4\n2 5\n");
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    options.test_share = 0.3;
    options.seed = 42;
    recsys_split s = split_with(&f, d, &options);
    assert_events(&f, s.test, "1 5\n2 1\n2 3\n");
    recsys_split_release(&s);
    options.method = RECSYS_SPLIT_RANDOM_PER_USER;
    options.test_share = 0.4;
    s = split_with(&f, d, &options);
    assert_events(&f, s.test, "1 2\n1 3\n2 4\n2 5\n");
    recsys_split_release(&s);
    options.method = RECSYS_SPLIT_STRONG;
    options.test_share = 0.5;
    s = split_with(&f, d, &options);
    assert_events(&f, s.test, "1 5\n");
    recsys_split_release(&s);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* The number of events of a user, for data in which no pair repeats. */
static int64_t count_of(fixture *f, const recsys_dataset *d, int64_t user)
{
    int64_t count = 0;
    if (d) expect_ok(f->exec, recsys_dataset_history(d, f->exec, user, NULL, NULL, 0, &count));
    return count;
}

static void test_random_per_user(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 60, 40, 8, 0, 2);
    static const double share[][2] = { { 0.2, 0.0 }, { 0.3, 0.1 }, { 0.5, 0.25 }, { 0.7, 0.29 } };
    for (int k = 0; k < 4; k++) {
        recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
        options.method = RECSYS_SPLIT_RANDOM_PER_USER;
        options.test_share = share[k][0];
        options.valid_share = share[k][1];
        recsys_split s = split_with(&f, d, &options);
        assert_partition(&f, d, &s);
        for (int64_t u = 0; u < recsys_ids_count(recsys_dataset_users(d)); u++) {
            int64_t n = count_of(&f, d, u);
            /* Whole percents, so that integers give the exact floor. */
            assert_int_equal(count_of(&f, s.test, u), lround(100.0 * share[k][0]) * n / 100);
            assert_int_equal(count_of(&f, s.valid, u), lround(100.0 * share[k][1]) * n / 100);
            assert_true(n == 0 || count_of(&f, s.train, u) >= 1);
        }
        recsys_split_release(&s);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_last_per_user(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,time",
                                     "1 10 5\n1 11 9\n2 10 -3\n1 12 5\n1 13 2\n2 11 8\n3 10 1\n2 12 8\n1 14 -1\n");
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    options.method = RECSYS_SPLIT_LAST_PER_USER;
    recsys_split s = split_with(&f, d, &options);
    assert_events(&f, s.test, "1 11 9\n2 12 8\n"); /* of two at the same time the later row */
    assert_null(s.valid);
    assert_partition(&f, d, &s);
    recsys_split_release(&s);
    options.test_k = 2;
    options.valid_k = 1;
    s = split_with(&f, d, &options);
    assert_events(&f, s.test, "1 11 9\n1 12 5\n");
    assert_events(&f, s.valid, "1 10 5\n");
    assert_events(&f, s.train, "2 10 -3\n1 13 2\n2 11 8\n3 10 1\n2 12 8\n1 14 -1\n"); /* 2 and 3 stay whole */
    recsys_split_release(&s);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_by_time(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,time", "1 1 30\n1 2 10\n2 1 20\n2 2 -5\n1 3 19\n");
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    options.method = RECSYS_SPLIT_BY_TIME;
    options.test_time = 20;
    recsys_split s = split_with(&f, d, &options);
    assert_events(&f, s.test, "1 1 30\n2 1 20\n");
    assert_events(&f, s.train, "1 2 10\n2 2 -5\n1 3 19\n");
    assert_null(s.valid);
    recsys_split_release(&s);
    options.valid_time = 10;
    s = split_with(&f, d, &options);
    assert_events(&f, s.valid, "1 2 10\n1 3 19\n");
    assert_events(&f, s.train, "2 2 -5\n");
    recsys_split_release(&s);
    options.valid_time = 20;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &s), RECSYS_ERR_OUT_OF_RANGE, "valid_time|20");
    options.valid_time = 0;
    options.test_time = 31;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &s), RECSYS_ERR_EMPTY, "test side");
    options.test_time = -5;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &s), RECSYS_ERR_EMPTY, "training side");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_strong(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 80, 40, 2, 0, 3);
    int64_t U = recsys_ids_count(recsys_dataset_users(d)), candidates = 0, tested = 0, validated = 0;
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    options.method = RECSYS_SPLIT_STRONG;
    options.test_share = 0.3;
    options.valid_share = 0.1;
    options.fold_in_share = 0.6;
    recsys_split s = split_with(&f, d, &options);
    assert_partition(&f, d, &s);
    for (int64_t u = 0; u < U; u++) {
        int64_t n = count_of(&f, d, u), test = count_of(&f, s.test, u), valid = count_of(&f, s.valid, u);
        int64_t known = count_of(&f, s.test_history, u) + count_of(&f, s.valid_history, u);
        candidates += n >= 2;
        tested += test > 0;
        validated += valid > 0;
        assert_true(!(test && valid));
        if (!test && !valid) {
            assert_int_equal(count_of(&f, s.train, u), n);
            continue;
        }
        int64_t wanted = lround(0.6 * (double)n);
        assert_int_equal(known, wanted < 1 ? 1 : wanted > n - 1 ? n - 1 : wanted);
        assert_int_equal(known + test + valid, n);
        assert_int_equal(count_of(&f, s.train, u), 0);
        assert_true(n >= 2);
    }
    assert_true(candidates < U); /* some have a single event */
    assert_int_equal(tested, lround(0.3 * (double)candidates));
    assert_int_equal(validated, lround(0.1 * (double)candidates));
    recsys_split_release(&s);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void check_range(fixture *f, const recsys_dataset *d, recsys_split_options options, const char *words)
{
    recsys_split split = RECSYS_SPLIT_INIT;
    expect_error(f->exec, recsys_dataset_split(d, f->exec, &options, &split), RECSYS_ERR_OUT_OF_RANGE, words);
    assert_null(split.train);
    assert_null(split.test);
}

static void test_options_out_of_range(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 10, 10, 4, TEST_TIMES, 1);
    const size_t size = sizeof(recsys_split_options);
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .method = 9 }, "method|9");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .method = -1 }, "method|-1");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .reserved = 3 }, "reserved|3");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .test_share = 1.5 }, "test_share|1.5");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .test_share = -0.25 }, "test_share|-0.25");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .test_share = (double)NAN }, "test_share|nan");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .valid_share = -1 }, "valid_share|-1");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .test_share = 0.5, .valid_share = 0.5 }, "valid_share|1");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .method = 1, .test_share = 2 }, "test_share|2");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .method = 2, .test_k = -1 }, "test_k|-1");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .method = 2, .valid_k = -4 }, "valid_k|-4");
    check_range(&f, d, (recsys_split_options){ .struct_size = size, .method = 4, .fold_in_share = 1 }, "fold_in_share|1");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_other_errors(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item", "1 1\n2 1\n");
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    recsys_split split = RECSYS_SPLIT_INIT;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &split), RECSYS_ERR_EMPTY, "test side");
    options.test_share = 0.9;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &split), RECSYS_ERR_EMPTY, "training side");
    options.test_share = 0.5;
    options.valid_share = 0.1;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &split), RECSYS_ERR_EMPTY, "validation side");
    options.method = RECSYS_SPLIT_STRONG; /* no user has two events */
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &split), RECSYS_ERR_EMPTY, "side");
    options.method = RECSYS_SPLIT_BY_TIME;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &split), RECSYS_ERR_MISSING_DATA, "times");
    options.method = RECSYS_SPLIT_LAST_PER_USER;
    expect_error(f.exec, recsys_dataset_split(d, f.exec, &options, &split), RECSYS_ERR_MISSING_DATA, "times");
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys_dataset_split(d, f.exec, NULL, &split), RECSYS_ERR_CANCELLED, NULL);
    recsys_exec_reset_cancel(f.exec);
    split.struct_size = sizeof split - sizeof(void *);
    expect_error(f.exec, recsys_dataset_split(d, f.exec, NULL, &split), RECSYS_ERR_STRUCT_SIZE, "recsys_split");
    expect_error(f.exec, recsys_dataset_split(d, f.exec, NULL, NULL), RECSYS_ERR_INVALID_ARGUMENT, NULL);
    recsys_split_release(NULL);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 20, 20, 6, TEST_TIMES | TEST_VALUES, 1);
    for (int32_t method = RECSYS_SPLIT_RANDOM; method <= RECSYS_SPLIT_STRONG; method++) {
        if (method == RECSYS_SPLIT_BY_TIME) continue; /* takes nothing that the others do not */
        recsys_status status = RECSYS_ERR_NO_MEMORY;
        for (int64_t n = 1; status; n++) {
            recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
            options.method = method;
            options.valid_share = 0.3;
            options.valid_k = 1;
            recsys_split split = RECSYS_SPLIT_INIT;
            test_heap_fail(&f.heap, n, 0);
            status = recsys_dataset_split(d, f.exec, &options, &split);
            test_heap_fail(&f.heap, 0, 0);
            if (status) expect_error(f.exec, status, RECSYS_ERR_NO_MEMORY, NULL);
            assert_int_equal(split.train == NULL, status != RECSYS_OK);
            recsys_split_release(&split);
            assert_true(n < 1000);
        }
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_over_all),
        cmocka_unit_test(test_random_is_fair),
        cmocka_unit_test(test_same_seed_same_parts),
        cmocka_unit_test(test_draw_never_changes),
        cmocka_unit_test(test_random_per_user),
        cmocka_unit_test(test_last_per_user),
        cmocka_unit_test(test_by_time),
        cmocka_unit_test(test_strong),
        cmocka_unit_test(test_options_out_of_range),
        cmocka_unit_test(test_other_errors),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
