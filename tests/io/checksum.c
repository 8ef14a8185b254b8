/* checksum.c - the checksum of large memory: the value of zlib, whatever the cuts and the threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/checksum.h"

static void test_known_answer(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    uint32_t crc = 0;
    recsys__checksum(f.exec, "123456789", 9, &crc, NULL);
    assert_int_equal(crc, 0xcbf43926u); /* the check value of CRC-32 */
    uint32_t before = crc;
    recsys__checksum(f.exec, "", 0, &crc, NULL);
    assert_int_equal(crc, before);
    fixture_close(&f);
}

static void test_cuts_and_threads(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 4095, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 77 };
    const int64_t most = 5 * (1 << 20) + 77;
    unsigned char *bytes = malloc((size_t)most);
    assert_non_null(bytes);
    uint64_t random = 1;
    for (int64_t i = 0; i < most; i++) bytes[i] = (unsigned char)test_random(&random);
    for (int32_t threads = 1; threads <= 8; threads += threads == 3 ? 5 : 1) {
        fixture f;
        fixture_open(&f, threads);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            uint32_t wanted = (uint32_t)crc32_z(0, bytes, (size_t)sizes[s]), crc = 0;
            recsys__checksum(f.exec, bytes, sizes[s], &crc, NULL);
            assert_int_equal(crc, wanted);
            crc = 0;
            int64_t cut = sizes[s] / 3;
            recsys__checksum(f.exec, bytes, cut, &crc, NULL);
            recsys__checksum(f.exec, bytes + cut, sizes[s] - cut, &crc, NULL);
            assert_int_equal(crc, wanted);
        }
        fixture_close(&f);
    }
    free(bytes);
}

static void test_finite(void **state)
{
    (void)state;
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    const int64_t n = (3 << 18) + 5; /* several chunks */
    float *values = malloc((size_t)n * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++) values[i] = i % 2 ? 3.4e38f : -1e-45f;
    fixture f;
    fixture_open(&f, 2);
    uint32_t crc = 0;
    int finite = 1;
    recsys__checksum(f.exec, values, n * 4, &crc, &finite);
    assert_int_equal(finite, 1);
    for (int k = 0; k < 3; k++) {
        int64_t at = k == 0 ? 0 : k == 1 ? n - 1 : 300000;
        float good = values[at];
        values[at] = bad[k];
        finite = 1;
        recsys__checksum(f.exec, values, n * 4, &crc, &finite);
        assert_int_equal(finite, 0);
        values[at] = good;
        recsys__checksum(f.exec, values, n * 4, &crc, &finite);
        assert_int_equal(finite, 0);
    }
    free(values);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_cuts_and_threads),
        cmocka_unit_test(test_finite),
    };
    return cmocka_run_group_tests_name("io/checksum", tests, NULL, NULL);
}
