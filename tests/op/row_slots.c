/* row_slots.c - rows and entries find their places among the different rows: entries of no row, rows that nobody looks at,
 * nothing at all, outputs left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"

#include "backend/op/row_slots.h"

static void check(fixture *f, int64_t E, int64_t N, int32_t first)
{
    uint64_t seed = (uint64_t)(E * 1009 + N);
    int32_t *row = rows_numbers(E, N, &seed);
    row_index x = rows_index(row, E, N);
    int32_t *out = case_array(N + E + 1, sizeof *out), behind;
    op_row_slots o = { .op = { OP_ROW_SLOTS, sizeof o }, .n_rows = N, .index = x, .first = first, .slot = out,
                       .place = out + N };
    int32_t *got = rows_run(f, &o.op, out, (size_t)(N + E) * sizeof *out);
    memset(&behind, 0xff, sizeof behind);
    assert_int_equal(out[N + E], behind);
    for (int32_t n = 0, s = 0; n < N; n++) {
        int seen = 0;
        for (int64_t e = 0; e < E; e++) {
            if (row[e] != n) continue;
            seen = 1;
            assert_int_equal(got[N + e], first + s);
        }
        assert_int_equal(got[n], seen ? s : -1);
        s += seen;
    }
    for (int64_t e = 0; e < E; e++) assert_true(row[e] >= 0 || got[N + e] == -1);
    o.slot = NULL;
    case_expect(f, &o.op, 2, 0);
    assert_memory_equal(out + N, got + N, (size_t)E * sizeof *out);
    o.slot = out, o.place = NULL;
    case_expect(f, &o.op, 2, 0);
    assert_memory_equal(out, got, (size_t)N * sizeof *out);
    rows_free_index(&x);
    free(row), free(out), free(got);
}

static void test_shapes(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    check(&f, 0, 3, 0);
    check(&f, 1, 1, 5);
    check(&f, 40, 7, 0);
    check(&f, 7, 40, 100);
    check(&f, 300, 300, 3);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
