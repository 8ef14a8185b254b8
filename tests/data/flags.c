/* flags.c - tests of what is known to be clean: rules, events of one flag, verified shares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "texts.h"

static void check_mark(fixture *f, const recsys_dataset *d, const char *rule, const char *expected)
{
    recsys_dataset *r = NULL;
    expect_ok(f->exec, recsys_dataset_mark(d, f->exec, rule, &r));
    assert_ptr_equal(recsys_dataset_users(r), recsys_dataset_users(d));
    assert_ptr_equal(recsys_dataset_items(r), recsys_dataset_items(d));
    assert_events(f, r, expected);
    recsys_dataset_release(r);
}

static void rules_on_numbers(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,value,time", "1 1 5 10\n1 2 4.1 20\n2 1 -3 30\n");
    check_mark(&f, d, "value>=5", "1 1 5 10 1\n1 2 4.1 20 0\n2 1 -3 30 0\n");
    check_mark(&f, d, "value>=4.1", "1 1 5 10 1\n1 2 4.1 20 1\n2 1 -3 30 0\n"); /* 4.1 as a float is below 4.1 */
    check_mark(&f, d, "value>4.1", "1 1 5 10 1\n1 2 4.1 20 0\n2 1 -3 30 0\n");
    check_mark(&f, d, " value <= -3 ", "1 1 5 10 0\n1 2 4.1 20 0\n2 1 -3 30 1\n");
    check_mark(&f, d, "value<5", "1 1 5 10 0\n1 2 4.1 20 1\n2 1 -3 30 1\n");
    check_mark(&f, d, "value==5", "1 1 5 10 1\n1 2 4.1 20 0\n2 1 -3 30 0\n");
    check_mark(&f, d, "value!=5", "1 1 5 10 0\n1 2 4.1 20 1\n2 1 -3 30 1\n");
    check_mark(&f, d, "time>=20", "1 1 5 10 0\n1 2 4.1 20 1\n2 1 -3 30 1\n");
    check_mark(&f, d, "time==2e1", "1 1 5 10 0\n1 2 4.1 20 1\n2 1 -3 30 0\n");
    check_mark(&f, d, "value>100", "1 1 5 10 0\n1 2 4.1 20 0\n2 1 -3 30 0\n"); /* that nothing is clean is no error yet */
    assert_events(&f, d, "1 1 5 10\n1 2 4.1 20\n2 1 -3 30\n");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void rules_on_words_and_flags(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,behaviour,flag", "1 1 view 1\n1 2 buy 0\n2 1 a|b 0\n2 2 cart 1\n");
    check_mark(&f, d, "behaviour==buy", "1 1 view 0\n1 2 buy 1\n2 1 a|b 0\n2 2 cart 0\n");
    check_mark(&f, d, "behaviour==buy|cart", "1 1 view 0\n1 2 buy 1\n2 1 a|b 0\n2 2 cart 1\n");
    check_mark(&f, d, "behaviour!=view", "1 1 view 0\n1 2 buy 1\n2 1 a|b 1\n2 2 cart 1\n");
    check_mark(&f, d, "behaviour!=buy|cart", "1 1 view 1\n1 2 buy 0\n2 1 a|b 1\n2 2 cart 0\n");
    check_mark(&f, d, "behaviour==a|b", "1 1 view 0\n1 2 buy 0\n2 1 a|b 1\n2 2 cart 0\n"); /* a word that has a bar in it */
    check_mark(&f, d, "flag==0", "1 1 view 0\n1 2 buy 1\n2 1 a|b 1\n2 2 cart 0\n");      /* turns the flags round */
    check_mark(&f, d, "flag!=0", "1 1 view 1\n1 2 buy 0\n2 1 a|b 0\n2 2 cart 1\n");
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void bad_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *words;
        recsys_status code;
    } cases[] = {
        { "vaule>=5", "\"vaule>=5\"|\"vaule\"|did you mean \"value\"|time, behaviour and flag", RECSYS_ERR_UNKNOWN_KEY },
        { "user==1", "\"user\"", RECSYS_ERR_UNKNOWN_KEY },
        { "", "nothing|value>=5", RECSYS_ERR_INVALID_ARGUMENT },
        { ">=5", "nothing|value>=5", RECSYS_ERR_INVALID_ARGUMENT },
        { "value", "value|== != <= >= < >", RECSYS_ERR_INVALID_ARGUMENT },
        { "value=5", "== != <= >= < >", RECSYS_ERR_INVALID_ARGUMENT },
        { "value>=", "nothing stands behind >=", RECSYS_ERR_INVALID_ARGUMENT },
        { "value>=5 stars", "\"5 stars\" is not a number", RECSYS_ERR_INVALID_ARGUMENT },
        { "value>=nan", "not finite", RECSYS_ERR_INVALID_ARGUMENT },
        { "value<inf", "not finite", RECSYS_ERR_INVALID_ARGUMENT },
        { "value<1e39", "does not fit", RECSYS_ERR_INVALID_ARGUMENT },
        { "time>=1.5", "\"1.5\" is not an integer", RECSYS_ERR_INVALID_ARGUMENT },
        { "flag==2", "neither 0 nor 1", RECSYS_ERR_INVALID_ARGUMENT },
        { "flag>=1", "flag takes == or != only", RECSYS_ERR_INVALID_ARGUMENT },
        { "behaviour<view", "behaviour takes == or != only", RECSYS_ERR_INVALID_ARGUMENT },
        { "behaviour==veiw", "\"veiw\"|\"view\"|\"buy\"", RECSYS_ERR_UNKNOWN_KEY },
        { "behaviour==view|", "no behaviour \"\"", RECSYS_ERR_UNKNOWN_KEY },
        { "behaviour==view|cart", "\"cart\"|\"view\"|\"buy\"", RECSYS_ERR_UNKNOWN_KEY },
        { "flag==1", "no flags", RECSYS_ERR_MISSING_DATA },
    };
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,value,time,behaviour", "1 1 5 1 view\n1 2 4 2 buy\n"), *r = NULL;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        expect_error(f.exec, recsys_dataset_mark(d, f.exec, cases[k].rule, &r), cases[k].code, cases[k].words);
        assert_null(r);
    }
    recsys_dataset *plain = dataset_from(&f, "user,item", "1 1\n");
    expect_error(f.exec, recsys_dataset_mark(plain, f.exec, "value>1", &r), RECSYS_ERR_MISSING_DATA, "no values");
    expect_error(f.exec, recsys_dataset_mark(plain, f.exec, "time>1", &r), RECSYS_ERR_MISSING_DATA, "no times");
    expect_error(f.exec, recsys_dataset_mark(plain, f.exec, "behaviour==x", &r), RECSYS_ERR_MISSING_DATA, "no behaviours");
    expect_error(f.exec, recsys_dataset_mark(d, f.exec, NULL, &r), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    expect_error(f.exec, recsys_dataset_mark(NULL, f.exec, "flag==1", &r), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    recsys_dataset_release(plain);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void events_of_one_flag(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,flag", "1 1 1\n1 2 0\n3 1 1\n"), *r = NULL, *none = NULL;
    expect_ok(f.exec, recsys_dataset_of_flag(d, f.exec, 1, &r));
    assert_events(&f, r, "1 1 1\n3 1 1\n");
    assert_ids(recsys_dataset_items(r), "1 2 ");
    expect_error(f.exec, recsys_dataset_of_flag(r, f.exec, 0, &none), RECSYS_ERR_EMPTY, "flag 0");
    recsys_dataset_release(r);
    expect_ok(f.exec, recsys_dataset_of_flag(d, f.exec, 0, &r));
    assert_events(&f, r, "1 2 0\n");
    expect_error(f.exec, recsys_dataset_of_flag(r, f.exec, 1, &none), RECSYS_ERR_EMPTY, "flag 1");
    expect_error(f.exec, recsys_dataset_of_flag(d, f.exec, 2, &none), RECSYS_ERR_OUT_OF_RANGE, "2");
    expect_error(f.exec, recsys_dataset_of_flag(NULL, f.exec, 1, &none), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    recsys_dataset *plain = dataset_from(&f, "user,item", "1 1\n");
    expect_error(f.exec, recsys_dataset_of_flag(plain, f.exec, 1, &none), RECSYS_ERR_MISSING_DATA, "flags");
    assert_null(none);
    recsys_dataset_release(plain);
    recsys_dataset_release(r);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- Verified shares ---- */

enum { CLEAN = 200, ALL = 2 * CLEAN };

/* ALL events of users 0, 1, ... with one item each; those of even users are clean. */
static recsys_dataset *half_clean(fixture *f)
{
    static char text[ALL * 16];
    size_t length = 0;
    for (int k = 0; k < ALL; k++) length += (size_t)snprintf(text + length, sizeof text - length, "%d 7 %d\n", k, 1 - k % 2);
    return dataset_from(f, "user,item,flag", text);
}

/* seen[u] = 1 for each user whose event is verified. */
static int64_t draw(fixture *f, const recsys_dataset *d, double share, uint64_t seed, uint8_t seen[ALL])
{
    recsys_dataset *r = NULL;
    expect_ok(f->exec, recsys_dataset_verified(d, f->exec, share, seed, &r));
    assert_ptr_equal(recsys_dataset_users(r), recsys_dataset_users(d));
    memset(seen, 0, ALL);
    char *text = dump(f, r);
    int before = -1;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        int user, item, flag;
        assert_int_equal(sscanf(line, "%d %d %d", &user, &item, &flag), 3);
        assert_int_equal(flag, 1);
        assert_true(user % 2 == 0 && user > before); /* in the old order */
        seen[user] = 1;
        before = user;
    }
    free(text);
    int64_t n = recsys_dataset_event_count(r);
    recsys_dataset_release(r);
    return n;
}

static void verified_shares(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = half_clean(&f);
    uint8_t few[ALL], more[ALL], again[ALL], other[ALL];
    assert_int_equal(draw(&f, d, 0.1, 3, few), CLEAN / 10);
    assert_int_equal(draw(&f, d, 0.1, 3, again), CLEAN / 10);
    assert_memory_equal(few, again, ALL);
    assert_int_equal(draw(&f, d, 0.1, 4, other), CLEAN / 10);
    assert_memory_not_equal(few, other, ALL);
    assert_int_equal(draw(&f, d, 0.5, 3, more), CLEAN / 2);
    int high = 0;
    for (int k = 0; k < ALL; k++) {
        assert_true(more[k] >= few[k]); /* a larger share holds the smaller one */
        high += k >= CLEAN && more[k];
    }
    assert_in_range(high, 30, 70); /* of 100 drawn evenly, in the second half; five standard deviations are 25 */
    assert_int_equal(draw(&f, d, 1.0, 3, more), CLEAN);
    assert_int_equal(draw(&f, d, 1e-9, 3, more), 1);
    assert_int_equal(draw(&f, d, 0.0125, 3, more), 3); /* 2.5, halves up */
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void bad_shares(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = dataset_from(&f, "user,item,flag", "1 1 1\n1 2 0\n"), *r = NULL;
    const double bad[] = { 0.0, -0.1, 1.0000001, (double)NAN, (double)INFINITY };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        expect_error(f.exec, recsys_dataset_verified(d, f.exec, bad[k], 1, &r), RECSYS_ERR_OUT_OF_RANGE, "share");
    expect_error(f.exec, recsys_dataset_verified(NULL, f.exec, 0.5, 1, &r), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    recsys_dataset *noisy = dataset_from(&f, "user,item,flag", "1 1 0\n"), *plain = dataset_from(&f, "user,item", "1 1\n");
    expect_error(f.exec, recsys_dataset_verified(noisy, f.exec, 0.5, 1, &r), RECSYS_ERR_EMPTY, "clean");
    expect_error(f.exec, recsys_dataset_verified(plain, f.exec, 0.5, 1, &r), RECSYS_ERR_MISSING_DATA, "flags");
    assert_null(r);
    recsys_dataset_release(plain);
    recsys_dataset_release(noisy);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static recsys_status run_all(recsys_exec *x, const recsys_dataset *d, recsys_dataset *r[4])
{
    recsys_status status = recsys_dataset_mark(d, x, "behaviour==buy|view", &r[0]);
    if (!status) status = recsys_dataset_mark(r[0], x, "value>2", &r[1]);
    if (!status) status = recsys_dataset_of_flag(r[1], x, 1, &r[2]);
    if (!status) status = recsys_dataset_verified(r[1], x, 0.3, 5, &r[3]);
    return status;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_dataset *d = test_random_dataset(f.exec, 20, 15, 6, TEST_VALUES | TEST_TIMES | TEST_BEHAVIOURS, 1);
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t n = 1; status; n++) {
        recsys_dataset *r[4] = { NULL, NULL, NULL, NULL };
        test_heap_fail(&f.heap, n, 0);
        status = run_all(f.exec, d, r);
        test_heap_fail(&f.heap, 0, 0);
        if (status) assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
        for (int k = 0; k < 4; k++) recsys_dataset_release(r[k]);
    }
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- The guide's log: restaurants at which a visitor stopped against those he passed by ---- */

static void chosen_against_browsed(void **state)
{
    (void)state;
    fixture f;
    char path[512];
    const char *folder = getenv("RECSYS_EXAMPLE_DATA");
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/entree/events.tsv.gz", folder);
    fixture_open(&f, 1);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.columns = "user,item,behaviour,time,session";
    recsys_dataset *d = NULL, *marked = NULL, *verified = NULL;
    recsys_statistics s = RECSYS_STATISTICS_INIT;
    expect_ok(f.exec, recsys_dataset_read(f.exec, path, &options, &d));
    expect_ok(f.exec, recsys_dataset_mark(d, f.exec, "behaviour==end", &marked));
    expect_ok(f.exec, recsys_dataset_statistics(marked, f.exec, &s));
    assert_int_equal(s.n_events, 238868);
    assert_int_equal(s.n_clean, 44580);
    expect_ok(f.exec, recsys_dataset_verified(marked, f.exec, 0.1, 1, &verified));
    assert_int_equal(recsys_dataset_event_count(verified), 4458);
    recsys_dataset_release(verified);
    recsys_dataset_release(marked);
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_on_numbers),     cmocka_unit_test(rules_on_words_and_flags),
        cmocka_unit_test(bad_rules),            cmocka_unit_test(events_of_one_flag),
        cmocka_unit_test(verified_shares),      cmocka_unit_test(bad_shares),
        cmocka_unit_test(each_allocation_may_fail), cmocka_unit_test(chosen_against_browsed),
    };
    return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
