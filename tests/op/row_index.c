/* row_index.c - which entries look at which row, against plain loops: any lists, repeats, entries without a row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/row_index.h"
#include "kernels/cpu/vec/vec.h"

static row_index new_index(int64_t E)
{
    return (row_index){ E, case_array(1, 4), case_array(E, 4), case_array(E + 1, 4), case_array(E, 4) };
}

static void free_index(row_index *x)
{
    free(x->n_rows), free(x->row), free(x->begin), free(x->order);
}

/* Every row of the table in turn, and for each every entry in turn. */
static void check_index(const row_index *x, const int32_t *row, int64_t N)
{
    int64_t s = 0, at = 0;
    for (int64_t r = 0; r < N; r++) {
        int64_t before = at;
        for (int64_t e = 0; e < x->n_entries; e++)
            if (row[e] == r) assert_int_equal(x->order[at++], e);
        if (at == before) continue;
        assert_int_equal(x->row[s], r);
        assert_int_equal(x->begin[s++], before);
    }
    assert_int_equal(*x->n_rows, s);
    assert_int_equal(x->begin[s], at);
}

static int32_t *draw_rows(int64_t E, int64_t N, uint64_t seed)
{
    int32_t *row = case_array(E, sizeof *row);
    for (int64_t e = 0; e < E; e++) {
        uint64_t kind = test_random(&seed) % 8;
        row[e] = kind == 0 || N == 0 ? -1 : (int32_t)(test_random(&seed) % (uint64_t)N);
        if (kind == 1 && N > 0) row[e] = (int32_t)(N - 1);
    }
    return row;
}

static void check_lists(const fixture *f, int64_t count, const int64_t *E, const int64_t *N, int32_t threads)
{
    op_row_index o = { .op = { OP_ROW_INDEX, sizeof o }, .count = count };
    int32_t *row[ROW_LISTS];
    for (int64_t k = 0; k < count; k++) {
        row[k] = draw_rows(E[k], N[k], (uint64_t)(E[k] * 31 + N[k] + k));
        o.list[k] = (row_list){ N[k], row[k], new_index(E[k]) };
    }
    case_expect(f, &o.op, threads, SIMD_AVX512);
    for (int64_t k = 0; k < count; k++) {
        check_index(&o.list[k].index, row[k], N[k]);
        free_index(&o.list[k].index);
        free(row[k]);
    }
}

static void test_lists(void **state)
{
    /* One, two and three digits; tables of one row and of none. */
    static const int64_t sizes[] = { 0, 1, 7, 300, 1200 }, tables[] = { 0, 1, 2, 300, 2048, 2049, 5000 };
    fixture f;
    fixture_open(&f, 1);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int e = 0; e < 5; e++)
            for (int n = 0; n < 7; n++) {
                int64_t E[] = { sizes[e], sizes[4 - e] }, N[] = { tables[n], tables[6 - n] };
                check_lists(&f, 1, E, N, case_threads[t]);
                check_lists(&f, 2, E, N, case_threads[t]);
            }
    fixture_close(&f);
    (void)state;
}

/* More entries than one block of a device sorts, in a whole number of pieces and not; beside a short list. */
static void test_long_lists(void **state)
{
    static const int64_t sizes[][2] = { { 20480, 300 }, { 17, 20001 } }, tables[][2] = { { 3, 70000 }, { 7, 300 } };
    fixture f;
    fixture_open(&f, 1);
    for (int k = 0; k < 2; k++) check_lists(&f, 2, sizes[k], tables[k], 2);
    check_lists(&f, 1, sizes[0], tables[0], 1);
    fixture_close(&f);
    (void)state;
}

/* Rows of the largest table there can be, which take all three digits. */
static void test_large_rows(void **state)
{
    static const int32_t row[] = { INT32_MAX - 1, 0, 1 << 22, -1, 1 << 22, 1 << 30, INT32_MAX - 1, 2047 };
    static const int32_t rows[] = { 0, 2047, 1 << 22, 1 << 30, INT32_MAX - 1 }, begin[] = { 0, 1, 2, 4, 5, 7 };
    static const int32_t order[] = { 1, 7, 2, 4, 5, 0, 6 };
    fixture f;
    fixture_open(&f, 1);
    op_row_index o = { .op = { OP_ROW_INDEX, sizeof o }, .count = 1 };
    o.list[0] = (row_list){ INT32_MAX, row, new_index(8) };
    case_expect(&f, &o.op, 2, SIMD_PLAIN);
    const row_index *x = &o.list[0].index;
    assert_int_equal(*x->n_rows, 5);
    assert_memory_equal(x->row, rows, sizeof rows);
    assert_memory_equal(x->begin, begin, sizeof begin);
    assert_memory_equal(x->order, order, sizeof order);
    free_index(&o.list[0].index);
    fixture_close(&f);
    (void)state;
}

static void test_bad_rows(void **state)
{
    static const int32_t good[] = { 1, 2, 0 }, high[] = { 0, 3, 7 }, low[] = { -1, 2, -2 };
    const int32_t *lists[] = { high, low };
    const char *words[] = { "entry 1 of a lookup asks for row 3 of a table of 3 rows", "entry 2 of a lookup asks for row -2" };
    fixture f;
    fixture_open(&f, 1);
    for (int k = 0; k < 2; k++) {
        error e;
        op_row_index o = { .op = { OP_ROW_INDEX, sizeof o }, .count = 2 };
        o.list[0] = (row_list){ 3, good, new_index(3) };
        o.list[1] = (row_list){ 3, lists[k], new_index(3) };
        assert_int_equal(case_run(&f, &o.op, 2, SIMD_PLAIN, 0, &e), RECSYS_ERR_OUT_OF_RANGE);
        if (!strstr(e.message, words[k])) fail_msg("\"%s\" does not say \"%s\"", e.message, words[k]);
        free_index(&o.list[0].index), free_index(&o.list[1].index);
    }
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lists), cmocka_unit_test(test_long_lists),
                                        cmocka_unit_test(test_large_rows), cmocka_unit_test(test_bad_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
