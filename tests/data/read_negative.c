/* read_negative.c - tests of the files of denoising benchmarks: ratings with a flag, pairs with fixed negatives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "texts.h"

static recsys_read_options in_format(const char *format)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = format;
    return options;
}

/* ---- ratings ---- */

static void ratings_have_flags(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d = NULL;
    fixture_open(&f, 1);
    recsys_read_options options = in_format("rating");
    assert_read(&f, "4\t7\t1\n4\t2\t0\n3\t7\t1\n", &options, "4 7 1\n4 2 0\n3 7 1\n");
    assert_read(&f, "4\t7\t1\t99\r\n3\t7\t0\tx y", &options, "4 7 1\n3 7 0\n"); /* further columns are skipped */
    size_t size;
    unsigned char *bytes = packed("4\t7\t1\n", 6, &size);
    expect_ok(f.exec, read_bytes(&f, bytes, size, &options, &d));
    assert_events(&f, d, "4 7 1\n");
    recsys_dataset_release(d);
    free(bytes);
    options.users = "10";
    options.items = "8";
    expect_ok(f.exec, read_text(&f, "4\t7\t1\n", &options, &d));
    assert_int_equal(recsys_ids_count(recsys_dataset_users(d)), 10);
    assert_int_equal(recsys_ids_count(recsys_dataset_items(d)), 8);
    recsys_dataset_release(d);
    fixture_close(&f);
}

static void ratings_take_other_columns(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = in_format("rating");
    options.columns = "user,item,value";
    assert_read(&f, "4\t7\t5\n4\t2\t3\n", &options, "4 7 5\n4 2 3\n");
    options.columns = "who=user,what=item,clean=flag";
    options.separator = ",";
    assert_read(&f, "clean,who,what\n1,4,7\n", &options, "4 7 1\n");
    options = in_format("rating");
    options.header = RECSYS_HEADER_YES;
    assert_read(&f, "u\ti\tf\n4\t7\t1\n", &options, "4 7 1\n");
    fixture_close(&f);
}

static void bad_ratings_are_refused(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d = NULL;
    fixture_open(&f, 1);
    recsys_read_options options = in_format("rating");
    expect_error(f.exec, read_text(&f, "1\t2\t1\n1\t3\t5\n", &options, &d), RECSYS_ERR_PARSE,
                 "events.txt:2: column 3 (flag): \"5\" is neither 0 nor 1");
    expect_error(f.exec, read_text(&f, "1\t2\t1\n1\t3\n", &options, &d), RECSYS_ERR_PARSE, "events.txt:2: column 3 (flag)");
    expect_error(f.exec, read_text(&f, "1\t2\n", &options, &d), RECSYS_ERR_UNKNOWN_COLUMN, "events.txt:1: column 3 (flag)");
    expect_error(f.exec, read_text(&f, "user\titem\tnoisy\n1\t2\t1\n", &options, &d), RECSYS_ERR_PARSE, "events.txt:1");
    expect_error(f.exec, read_text(&f, "1\t2\t1\nx\t3\t1\n", &options, &d), RECSYS_ERR_TYPE, "events.txt:2: column 1 (user)");
    assert_null(d);
    fixture_close(&f);
}

/* ---- pairs and negatives ---- */

static void pairs_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "(4,7)\t1\t2\n(4,3)\t5\n(0,7)\n", "( 4 , 7 )\t1\r\n(4, 3) 5 6\r\n\r\n(0,7)", "4\t7\n4\t3\n0\t7\n",
        "4\t7\t1\n4\t3\t0\n0\t7\t1\n", "\357\273\2774 7\n\t4\t3\n('0', \"7\")\n",
    };
    fixture f;
    fixture_open(&f, 1);
    recsys_read_options options = in_format("negative");
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) assert_read(&f, texts[k], &options, "4 7\n4 3\n0 7\n");
    assert_read(&f, "('ann lee','x,(y)')\tz\n('bob','x')\n", &options, "\"ann lee\" x,(y)\nbob x\n");
    options.separator = ",";
    assert_read(&f, "a b,x\n(a b,y),z\n", &options, "\"a b\" x\n\"a b\" y\n");
    fixture_close(&f);
}

static void negatives_are_read(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d = NULL;
    fixture_open(&f, 1);
    recsys_read_options options = in_format("negative-candidates");
    expect_ok(f.exec, read_text(&f, "(4,7)\t1\t2\n(9,3)\n(4,3) 5\n(0,7)\t1\n", &options, &d));
    assert_events(&f, d, "4 1\n4 2\n4 5\n0 1\n");
    assert_ids(recsys_dataset_users(d), "0 4 9 "); /* 9 has no negatives, but is known */
    assert_ids(recsys_dataset_items(d), "1 2 5 ");
    recsys_dataset_release(d);
    size_t size;
    unsigned char *bytes = packed("(4,7)\t1\n", 8, &size);
    expect_ok(f.exec, read_bytes(&f, bytes, size, &options, &d));
    assert_events(&f, d, "4 1\n");
    recsys_dataset_release(d);
    free(bytes);
    fixture_close(&f);
}

static void bad_pairs_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = { "(1", "(1,", "(1,2", "(,2)", "(1,)", "()", "(", "(1 2)", "(1,2)3", "('1,2)", "(1,'2)",
                                          "('1'x,2)", "(1,'2'", "('',2)" };
    fixture f;
    recsys_dataset *d = NULL;
    char text[64];
    fixture_open(&f, 1);
    recsys_read_options options = in_format("negative");
    for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
        snprintf(text, sizeof text, "(1,2)\t3\n%s\n", broken[k]);
        expect_error(f.exec, read_text(&f, text, &options, &d), RECSYS_ERR_PARSE, "events.txt:2: |pair such as (12,345)");
    }
    expect_error(f.exec, read_text(&f, "1\t2\n\n3\n", &options, &d), RECSYS_ERR_PARSE, "events.txt:3: column 2 (item)");
    expect_error(f.exec, read_text(&f, "1\t2\n3\tx\n", &options, &d), RECSYS_ERR_TYPE, "events.txt:2: column 2 (item): \"x\"");
    expect_error(f.exec, read_text(&f, "(1,2)\n(u,3)\n", &options, &d), RECSYS_ERR_TYPE, "events.txt:2: column 1 (user): \"u\"");
    expect_error(f.exec, read_text(&f, "", &options, &d), RECSYS_ERR_EMPTY, "events.txt: no events");
    options.columns = "user,item";
    expect_error(f.exec, read_text(&f, "1\t2\n", &options, &d), RECSYS_ERR_INVALID_ARGUMENT, "columns|negative");
    options = in_format("negative-candidates");
    expect_error(f.exec, read_text(&f, "(1,2)\t3\n1\t2\n", &options, &d), RECSYS_ERR_PARSE, "events.txt:2: no candidates");
    expect_error(f.exec, read_text(&f, "(1,2)\t3\tx\n", &options, &d), RECSYS_ERR_TYPE, "events.txt:1: column 3 (item): \"x\"");
    expect_error(f.exec, read_text(&f, "(1,2)\n", &options, &d), RECSYS_ERR_EMPTY, "events.txt: no events");
    options.items = "3";
    expect_error(f.exec, read_text(&f, "(1,2)\t1\t7\n", &options, &d), RECSYS_ERR_UNKNOWN_ID, "events.txt:1: column 3 (item): 7");
    options = in_format("negativ");
    expect_error(f.exec, read_text(&f, "1 2\n", &options, &d), RECSYS_ERR_UNKNOWN_KEY,
                 "negativ|did you mean \"negative\"|rating, negative and negative-candidates");
    assert_null(d);
    fixture_close(&f);
}

/* A file that has both: its pairs are the test, its negatives what they are ranked among. */
static void both_serve_an_evaluation(void **state)
{
    (void)state;
    static const char text[] = "(0,1)\t2\t3\n(1,2)\t0\t3\n";
    fixture f;
    recsys_dataset *train = NULL, *test = NULL, *negatives = NULL;
    recsys_params *params = NULL;
    recsys_model *model = NULL;
    recsys_evaluator *evaluator = NULL;
    recsys_report *report = NULL;
    fixture_open(&f, 1);
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.items = "4";
    /* Popular: item 1 three times, 3 twice, 0 and 2 once. So user 0's test item is first of {1, 2, 3}, user 1's second of
     * {2, 0, 3}: 2 and 0 tie behind 3, and 0 has the lower index, which puts 2 third. */
    expect_ok(f.exec, read_text(&f, "5 1\n6 1\n7 1\n5 3\n6 3\n0 0\n1 2\n", &options, &train));
    options.format = "negative";
    expect_ok(f.exec, read_text(&f, text, &options, &test));
    options.format = "negative-candidates";
    expect_ok(f.exec, read_text(&f, text, &options, &negatives));
    expect_ok(f.exec, recsys_params_create(f.env, "top-popular", &params, NULL));
    expect_ok(f.exec, recsys_model_fit(params, train, f.exec, NULL, &model));
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    const int64_t cutoffs[] = { 1, 3 };
    o.test = test;
    o.negatives = negatives;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 2;
    o.keep_seen = 1;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &evaluator));
    expect_ok(f.exec, recsys_evaluator_run(evaluator, model, f.exec, &report));
    double value;
    expect_ok(f.exec, recsys_report_get(report, "RECALL", 1, &value));
    assert_true(value == 0.5);
    expect_ok(f.exec, recsys_report_get(report, "RECALL", 3, &value));
    assert_true(value == 1.0);
    recsys_report_release(report);
    recsys_evaluator_release(evaluator);
    recsys_model_release(model);
    recsys_params_release(params);
    recsys_dataset_release(negatives);
    recsys_dataset_release(test);
    recsys_dataset_release(train);
    fixture_close(&f);
}

/* ---- what every format shares: the line of a duplicate, memory that may fail ---- */

static void duplicates_name_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text, *words;
    } cases[] = {
        { "rating", "1\t2\t1\n\n3\t4\t0\n1\t2\t0\n", "events.txt:4: user 1 and item 2" },
        { "delimited", "user,item\n1,2\n3,4\n\n3,4\n", "events.txt:5: user 3 and item 4" },
        { "delimited", "a \"x\ny\"\nb z\na \"x\ny\"\n", "events.txt:4: user \"a\"" },
        { "adjacency", "1 2 3\n4 5\n\n6 7 8\n4 6 5\n", "events.txt:5: user 4 and item 5" },
        { "negative", "(1,2)\t5\t5\n(1,3)\n(1,2)\n", "events.txt:3: user 1 and item 2" },
        { "negative-candidates", "(1,2)\t5\t6\n(1,3)\t7\t6\n", "events.txt:2: user 1 and item 6" },
    };
    fixture f;
    recsys_dataset *d = NULL;
    fixture_open(&f, 1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        recsys_read_options options = in_format(cases[k].format);
        options.duplicates = RECSYS_DUPLICATES_ERROR;
        expect_error(f.exec, read_text(&f, cases[k].text, &options, &d), RECSYS_ERR_DUPLICATE, cases[k].words);
        assert_null(d);
    }
    fixture_close(&f);
}

/* The fast path of two integers takes lines in blocks; the line is right beyond the first block too, and behind a blank. */
static void duplicates_name_their_line_in_long_files(void **state)
{
    (void)state;
    enum { LINES = 5000 };
    fixture f;
    recsys_dataset *d = NULL;
    fixture_open(&f, 1);
    char *text = malloc(LINES * 16 + 64);
    assert_non_null(text);
    size_t length = 0;
    for (int k = 0; k < LINES; k++) length += (size_t)sprintf(text + length, "%d\t%d\n%s", k, k, k == 3000 ? "\n" : "");
    sprintf(text + length, "7\t9\n4000\t4000\n");
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.duplicates = RECSYS_DUPLICATES_ERROR;
    expect_error(f.exec, read_text(&f, text, &options, &d), RECSYS_ERR_DUPLICATE, "events.txt:5003: user 4000 and item 4000");
    free(text);
    fixture_close(&f);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const formats[] = { "rating", "negative", "negative-candidates" };
    static const char *const texts[] = { "1\t2\t1\n\n3\t4\t0\n", "(1,2)\t5\n(3,4)\n", "(1,2)\t5\n(3,4)\n(7,1)\t2\n" };
    fixture f;
    fixture_open(&f, 1);
    for (int k = 0; k < 3; k++) {
        recsys_read_options options = in_format(formats[k]);
        options.duplicates = RECSYS_DUPLICATES_ERROR;
        recsys_status status = RECSYS_ERR_NO_MEMORY;
        for (int64_t n = 1; status; n++) {
            recsys_dataset *d = NULL;
            test_heap_fail(&f.heap, n, 0);
            status = read_text(&f, texts[k], &options, &d);
            test_heap_fail(&f.heap, 0, 0);
            if (status) assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
            recsys_dataset_release(d);
        }
    }
    fixture_close(&f);
}

/* A universe that cannot fit is refused before it is made. */
static void large_universes_meet_the_limit(void **state)
{
    (void)state;
    fixture f;
    recsys_dataset *d = NULL;
    fixture_open(&f, 1);
    recsys_exec *small = fixture_exec(&f, 1, 1 << 20, 0);
    char path[TEST_PATH_ROOM];
    test_write_text(fixture_path(&f, "events.txt", path), "1\t2\n");
    recsys_memory_info before = RECSYS_MEMORY_INFO_INIT;
    for (int id_type = RECSYS_ID_INT; id_type <= RECSYS_ID_STRING; id_type++) {
        recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
        options.id_type = id_type;
        options.items = "2000000000";
        expect_error(small, recsys_dataset_read(small, path, &options, &d), RECSYS_ERR_MEMORY_LIMIT,
                     "items: a universe of 2000000000|limit 1.04 MB");
    }
    expect_ok(small, recsys_exec_memory(small, &before));
    assert_true(before.peak < 4096);
    recsys_exec_release(small);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratings_have_flags),
        cmocka_unit_test(ratings_take_other_columns),
        cmocka_unit_test(bad_ratings_are_refused),
        cmocka_unit_test(pairs_are_read),
        cmocka_unit_test(negatives_are_read),
        cmocka_unit_test(bad_pairs_are_refused),
        cmocka_unit_test(both_serve_an_evaluation),
        cmocka_unit_test(duplicates_name_their_line),
        cmocka_unit_test(duplicates_name_their_line_in_long_files),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(large_universes_meet_the_limit),
    };
    return cmocka_run_group_tests_name("read_negative", tests, NULL, NULL);
}
