/* text.c - tests of growing text, JSON strings, UTF-8, numbers in and out, and nearest words.
 *
 * Numbers are compared with printf() and strtod() of the C locale, then everything runs once more under a locale with a
 * decimal comma. Where the system has none and cannot make one, that part is skipped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

static int64_t length_of(const char *s)
{
    return (int64_t)strlen(s);
}

static int same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Any finite double, all exponents alike. */
static double random_double(uint64_t *random)
{
    double v;
    do {
        uint64_t bits = test_random(random);
        memcpy(&v, &bits, sizeof v);
    } while (!isfinite(v));
    return v;
}

/* ---- reading numbers ---- */

static double parsed(const char *s)
{
    double v = -12345;
    if (!recsys__parse_double(s, length_of(s), &v)) fail_msg("\"%s\" is not read as a number", s);
    return v;
}

static void check_values(void)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0.0},          {"-0", -0.0},           {"1", 1.0},          {"+1.5", 1.5},         {".5", 0.5},
        {"5.", 5.0},         {"00012.50", 12.5},     {"1e3", 1000.0},     {"1E+3", 1000.0},      {"25e-1", 2.5},
        {"0e999999999", 0},  {"1e-400", 0.0},        {"-1e-400", -0.0},   {"1e400", INFINITY},
        {"-1e99999999999999999999", -INFINITY},
        {"inf", INFINITY},   {"-Infinity", -INFINITY}, {"4.9e-324", 0x1p-1074}, {"2.4703282292062327e-324", 0.0},
        {"2.4703282292062328e-324", 0x1p-1074},      {"1.7976931348623157e308", DBL_MAX},
        {"9007199254740993", 9007199254740992.0},    {"9007199254740993.0000000000000000000000001", 9007199254740994.0},
        {"100000000000000000000000", 1e23},          {"0.1", 0.1},        {"3.14159265358979323846", 3.14159265358979323846},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        if (!same_bits(parsed(cases[k].text), cases[k].value)) fail_msg("\"%s\" is read wrong", cases[k].text);
    assert_true(isnan(parsed("nan")) && isnan(parsed("NaN")));
}

/* What is halfway between two doubles but for its last of 1,000 digits; and zeros without end before an exponent. */
static void check_long(void)
{
    char s[2100] = "9007199254740993.";
    memset(s + 17, '0', 1000);
    assert_true(parsed(s) == 9007199254740992.0);
    s[1016] = '1';
    assert_true(parsed(s) == 9007199254740994.0);
    strcpy(s, "0.");
    memset(s + 2, '0', 2000);
    strcpy(s + 2002, "125e2002");
    assert_true(parsed(s) == 12.5);
    strcpy(s, "125");
    memset(s + 3, '0', 2000);
    strcpy(s + 2003, "e-2001");
    assert_true(parsed(s) == 12.5);
}

static void check_refusals(void)
{
    static const char *const texts[] = {"",     "-",    "+",    ".",     "e5",    "1e",     "1e+",  "1 ",  " 1",   "0x10",
                                        "1,5",  "1.2.3", "nano", "infin", "1_0",   "1e5.0", "--1",  "1-",  "in",   "infinityx",
                                        "abc",  "1e5e5", "\xd9\xa1", "1f", "na"};
    double v;
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        if (recsys__parse_double(texts[k], length_of(texts[k]), &v)) fail_msg("\"%s\" is read as a number", texts[k]);
    assert_int_equal(recsys__parse_double("1.5", 2, &v), 1); /* the length counts, not a zero */
    assert_true(v == 1.0);
    assert_int_equal(recsys__parse_double("infinity", 3, &v), 1);
    assert_int_equal(recsys__parse_double("1\0", 2, &v), 0);
}

static void test_parse(void **state)
{
    (void)state;
    check_values();
    check_long();
    check_refusals();
}

/* Random digits of random length with a point and an exponent anywhere, against strtod(). */
static void test_parse_like_strtod(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int round = 0; round < 50000; round++) {
        char s[80];
        int digits = 1 + (int)(test_random(&random) % 40), point = (int)(test_random(&random) % 42), length = 0;
        for (int k = 0; k < digits; k++) {
            if (k == point) s[length++] = '.';
            s[length++] = (char)('0' + test_random(&random) % 10);
        }
        int spread = round % 3 == 0 ? 700 : 60; /* every third near or beyond the range of a double */
        snprintf(s + length, sizeof s - (size_t)length, "e%d", (int)(test_random(&random) % (uint64_t)spread) - spread / 2);
        if (!same_bits(parsed(s), strtod(s, NULL))) fail_msg("%s is not read like strtod", s);
    }
}

static void test_parse_i64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int ok;
        int64_t value;
    } cases[] = {
        {"0", 1, 0}, {"-0", 1, 0}, {"+7", 1, 7}, {"007", 1, 7}, {"-42", 1, -42},
        {"9223372036854775807", 1, INT64_MAX}, {"-9223372036854775808", 1, INT64_MIN},
        {"9223372036854775808", 0, 0}, {"-9223372036854775809", 0, 0}, {"99999999999999999999", 0, 0},
        {"", 0, 0}, {"-", 0, 0}, {"+", 0, 0}, {"1.0", 0, 0}, {"1e3", 0, 0},
        {" 1", 0, 0}, {"1 ", 0, 0}, {"0x1", 0, 0}, {"--1", 0, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int64_t v = 0;
        int ok = recsys__parse_i64(cases[k].text, length_of(cases[k].text), &v);
        if (ok != cases[k].ok || (ok && v != cases[k].value)) fail_msg("\"%s\": %d, %" PRId64, cases[k].text, ok, v);
    }
}

/* ---- writing numbers ---- */

static void check_numbers(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"}, {-0.0, "-0"}, {1.0, "1"}, {-1.5, "-1.5"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {100.0, "100"},
        {1234567890123456.0, "1234567890123456"}, {9007199254740993.0, "9007199254740992"}, {1e16, "10000000000000000"},
        {1e17, "1e+17"}, {1e21, "1e+21"}, {1.5e300, "1.5e+300"}, {0.0001, "0.0001"}, {0.00001, "0.00001"}, {0.000001, "1e-6"},
        {1.25e-7, "1.25e-7"}, {0x1p-1074, "5e-324"}, {DBL_MAX, "1.7976931348623157e+308"}, {(double)0.1f, "0.10000000149011612"},
        {INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}, {0.30000000000000004, "0.30000000000000004"},
    };
    char buffer[NUMBER_ROOM];
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        if (isnan(cases[k].value)) assert_string_equal(recsys__number(buffer, cases[k].value), "nan");
        else assert_string_equal(recsys__number(buffer, cases[k].value), cases[k].text);
    }
    assert_string_equal(recsys__number_float(buffer, 0.1f), "0.1");
    assert_string_equal(recsys__number_float(buffer, 4.5f), "4.5");
    assert_string_equal(recsys__number_float(buffer, 16777216.0f), "16777216");
    assert_string_equal(recsys__number_float(buffer, FLT_MAX), "3.4028235e+38");
    assert_string_equal(recsys__number_float(buffer, 0x1p-149f), "1e-45");
    assert_string_equal(recsys__number_float(buffer, (float)-INFINITY), "-inf");
}

static void test_numbers(void **state)
{
    (void)state;
    check_numbers();
}

/* The text reads back equal, and no form of fewer digits does. */
static void test_numbers_are_shortest(void **state)
{
    (void)state;
    uint64_t random = 2;
    for (int round = 0; round < 30000; round++) {
        double v = round % 2 ? random_double(&random) : (double)(test_random(&random) % 100000) / 1000;
        char text_of_v[NUMBER_ROOM], shorter[64];
        recsys__number(text_of_v, v);
        if (!same_bits(strtod(text_of_v, NULL), v)) fail_msg("%a is written as %s", v, text_of_v);
        int digits = 0, zeros = 0;
        for (const char *s = text_of_v; *s && *s != 'e'; s++) {
            if (*s < '0' || *s > '9' || (digits == 0 && *s == '0')) continue;
            digits++;
            zeros = *s == '0' ? zeros + 1 : 0;
        }
        if (digits - zeros < 2) continue;
        snprintf(shorter, sizeof shorter, "%.*e", digits - zeros - 2, v);
        if (strtod(shorter, NULL) == v) fail_msg("%s is longer than %s", text_of_v, shorter);
    }
}

static void test_floats_read_back(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (int round = 0; round < 30000; round++) {
        uint32_t bits = (uint32_t)test_random(&random), back_bits;
        float v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v)) continue;
        char buffer[NUMBER_ROOM];
        float back = (float)parsed(recsys__number_float(buffer, v)), other = strtof(buffer, NULL);
        memcpy(&back_bits, &back, sizeof back_bits);
        if (back_bits != bits || other != v) fail_msg("%a is written as %s", (double)v, buffer);
    }
}

static void check_fixed(memory *m, double value, int digits)
{
    char wanted[500];
    snprintf(wanted, sizeof wanted, "%.*f", digits, value);
    for (char *s = wanted; *s; s++)
        if (*s == ',') *s = '.';
    text t = recsys__text_begin(m, NULL);
    recsys__text_fixed(&t, value, digits);
    assert_int_equal(recsys__text_end(&t), RECSYS_OK);
    assert_string_equal(t.data, wanted);
    recsys__text_free(&t);
}

static void check_all_fixed(void)
{
    test_heap heap;
    test_heap_init(&heap);
    memory *m = recsys__memory_open(&heap.allocator, 0);
    uint64_t random = 4;
    for (int round = 0; round < 300; round++) check_fixed(m, random_double(&random), round % 12);
    check_fixed(m, 0.17654321, 4);
    check_fixed(m, -0.00001, 2);
    check_fixed(m, 2.5, 0);
    check_fixed(m, DBL_MAX, 60);
    check_fixed(m, INFINITY, 3);
    recsys__memory_release(m);
}

static void test_fixed(void **state)
{
    (void)state;
    check_all_fixed();
}

static void test_sizes(void **state)
{
    (void)state;
    char buffer[NUMBER_ROOM];
    assert_string_equal(recsys__size_text(buffer, 0), "0 bytes");
    assert_string_equal(recsys__size_text(buffer, 999), "999 bytes");
    assert_string_equal(recsys__size_text(buffer, 1000), "1.00 kB");
    assert_string_equal(recsys__size_text(buffer, 999999), "999.99 kB");
    assert_string_equal(recsys__size_text(buffer, 3360000000), "3.36 GB");
    assert_string_equal(recsys__size_text(buffer, INT64_MAX), "9.22 EB");
}

/* ---- the same under a decimal comma ---- */

static int has_comma(void)
{
    return strcmp(localeconv()->decimal_point, ",") == 0;
}

/* Sets a locale with a decimal comma: one of the system's, or one made by localedef in `folder`. */
static int set_comma_locale(const char *folder)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",      "fr_FR.UTF-8",
                                        "fr_FR.utf8",  "pl_PL.UTF-8", "nl_NL.UTF-8"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (setlocale(LC_ALL, names[k]) && has_comma()) return 1;
    char command[512];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >%s/log 2>&1", folder, folder);
    if (system(command) != 0) return 0;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") && has_comma();
}

static void test_decimal_comma(void **state)
{
    (void)state;
    char folder[] = "/tmp/recsys-locale-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int set = set_comma_locale(folder);
    if (set) {
        char shown[16];
        snprintf(shown, sizeof shown, "%.1f", 1.5);
        assert_string_equal(shown, "1,5");
        check_values();
        check_long();
        check_refusals();
        check_numbers();
        check_all_fixed();
        assert_true(has_comma());
        setlocale(LC_ALL, "C");
    }
    test_remove_folder(folder);
    if (!set) skip();
}

/* ---- text ---- */

static void test_growth(void **state)
{
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    memory *m = recsys__memory_open(&heap.allocator, 0);
    text t = recsys__text_begin(m, NULL);
    assert_int_equal(recsys__text_end(&t), RECSYS_OK);
    assert_string_equal(t.data, "");
    for (int k = 0; k < 1000; k++) {
        recsys__text_format(&t, "%d", k % 10);
        recsys__text_bytes(&t, "abc", k % 4);
        recsys__text_string(&t, ";");
    }
    recsys__text_number(&t, 0.5);
    recsys__text_float(&t, 0.1f);
    assert_int_equal(recsys__text_end(&t), RECSYS_OK);
    assert_int_equal(t.length, 1000 * 2 + 250 * 6 + 6);
    assert_int_equal(strlen(t.data), t.length);
    assert_memory_equal(t.data, "0;1a;2ab;3abc;4;", 16);
    assert_string_equal(t.data + t.length - 7, ";0.50.1");
    recsys__text_free(&t);
    assert_int_equal(recsys__memory_used(m), 0);
    recsys__memory_release(m);
}

static void test_failure_sticks(void **state)
{
    (void)state;
    for (int64_t at = 1; at <= 3; at++) {
        test_heap heap;
        test_heap_init(&heap);
        memory *m = recsys__memory_open(&heap.allocator, 0);
        error e = {0};
        test_heap_fail(&heap, at, 0);
        text t = recsys__text_begin(m, &e);
        for (int k = 0; k < 200; k++) recsys__text_format(&t, "%d,", k);
        assert_int_equal(recsys__text_end(&t), RECSYS_ERR_NO_MEMORY);
        assert_int_equal(e.status, RECSYS_ERR_NO_MEMORY);
        assert_null(t.data);
        assert_int_equal(recsys__memory_used(m), 0);
        recsys__memory_release(m);
    }
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a \"quote\" and a \\", "\"a \\\"quote\\\" and a \\\\\""},
        {"line\nend\ttab\rreturn\x01\x7f", "\"line\\nend\\ttab\\u000dreturn\\u0001\\u007f\""},
        {"caf\xc3\xa9 \xf0\x9f\x8d\x95", "\"caf\xc3\xa9 \xf0\x9f\x8d\x95\""},
        {"caf\xe9 \xc3", "\"caf\\ufffd \\ufffd\""},
    };
    test_heap heap;
    test_heap_init(&heap);
    memory *m = recsys__memory_open(&heap.allocator, 0);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        text t = recsys__text_begin(m, NULL);
        recsys__text_json(&t, cases[k].in);
        assert_int_equal(recsys__text_end(&t), RECSYS_OK);
        assert_string_equal(t.data, cases[k].out);
        recsys__text_free(&t);
    }
    recsys__memory_release(m);
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        int length;
    } cases[] = {
        {"a", 1}, {"\x7f", 1}, {"\xc2\x80", 2}, {"\xdf\xbf", 2}, {"\xe0\xa0\x80", 3}, {"\xed\x9f\xbf", 3}, {"\xef\xbf\xbf", 3},
        {"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4},
        {"\x80", 0}, {"\xc0\x80", 0}, {"\xc1\xbf", 0}, {"\xe0\x9f\xbf", 0}, {"\xed\xa0\x80", 0}, {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0}, {"\xff", 0}, {"\xc3", 0}, {"\xc3" "a", 0}, {"\xe2\x82", 0}, {"", 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        assert_int_equal(recsys__utf8_length(cases[k].s, length_of(cases[k].s)), cases[k].length);
}

static void test_copy(void **state)
{
    (void)state;
    char buffer[4];
    assert_int_equal(recsys__text_copy("abcdef", 6, buffer, 4), 6);
    assert_string_equal(buffer, "abc");
    assert_int_equal(recsys__text_copy("ab", 2, buffer, 4), 2);
    assert_string_equal(buffer, "ab");
    assert_int_equal(recsys__text_copy("abcdef", 6, buffer, 1), 6);
    assert_string_equal(buffer, "");
    assert_int_equal(recsys__text_copy("abcdef", 6, NULL, 0), 6);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"l2", "normalize", "top_k", "learning_rate", NULL};
    static const char *const cases[][2] = {
        {"l3", "l2"}, {"L2", "l2"}, {"normalise", "normalize"}, {"topk", "top_k"}, {"tpo_k", "top_k"},
        {"learningrate", "learning_rate"},
        {"learn_rate", "learning_rate"}, {"", "l2"}, {"TOP_K", "top_k"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        assert_string_equal(recsys__nearest(cases[k][0], words, 99), cases[k][1]);
    assert_null(recsys__nearest("l2", words, 0));
    char endless[5000];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_non_null(recsys__nearest(endless, words, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_like_strtod),
        cmocka_unit_test(test_parse_i64),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_are_shortest),
        cmocka_unit_test(test_floats_read_back),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_decimal_comma),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_failure_sticks),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
