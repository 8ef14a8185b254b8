/* row_numbers.c - the row of each entry: empty rows at both ends and in between, enough entries for several threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"

#include "backend/op/row_numbers.h"

static void check(fixture *f, int64_t N, int64_t longest, int64_t huge)
{
    uint64_t seed = (uint64_t)(N * 1009 + longest);
    int64_t *ptr = rows_pointers(N, longest, huge, &seed), E = ptr[N];
    int32_t *row = case_array(E + 1, sizeof *row), behind;
    op_row_numbers o = { .op = { OP_ROW_NUMBERS, sizeof o }, .n_rows = N, .n_entries = E, .row_ptr = ptr, .row = row };
    int32_t *got = rows_run(f, &o.op, row, (size_t)E * sizeof *row);
    memset(&behind, 0xff, sizeof behind);
    assert_int_equal(row[E], behind);
    for (int64_t n = 0; n < N; n++)
        for (int64_t e = ptr[n]; e < ptr[n + 1]; e++) assert_int_equal(got[e], n);
    free(ptr), free(row), free(got);
}

static void test_shapes(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    check(&f, 0, 1, -1);
    check(&f, 1, 1, -1);
    check(&f, 1, 10, 0);
    check(&f, 8, 1, 7);
    check(&f, 33, 10, -1);
    check(&f, 20000, 12, 3); /* a hundred thousand entries */
    check(&f, 4, 20000, 3);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
