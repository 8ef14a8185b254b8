/* version.c - tests that the loaded library is the one of these headers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/support/support.h"

static void test_numbers(void **state)
{
    (void)state;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%d.%d.%d", RECSYS_VERSION_MAJOR, RECSYS_VERSION_MINOR, RECSYS_VERSION_PATCH);
    assert_string_equal(recsys_version(), wanted);
    assert_int_equal(recsys_abi_version(), RECSYS_ABI_MAJOR * 1000 + RECSYS_ABI_MINOR);
}

static void test_build_info(void **state)
{
    (void)state;
    assert_non_null(strstr(recsys_build_info(), "OpenBLAS"));
    assert_null(strchr(recsys_build_info(), '\n'));
    assert_ptr_equal(recsys_build_info(), recsys_build_info());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_build_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
