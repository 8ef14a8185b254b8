/* json.c - the JSON reader: structure, strings, numbers, and what it must refuse.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/exec.h"
#include "io/json.h"

static json *parse(fixture *f, const char *s)
{
    json *j = NULL;
    expect_ok(f->exec, recsys__json_parse(f->exec->memory, &f->exec->error, s, (int64_t)strlen(s), &j));
    return j;
}

static void test_structure(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    json *j = parse(&f, " { \"a\" : {\"x\":[1,[2,3],{}], \"y\":\"\"}, \"b\":[] , \"c\" : 7 }  ");
    int a = recsys__json_member(j, 0, "a"), x = recsys__json_member(j, a, "x");
    assert_int_equal(recsys__json_type(j, 0), JSON_OBJECT);
    assert_int_equal(recsys__json_type(j, a), JSON_OBJECT);
    assert_int_equal(recsys__json_type(j, x), JSON_ARRAY);
    int one = recsys__json_first(j, x), pair = recsys__json_next(j, one), object = recsys__json_next(j, pair);
    assert_int_equal(recsys__json_type(j, one), JSON_PRIMITIVE);
    assert_int_equal(recsys__json_type(j, pair), JSON_ARRAY);
    assert_int_equal(recsys__json_type(j, object), JSON_OBJECT);
    assert_int_equal(recsys__json_next(j, object), -1);
    assert_int_equal(recsys__json_first(j, object), -1);
    assert_true(recsys__json_equals(j, recsys__json_member(j, a, "y"), ""));
    assert_int_equal(recsys__json_first(j, recsys__json_member(j, 0, "b")), -1);
    int64_t seven = 0;
    assert_true(recsys__json_count(j, recsys__json_member(j, 0, "c"), &seven));
    assert_int_equal(seven, 7);
    assert_int_equal(recsys__json_member(j, 0, "d"), -1);
    assert_int_equal(recsys__json_member(j, x, "a"), -1);
    assert_int_equal(recsys__json_type(j, -1), 0);
    recsys__json_free(f.exec->memory, j);
    fixture_close(&f);
}

static void test_strings(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    json *j = parse(&f, "[\"plain\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u00e9\\u20AC\\ud83d\\ude00\", \"\\u0000\", \"\\ud83d\", "
                        "\"\\ude00\", \"\\ud83d\\u0041\"]");
    static const char *const wanted[] = { "plain", "\"\\/\b\f\n\r\t", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", NULL, NULL, NULL, NULL };
    int node = recsys__json_first(j, 0);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++, node = recsys__json_next(j, node)) {
        char buffer[32];
        int64_t length = recsys__json_string(j, node, buffer, sizeof buffer);
        if (!wanted[i]) {
            assert_int_equal(length, -1);
            continue;
        }
        assert_int_equal(length, strlen(wanted[i]));
        assert_string_equal(buffer, wanted[i]);
        assert_int_equal(recsys__json_string(j, node, buffer, length + 1), length);
        assert_int_equal(recsys__json_string(j, node, buffer, length), -1);
    }
    assert_int_equal(node, -1);
    recsys__json_free(f.exec->memory, j);
    fixture_close(&f);
}

static void test_counts(void **state)
{
    (void)state;
    static const struct { const char *s; int is_count; int64_t value; } cases[] = {
        { "[0]", 1, 0 }, { "[9223372036854775807]", 1, INT64_MAX }, { "[9223372036854775808]", 0, 0 }, { "[-1]", 0, 0 },
        { "[1.0]", 0, 0 }, { "[1e3]", 0, 0 }, { "[true]", 0, 0 }, { "[null]", 0, 0 }, { "[\"1\"]", 0, 0 }, { "[[1]]", 0, 0 },
        { "[99999999999999999999999999]", 0, 0 },
    };
    fixture f;
    fixture_open(&f, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json *j = parse(&f, cases[i].s);
        int64_t value = -5;
        assert_int_equal(recsys__json_count(j, recsys__json_first(j, 0), &value), cases[i].is_count);
        if (cases[i].is_count) assert_int_equal(value, cases[i].value);
        recsys__json_free(f.exec->memory, j);
    }
    fixture_close(&f);
}

static void test_twice(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    json *j = parse(&f, "{\"a\":1,\"b\":2,\"\\u0061\":3}");
    assert_true(recsys__json_is_twice(j, 0, "a"));
    assert_false(recsys__json_is_twice(j, 0, "b"));
    assert_false(recsys__json_is_twice(j, 0, "c"));
    recsys__json_free(f.exec->memory, j);
    fixture_close(&f);
}

static void expect_refused(fixture *f, const char *s, int64_t length)
{
    json *j = (json *)f;
    recsys_status status = recsys__json_parse(f->exec->memory, &f->exec->error, s, length, &j);
    if (status != RECSYS_ERR_FILE_FORMAT) fail_msg("%.60s gives %d", s, (int)status);
    assert_null(j);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " ", "{", "}", "[", "{]", "[}", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1 2}", "{1:2}", "{\"a\":1}{}", "{\"a\":1} x", "{\"a\" 1}",
        "{\"a\":\"b\" \"c\"}", "{{}:1}", "{[]:1}", "[\"\\q\"]", "[\"\\u12\"]", "[\"\\u12g4\"]", "[abc]", "{\"a\":[1,{]}}", "{\"a\":{\"b\":1}",
        "[\"a\":1]", "{\"a\":1:2}", "[1}", "nul", "[nul]", "[1x]", "[1:2]", "[\"a", "[\"\\",
    };
    fixture f;
    fixture_open(&f, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect_refused(&f, bad[i], (int64_t)strlen(bad[i]));
    expect_refused(&f, "[1]\0", 4);
    fixture_close(&f);
}

/* Deep nesting, which would take time with the square of the depth, and long texts are refused before they are read. */
static void test_deep_and_long(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    const int64_t room = JSON_MAX_BYTES + 1;
    char *s = malloc((size_t)room);
    assert_non_null(s);
    memset(s, '[', (size_t)room);
    expect_refused(&f, s, JSON_MAX_BYTES);
    memset(s + JSON_MAX_BYTES / 2, ']', JSON_MAX_BYTES / 2);
    expect_refused(&f, s, JSON_MAX_BYTES);
    expect_refused(&f, s + JSON_MAX_BYTES / 2 - 33, 66);
    /* Wide is well: half a million values. */
    for (int64_t i = 1; i + 1 < JSON_MAX_BYTES; i++) s[i] = i % 2 ? '7' : ',';
    s[JSON_MAX_BYTES - 2] = ' ';
    s[JSON_MAX_BYTES - 1] = ']';
    json *j = NULL;
    int64_t count = 0;
    expect_ok(f.exec, recsys__json_parse(f.exec->memory, &f.exec->error, s, JSON_MAX_BYTES, &j));
    for (int node = recsys__json_first(j, 0); node >= 0; node = recsys__json_next(j, node)) count++;
    assert_int_equal(count, JSON_MAX_BYTES / 2 - 1);
    recsys__json_free(f.exec->memory, j);
    /* A bracket in a string opens nothing. */
    j = parse(&f, "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"]");
    recsys__json_free(f.exec->memory, j);
    expect_refused(&f, s, room);
    free(s);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure), cmocka_unit_test(test_strings),   cmocka_unit_test(test_counts),
        cmocka_unit_test(test_twice),     cmocka_unit_test(test_malformed), cmocka_unit_test(test_deep_and_long),
    };
    return cmocka_run_group_tests_name("io/json", tests, NULL, NULL);
}
