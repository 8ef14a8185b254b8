/* status.c - tests of the registry of status codes and of error details.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "tests/support/support.h"

/* The registry as it was published: a line here never changes. */
static const char *const published[] = {
    "OK",          "INVALID_ARGUMENT", "STRUCT_SIZE",    "NO_MEMORY", "MEMORY_LIMIT", "CANCELLED",   "UNKNOWN_MODEL",
    "UNKNOWN_KEY", "OUT_OF_RANGE",     "TYPE",           "UNKNOWN_ID", "UNKNOWN_COLUMN", "FILE_NOT_FOUND", "IO",
    "PARSE",       "COMPRESSED",       "FILE_FORMAT",    "FILE_VERSION", "CHECKSUM",   "DUPLICATE",   "EMPTY",
    "TOO_LARGE",   "NUMERIC",          "UNSUPPORTED",    "MISSING_DATA", "DEVICE",     "BLAS",        "INTERNAL",
};

static void test_registry(void **state)
{
    (void)state;
    int32_t count = sizeof published / sizeof *published;
    assert_int_equal(recsys_status_count(), count);
    for (int32_t k = 0; k < count; k++) {
        assert_string_equal(recsys_status_name(-k), published[k]);
        assert_true(strlen(recsys_status_text(-k)) > 0);
    }
    assert_int_equal(RECSYS_ERR_INTERNAL, 1 - count);
}

static void test_unknown_codes(void **state)
{
    (void)state;
    const recsys_status unknown[] = {1, INT32_MAX, INT32_MIN, -recsys_status_count()};
    for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) {
        assert_string_equal(recsys_status_name(unknown[k]), "UNKNOWN");
        assert_string_equal(recsys_status_text(unknown[k]), "unknown status code");
    }
}

static void test_fail_records(void **state)
{
    (void)state;
    error e = {0};
    assert_int_equal(recsys__fail(&e, RECSYS_ERR_PARSE, "%s:%d: no number", "a.csv", 7), RECSYS_ERR_PARSE);
    assert_int_equal(e.status, RECSYS_ERR_PARSE);
    assert_string_equal(e.message, "a.csv:7: no number");
    recsys__fail(&e, RECSYS_ERR_IO, "reading: %s", e.message);
    assert_string_equal(e.message, "reading: a.csv:7: no number");
    assert_int_equal(recsys__fail(NULL, RECSYS_ERR_IO, "nobody listens"), RECSYS_ERR_IO);
}

static void test_fail_system(void **state)
{
    (void)state;
    error e = {0};
    recsys__fail_system(&e, RECSYS_ERR_IO, ENOSPC, "cannot write %s", "m.safetensors");
    assert_int_equal(e.system_error, ENOSPC);
    assert_memory_equal(e.message, "cannot write m.safetensors: ", 28);
    assert_true(strlen(e.message) > 28);
    recsys__fail(&e, RECSYS_ERR_PARSE, "later");
    assert_int_equal(e.system_error, 0);
}

static void test_message_is_one_line_of_utf8(void **state)
{
    (void)state;
    error e = {0};
    recsys__fail(&e, RECSYS_ERR_PARSE, "a\nb\tc\x7f" "d \xe9t\xe9 \xc3\xa9 \xf0\x9f\x8d\x95 \xc3");
    assert_string_equal(e.message, "a b c d ?t? \xc3\xa9 \xf0\x9f\x8d\x95 ?");
}

/* At every distance of the end from a character of 2, 3 and 4 bytes: it is there whole or not at all. */
static void test_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8d\x95"};
    for (size_t k = 0; k < 3; k++)
        for (int shift = 0; shift < 5; shift++) {
            char given[1024] = "";
            memset(given, 'x', 505 + (size_t)shift);
            strcpy(given + 505 + shift, characters[k]);
            size_t whole = strlen(given);
            memset(given + whole, 'y', 100);
            error e = {0};
            recsys__fail(&e, RECSYS_ERR_PARSE, "%s", given);
            size_t length = strlen(e.message);
            assert_null(strchr(e.message, '?'));
            assert_true(length == (whole <= 511 ? 511 : 505 + (size_t)shift));
            assert_memory_equal(e.message, given, length);
        }
}

static void test_error_copy(void **state)
{
    (void)state;
    error e = {0};
    recsys__fail(&e, RECSYS_ERR_IO, "lost");
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys__error_copy(&e, &info), RECSYS_OK);
    assert_int_equal(info.status, RECSYS_ERR_IO);
    assert_string_equal(info.message, "lost");
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(recsys__error_copy(NULL, &info), RECSYS_OK);
    assert_int_equal(info.status, RECSYS_OK);
    assert_string_equal(info.message, "");
    assert_int_equal(recsys__error_copy(&e, NULL), RECSYS_ERR_INVALID_ARGUMENT);
    info.struct_size = sizeof info - 1;
    assert_int_equal(recsys__error_copy(&e, &info), RECSYS_ERR_STRUCT_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_unknown_codes),
        cmocka_unit_test(test_fail_records),
        cmocka_unit_test(test_fail_system),
        cmocka_unit_test(test_message_is_one_line_of_utf8),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_error_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
