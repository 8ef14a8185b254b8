/* gather_rows.c - rows of a table, one for each query, zeros for -1: any shape, any number of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include "tensor/ops.h"

static void check_shape(recsys_exec *x, int64_t rows, int64_t dim, int64_t count)
{
    uint64_t seed = (uint64_t)(rows * 1000 + dim);
    float *table = calloc((size_t)(rows * dim + 1), sizeof *table), *out = malloc((size_t)(count * dim + 1) * sizeof *out);
    int32_t *row = calloc((size_t)count + 1, sizeof *row);
    for (int64_t i = 0; i < rows * dim; i++)
        table[i] = (float)test_random_unit(&seed);
    for (int64_t q = 0; q < count; q++)
        row[q] = (int32_t)(test_random(&seed) % (uint64_t)(rows + 1)) - 1;
    memset(out, 0xff, (size_t)(count * dim + 1) * sizeof *out);
    expect_ok(x, recsys__gather_rows(x, table, dim, row, count, out));
    for (int64_t q = 0; q < count; q++)
        for (int64_t c = 0; c < dim; c++)
            assert_true(out[q * dim + c] == (row[q] < 0 ? 0.0f : table[row[q] * dim + c]));
    float behind;
    memset(&behind, 0xff, sizeof behind);
    assert_memory_equal(&out[count * dim], &behind, sizeof behind); /* not a float further */
    free(table), free(out), free(row);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97 };
    fixture f;
    for (int32_t threads = 1; threads <= 8; threads = threads * 2 + 1) {
        fixture_open(&f, threads);
        for (int c = 0; c < 6; c++)
            for (int d = 1; d < 6; d++) {
                check_shape(f.exec, 1, sizes[d], sizes[c]);
                check_shape(f.exec, 50, sizes[d], sizes[c]);
            }
        check_shape(f.exec, 50, 97, 3001); /* enough for several threads */
        fixture_close(&f);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
