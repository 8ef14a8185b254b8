/* sort.c - the sort against qsort, on sizes and patterns that break heaps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include "base/sort.h"

static int compare(const void *a, const void *b)
{
    uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;
    return (l > r) - (l < r);
}

static void test_sort(void **state)
{
    uint64_t seed = 11;
    for (size_t n = 0; n < 300; n++)
        for (int pattern = 0; pattern < 4; pattern++) {
            uint64_t key[300], want[300];
            for (size_t i = 0; i < n; i++)
                key[i] = pattern == 0 ? test_random(&seed) : pattern == 1 ? i : pattern == 2 ? n - i : test_random(&seed) % 3;
            memcpy(want, key, sizeof *key * n);
            qsort(want, n, sizeof *want, compare);
            recsys__sort_u64(key, (int64_t)n);
            assert_true(n == 0 || memcmp(key, want, sizeof *key * n) == 0);
        }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_sort) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
