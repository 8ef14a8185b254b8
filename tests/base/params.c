/* params.c - tests of parameters: types, ranges, hints, text form, introspection, failing memory.
 *
 * The schema is one made up here, with every type in it; the schemas of models are tested with the models.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/params.h"

#include <math.h>
#include <string.h>

#include "tests/support/support.h"

static const param_schema schema[] = {
    {"l2", RECSYS_PARAM_F64, "500", 0, INFINITY, 1, NULL, "0.1", "L2 penalty"},
    {"normalize", RECSYS_PARAM_CHOICE, "none", 0, 0, 0, "none|rows|columns|both", "0.1", "what is scaled"},
    {"top_k", RECSYS_PARAM_I64, "0", 0, 2147483647, 0, NULL, "0.1", "entries kept"},
    {"bias", RECSYS_PARAM_BOOL, "true", 0, 0, 0, NULL, "0.1", "whether there is a bias"},
    {"layers", RECSYS_PARAM_LIST, "64:32", 1, 4096, 0, NULL, "0.2", "widths"},
    {"order", RECSYS_PARAM_CHOICE, "down", 0, 0, 0, "up|down", "0.2", "which way"},
    {"share", RECSYS_PARAM_F64, "0.1", 0, 1, 0, NULL, "0.2", "a share"},
    {"offset", RECSYS_PARAM_I64, "-5", -INFINITY, 10, 0, NULL, "0.2", "any integer up to 10"},
};

enum { N_PARAMS = sizeof schema / sizeof *schema };

static const char defaults[] = "l2=500,normalize=none,top_k=0,bias=true,layers=64:32,order=down,share=0.1,offset=-5";

typedef struct setting {
    test_heap heap;
    memory *account;
    recsys_params *p;
} setting;

static int open_setting(void **state)
{
    static setting s;
    test_heap_init(&s.heap);
    s.account = recsys__memory_open(&s.heap.allocator, 0);
    error e = {0};
    if (recsys__params_create(s.account, &e, "tester", schema, N_PARAMS, &s.p)) return -1;
    *state = &s;
    return 0;
}

static int close_setting(void **state)
{
    setting *s = *state;
    recsys_params_release(s->p);
    int64_t left = recsys__memory_used(s->account);
    recsys__memory_release(s->account);
    return left != 0 || atomic_load(&s->heap.blocks) != 0 || atomic_load(&s->heap.broken_frees) != 0;
}

static recsys_params *of(void **state)
{
    return ((setting *)*state)->p;
}

static void expect_text(recsys_params *p, const char *wanted)
{
    char buffer[256];
    assert_int_equal(recsys_params_text(p, buffer, sizeof buffer), strlen(wanted));
    assert_string_equal(buffer, wanted);
}

/* The call failed with this code and a message that says `words`; nothing has changed. */
static void expect_failure(recsys_params *p, recsys_status status, recsys_status wanted, const char *words)
{
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_params_last_error(p, &info), RECSYS_OK);
    if (status != wanted || info.status != wanted || !strstr(info.message, words))
        fail_msg("status %d, wanted %d \"%s\", message \"%s\"", (int)status, (int)wanted, words, info.message);
    expect_text(p, defaults);
}

static void test_defaults(void **state)
{
    recsys_params *p = of(state);
    assert_string_equal(recsys_params_model(p), "tester");
    assert_int_equal(recsys_params_count(p), N_PARAMS);
    expect_text(p, defaults);
    int64_t count;
    assert_true(recsys__param_f64(p, "l2") == 500.0);
    assert_int_equal(recsys__param_choice(p, "normalize"), 0);
    assert_int_equal(recsys__param_choice(p, "order"), 1);
    assert_int_equal(recsys__param_i64(p, "offset"), -5);
    assert_int_equal(recsys__param_bool(p, "bias"), 1);
    assert_int_equal(recsys__param_list(p, "layers", &count)[1], 32);
    assert_int_equal(count, 2);
}

static void test_set_and_get(void **state)
{
    recsys_params *p = of(state);
    const int64_t widths[] = {7, 1, 4096};
    assert_int_equal(recsys_params_set_f64(p, "l2", 0.25), RECSYS_OK);
    assert_int_equal(recsys_params_set_choice(p, "normalize", "both"), RECSYS_OK);
    assert_int_equal(recsys_params_set_i64(p, "top_k", 2147483647), RECSYS_OK);
    assert_int_equal(recsys_params_set_bool(p, "bias", 0), RECSYS_OK);
    assert_int_equal(recsys_params_set_list(p, "layers", widths, 3), RECSYS_OK);
    assert_int_equal(recsys_params_set_choice(p, "order", "up"), RECSYS_OK);
    assert_int_equal(recsys_params_set_i64(p, "offset", INT64_MIN), RECSYS_OK);
    expect_text(p, "l2=0.25,normalize=both,top_k=2147483647,bias=false,layers=7:1:4096,order=up,share=0.1,"
                   "offset=-9223372036854775808");

    double l2;
    int64_t top_k, list[16], count;
    int32_t bias;
    const char *word, *order;
    assert_int_equal(recsys_params_get_f64(p, "l2", &l2), RECSYS_OK);
    assert_int_equal(recsys_params_get_i64(p, "top_k", &top_k), RECSYS_OK);
    assert_int_equal(recsys_params_get_bool(p, "bias", &bias), RECSYS_OK);
    assert_int_equal(recsys_params_get_choice(p, "normalize", &word), RECSYS_OK);
    assert_int_equal(recsys_params_get_choice(p, "order", &order), RECSYS_OK);
    assert_int_equal(recsys_params_get_list(p, "layers", list, 16, &count), RECSYS_OK);
    assert_true(l2 == 0.25 && top_k == 2147483647 && bias == 0 && count == 3 && list[2] == 4096);
    assert_string_equal(word, "both");
    assert_string_equal(order, "up");
    assert_int_equal(recsys_params_get_list(p, "layers", list, 2, &count), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(count, 3);
    assert_int_equal(recsys_params_set_list(p, "layers", NULL, 0), RECSYS_OK);
    assert_int_equal(recsys_params_get_list(p, "layers", NULL, 0, &count), RECSYS_OK);
    assert_int_equal(count, 0);
}

static void test_unknown_keys(void **state)
{
    recsys_params *p = of(state);
    expect_failure(p, recsys_params_set_f64(p, "L3", 1), RECSYS_ERR_UNKNOWN_KEY,
                   "tester has no parameter \"L3\"; did you mean \"l2\"? (parameters: l2, normalize, top_k, bias,");
    expect_failure(p, recsys_params_set_choice(p, "normalise", "both"), RECSYS_ERR_UNKNOWN_KEY, "did you mean \"normalize\"?");
    expect_failure(p, recsys_params_set_text(p, "l2=1,topk=3"), RECSYS_ERR_UNKNOWN_KEY, "\"topk\"; did you mean \"top_k\"?");
    int64_t v;
    expect_failure(p, recsys_params_get_i64(p, "tpo_k", &v), RECSYS_ERR_UNKNOWN_KEY, "did you mean \"top_k\"?");
    char endless[3000];
    memset(endless, 'k', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    expect_failure(p, recsys_params_set_i64(p, endless, 1), RECSYS_ERR_UNKNOWN_KEY, "did you mean");
}

static void test_wrong_types(void **state)
{
    recsys_params *p = of(state);
    const int64_t one = 1;
    double f;
    expect_failure(p, recsys_params_set_i64(p, "l2", 80), RECSYS_ERR_TYPE, "l2 is a number, not an integer");
    expect_failure(p, recsys_params_set_f64(p, "top_k", 80), RECSYS_ERR_TYPE, "top_k is an integer, not a number");
    expect_failure(p, recsys_params_set_bool(p, "order", 1), RECSYS_ERR_TYPE, "order is a choice of words, not true or false");
    expect_failure(p, recsys_params_set_choice(p, "bias", "up"), RECSYS_ERR_TYPE, "bias is true or false");
    expect_failure(p, recsys_params_set_list(p, "share", &one, 1), RECSYS_ERR_TYPE, "not a list of integers");
    expect_failure(p, recsys_params_get_f64(p, "layers", &f), RECSYS_ERR_TYPE, "layers is a list of integers, not a number");
}

static void test_out_of_range(void **state)
{
    recsys_params *p = of(state);
    const int64_t zero = 0, many[17] = {1};
    expect_failure(p, recsys_params_set_f64(p, "l2", 0), RECSYS_ERR_OUT_OF_RANGE, "tester: l2 is 0, but must be greater than 0");
    expect_failure(p, recsys_params_set_f64(p, "l2", (double)NAN), RECSYS_ERR_OUT_OF_RANGE, "l2 is nan");
    expect_failure(p, recsys_params_set_f64(p, "l2", (double)INFINITY), RECSYS_ERR_OUT_OF_RANGE, "l2 is inf");
    expect_failure(p, recsys_params_set_f64(p, "share", 1.5), RECSYS_ERR_OUT_OF_RANGE,
                   "share is 1.5, but must be at least 0 and at most 1");
    expect_failure(p, recsys_params_set_i64(p, "top_k", -1), RECSYS_ERR_OUT_OF_RANGE, "top_k is -1");
    expect_failure(p, recsys_params_set_i64(p, "top_k", 2147483648), RECSYS_ERR_OUT_OF_RANGE, "at most 2147483647");
    expect_failure(p, recsys_params_set_i64(p, "offset", 11), RECSYS_ERR_OUT_OF_RANGE, "offset is 11, but must be at most 10");
    expect_failure(p, recsys_params_set_bool(p, "bias", 2), RECSYS_ERR_OUT_OF_RANGE, "bias is 2");
    expect_failure(p, recsys_params_set_choice(p, "normalize", "row"), RECSYS_ERR_OUT_OF_RANGE,
                   "normalize is \"row\", but must be one of none|rows|columns|both; did you mean \"rows\"?");
    expect_failure(p, recsys_params_set_choice(p, "normalize", ""), RECSYS_ERR_OUT_OF_RANGE, "must be one of");
    expect_failure(p, recsys_params_set_list(p, "layers", &zero, 1), RECSYS_ERR_OUT_OF_RANGE,
                   "layers is 0, but must be at least 1");
    expect_failure(p, recsys_params_set_list(p, "layers", many, 17), RECSYS_ERR_OUT_OF_RANGE, "0 to 16");
    expect_failure(p, recsys_params_set_list(p, "layers", many, -1), RECSYS_ERR_OUT_OF_RANGE, "0 to 16");
}

static void test_null_arguments(void **state)
{
    recsys_params *p = of(state);
    expect_failure(p, recsys_params_set_i64(p, NULL, 1), RECSYS_ERR_INVALID_ARGUMENT, "key is NULL");
    expect_failure(p, recsys_params_set_choice(p, "order", NULL), RECSYS_ERR_INVALID_ARGUMENT, "order is NULL");
    expect_failure(p, recsys_params_set_list(p, "layers", NULL, 2), RECSYS_ERR_INVALID_ARGUMENT, "layers is NULL");
    expect_failure(p, recsys_params_set_text(p, NULL), RECSYS_ERR_INVALID_ARGUMENT, "NULL");
    expect_failure(p, recsys_params_get_i64(p, "top_k", NULL), RECSYS_ERR_INVALID_ARGUMENT, "top_k");
    assert_int_equal(recsys_params_set_i64(NULL, "top_k", 1), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_params_set_text(NULL, ""), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_params_get_i64(NULL, "top_k", NULL), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_params_count(NULL), 0);
    assert_null(recsys_params_model(NULL));
    assert_int_equal(recsys_params_text(NULL, NULL, 0), 0);
    recsys_params_release(NULL);
}

static void test_text(void **state)
{
    recsys_params *p = of(state);
    assert_int_equal(recsys_params_set_text(p, ""), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, "  "), RECSYS_OK);
    expect_text(p, defaults);
    assert_int_equal(recsys_params_set_text(p, " l2 = 1e-3 , bias=0,layers=8,normalize=rows"), RECSYS_OK);
    expect_text(p, "l2=0.001,normalize=rows,top_k=0,bias=false,layers=8,order=down,share=0.1,offset=-5");
    assert_int_equal(recsys_params_set_text(p, "layers="), RECSYS_OK);
    expect_text(p, "l2=0.001,normalize=rows,top_k=0,bias=false,layers=,order=down,share=0.1,offset=-5");
    assert_int_equal(recsys_params_set_text(p, defaults), RECSYS_OK);
    expect_text(p, defaults);
}

static void test_bad_text(void **state)
{
    static const struct {
        const char *text;
        recsys_status status;
        const char *words;
    } cases[] = {
        {"l2", RECSYS_ERR_PARSE, "\"l2\" in the parameters is not of the form key=value"},
        {"l2=1,", RECSYS_ERR_PARSE, "key=value"},
        {",l2=1", RECSYS_ERR_PARSE, "key=value"},
        {"l2=1,,top_k=2", RECSYS_ERR_PARSE, "key=value"},
        {"l2=1,l2=2", RECSYS_ERR_PARSE, "l2 is set twice"},
        {"=1", RECSYS_ERR_UNKNOWN_KEY, "no parameter \"\""},
        {"l2=", RECSYS_ERR_TYPE, "l2 is \"\", which is not a number"},
        {"l2=1,5", RECSYS_ERR_PARSE, "\"5\""},
        {"l2=eighty", RECSYS_ERR_TYPE, "l2 is \"eighty\", which is not a number"},
        {"l2=nan", RECSYS_ERR_OUT_OF_RANGE, "l2 is nan, but must be greater than 0"},
        {"l2=1e999", RECSYS_ERR_OUT_OF_RANGE, "l2 is inf"},
        {"l2=-80", RECSYS_ERR_OUT_OF_RANGE, "l2 is -80"},
        {"top_k=1.5", RECSYS_ERR_TYPE, "top_k is \"1.5\", which is not an integer"},
        {"top_k=99999999999999999999", RECSYS_ERR_OUT_OF_RANGE, "beyond 64 bits"},
        {"top_k=1=2", RECSYS_ERR_TYPE, "\"1=2\""},
        {"bias=yes", RECSYS_ERR_TYPE, "which is not true or false"},
        {"order=upp", RECSYS_ERR_OUT_OF_RANGE, "did you mean \"up\"?"},
        {"layers=64:", RECSYS_ERR_TYPE, "layers"},
        {"layers=64::32", RECSYS_ERR_TYPE, "layers is \"\""},
        {"layers=64:x", RECSYS_ERR_TYPE, "layers is \"x\", which is not an integer"},
        {"layers=64:0", RECSYS_ERR_OUT_OF_RANGE, "layers is 0"},
        {"layers=1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17", RECSYS_ERR_OUT_OF_RANGE, "more than 16 elements"},
        {"share=0.5,order=up,top_k=7,offset=11", RECSYS_ERR_OUT_OF_RANGE, "offset is 11"}, /* none is set */
    };
    recsys_params *p = of(state);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        expect_failure(p, recsys_params_set_text(p, cases[k].text), cases[k].status, cases[k].words);
}

static void test_text_buffers(void **state)
{
    recsys_params *p = of(state);
    int64_t length = (int64_t)strlen(defaults);
    assert_int_equal(recsys_params_text(p, NULL, 0), length);
    char buffer[128];
    for (int64_t size = 1; size <= length + 2; size++) {
        memset(buffer, '#', sizeof buffer);
        assert_int_equal(recsys_params_text(p, buffer, size), length);
        size_t fits = (size_t)(size - 1 < length ? size - 1 : length);
        assert_int_equal(strlen(buffer), fits);
        assert_memory_equal(buffer, defaults, fits);
        assert_int_equal(buffer[size], '#');
    }
}

static void test_info(void **state)
{
    recsys_params *p = of(state);
    for (int64_t k = 0; k < N_PARAMS; k++) {
        recsys_param_info info = RECSYS_PARAM_INFO_INIT;
        assert_int_equal(recsys_params_info(p, k, &info), RECSYS_OK);
        assert_string_equal(info.key, schema[k].key);
        assert_string_equal(info.default_value, schema[k].default_value);
        assert_string_equal(info.since, schema[k].since);
        assert_string_equal(info.doc, schema[k].doc);
        assert_ptr_equal(info.choices, schema[k].choices);
        assert_true(info.type == schema[k].type && info.min_is_open == schema[k].min_is_open);
        assert_true(info.min == schema[k].min && info.max == schema[k].max);
    }
    recsys_param_info info = RECSYS_PARAM_INFO_INIT;
    assert_int_equal(recsys_params_info(p, -1, &info), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_info(p, N_PARAMS, &info), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_params_info(p, 0, NULL), RECSYS_ERR_INVALID_ARGUMENT);
    info.struct_size = 0;
    assert_int_equal(recsys_params_info(p, 0, &info), RECSYS_ERR_STRUCT_SIZE);
}

static void test_copy_is_apart(void **state)
{
    setting *s = *state;
    recsys_params *copy;
    error e = {0};
    assert_int_equal(recsys_params_set_choice(s->p, "order", "up"), RECSYS_OK);
    assert_int_equal(recsys__params_copy(s->account, &e, s->p, &copy), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(s->p, defaults), RECSYS_OK);
    assert_int_equal(recsys__param_choice(copy, "order"), 0);
    const char *word;
    assert_int_equal(recsys_params_get_choice(copy, "order", &word), RECSYS_OK);
    assert_string_equal(word, "up");
    assert_ptr_equal(recsys_params_retain(copy), copy);
    recsys_params_release(copy);
    assert_string_equal(word, "up");
    recsys_params_release(copy);
}

static void test_foreign_keys_of_models(void **state)
{
    recsys_params *p = of(state);
    int64_t count = 9;
    assert_int_equal(recsys__param_i64(p, "l2"), 0);
    assert_true(recsys__param_f64(p, "none") == 0);
    assert_non_null(recsys__param_list(p, "none", &count));
    assert_int_equal(count, 0);
}

static void test_no_parameters(void **state)
{
    setting *s = *state;
    recsys_params *p;
    error e = {0};
    assert_int_equal(recsys__params_create(s->account, &e, "top-popular", NULL, 0, &p), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, ""), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, "l2=1"), RECSYS_ERR_UNKNOWN_KEY);
    char buffer[8] = "x";
    assert_int_equal(recsys_params_text(p, buffer, sizeof buffer), 0);
    assert_string_equal(buffer, "");
    recsys_params_release(p);
}

static void test_bad_default(void **state)
{
    setting *s = *state;
    static const param_schema bad[] = {{"l2", RECSYS_PARAM_F64, "0", 0, 1, 1, NULL, "0.1", "out of its own range"}};
    recsys_params *p;
    error e = {0};
    assert_int_equal(recsys__params_create(s->account, &e, "bad", bad, 1, &p), RECSYS_ERR_INTERNAL);
    assert_null(p);
    assert_non_null(strstr(e.message, "bad: l2 is 0, but must be greater than 0 and at most 1"));
}

static void test_failing_memory(void **state)
{
    setting *s = *state;
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t at = 1; status; at++) {
        recsys_params *p = NULL;
        error e = {0};
        int64_t used = recsys__memory_used(s->account);
        test_heap_fail(&s->heap, at, 0);
        status = recsys__params_copy(s->account, &e, s->p, &p);
        if (status) {
            assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
            assert_int_equal(e.status, RECSYS_ERR_NO_MEMORY);
            assert_null(p);
            assert_int_equal(recsys__memory_used(s->account), used);
        }
        recsys_params_release(p);
    }
    test_heap_fail(&s->heap, 0, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_setting, close_setting)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),     TEST(test_set_and_get),   TEST(test_unknown_keys),           TEST(test_wrong_types),
        TEST(test_out_of_range), TEST(test_null_arguments), TEST(test_text),                  TEST(test_bad_text),
        TEST(test_text_buffers), TEST(test_info),          TEST(test_copy_is_apart),          TEST(test_foreign_keys_of_models),
        TEST(test_no_parameters), TEST(test_bad_default),  TEST(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
