/* struct.c - tests of sized structs: programs older and newer than the library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/struct.h"

#include <string.h>

#include "tests/support/support.h"

/* The struct in the library's version, in an older one, and in a newer one. */
typedef struct options {
    size_t struct_size;
    int64_t first, second;
} options;

typedef struct older {
    size_t struct_size;
    int64_t first;
} older;

typedef struct newer {
    size_t struct_size;
    int64_t first, second, third;
} newer;

enum { LEAST = sizeof(older) };

static void test_in_same(void **state)
{
    (void)state;
    options given = {sizeof given, 1, 2}, own;
    assert_int_equal(recsys__struct_in(NULL, "options", &given, LEAST, &own, sizeof own), RECSYS_OK);
    assert_memory_equal(&own, &given, sizeof own);
}

static void test_in_null_is_all_zero(void **state)
{
    (void)state;
    options own = {9, 9, 9};
    assert_int_equal(recsys__struct_in(NULL, "options", NULL, LEAST, &own, sizeof own), RECSYS_OK);
    assert_true(own.struct_size == sizeof own && own.first == 0 && own.second == 0);
}

static void test_in_older(void **state)
{
    (void)state;
    older given = {sizeof given, 1};
    options own = {9, 9, 9};
    assert_int_equal(recsys__struct_in(NULL, "options", &given, LEAST, &own, sizeof own), RECSYS_OK);
    assert_true(own.struct_size == sizeof own && own.first == 1 && own.second == 0);
}

static void test_in_newer(void **state)
{
    (void)state;
    newer given = {sizeof given, 1, 2, 0};
    options own;
    error e = {0};
    assert_int_equal(recsys__struct_in(&e, "options", &given, LEAST, &own, sizeof own), RECSYS_OK);
    assert_true(own.struct_size == sizeof own && own.first == 1 && own.second == 2);
    given.third = 3;
    assert_int_equal(recsys__struct_in(&e, "options", &given, LEAST, &own, sizeof own), RECSYS_ERR_STRUCT_SIZE);
    assert_non_null(strstr(e.message, "options"));
}

static void test_in_bad_sizes(void **state)
{
    (void)state;
    options given = {0, 1, 2}, own;
    const size_t sizes[] = {0, 1, sizeof(size_t), LEAST - 1, 1u << 20, SIZE_MAX};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        error e = {0};
        given.struct_size = sizes[k];
        assert_int_equal(recsys__struct_in(&e, "options", &given, LEAST, &own, sizeof own), RECSYS_ERR_STRUCT_SIZE);
        assert_non_null(strstr(e.message, "options: struct_size is"));
        assert_true(own.first == 0 && own.second == 0);
    }
}

static void test_out(void **state)
{
    (void)state;
    const options own = {sizeof own, 1, 2};
    options same = {sizeof same, 8, 8};
    older old = {sizeof old, 8};
    newer young = {sizeof young, 8, 8, 8};
    assert_int_equal(recsys__struct_out(NULL, "options", &own, sizeof own, &same), RECSYS_OK);
    assert_true(same.struct_size == sizeof same && same.first == 1 && same.second == 2);
    assert_int_equal(recsys__struct_out(NULL, "options", &own, sizeof own, &old), RECSYS_OK);
    assert_true(old.struct_size == sizeof old && old.first == 1);
    assert_int_equal(recsys__struct_out(NULL, "options", &own, sizeof own, &young), RECSYS_OK);
    assert_true(young.struct_size == sizeof young && young.second == 2 && young.third == 8);
}

static void test_out_bad_sizes(void **state)
{
    (void)state;
    const options own = {sizeof own, 1, 2};
    options given = {0, 8, 8};
    const size_t sizes[] = {0, sizeof(size_t), SIZE_MAX};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        given.struct_size = sizes[k];
        assert_int_equal(recsys__struct_out(NULL, "options", &own, sizeof own, &given), RECSYS_ERR_STRUCT_SIZE);
        assert_true(given.first == 8 && given.second == 8);
    }
    assert_int_equal(recsys__struct_out(NULL, "options", &own, sizeof own, NULL), RECSYS_ERR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_same),      cmocka_unit_test(test_in_null_is_all_zero),
        cmocka_unit_test(test_in_older),     cmocka_unit_test(test_in_newer),
        cmocka_unit_test(test_in_bad_sizes), cmocka_unit_test(test_out),
        cmocka_unit_test(test_out_bad_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
