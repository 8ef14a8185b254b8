/* catch_up.c - rows brought to the present, against the missed steps one by one in double; read_rows gives the same bits.
 *
 * Also the test of read_rows: the two are one computation with different places for the result.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "update_case.h"

#include "backend/op/read_rows.h"

static const int64_t times[] = { 0, 1, 2, 40, 300, 620, STEPS };
enum { TIMES = sizeof times / sizeof *times };

/* Rows first, first + 3, ... of the table, as an index would have them. */
static row_index every_third(int64_t N, int64_t first)
{
    row_index x = { N, case_array(1, 4), case_array(N, 4), case_array(N + 1, 4), case_array(N, 4) };
    int32_t n = 0;
    for (int64_t r = first; r < N; r += 3) x.row[n++] = (int32_t)r;
    *x.n_rows = n;
    return x;
}

static void free_index(row_index *x)
{
    free(x->n_rows), free(x->row), free(x->begin), free(x->order);
}

static void check_row(const lag_case *c, const updated *old, const updated *new, int64_t r, int64_t t)
{
    assert_int_equal(new->last[r], t);
    for (int64_t i = r * old->dim; i < (r + 1) * old->dim; i++) {
        double v = old->v ? (double)old->v[i] : 0.0;
        moved e = case_missed(c, (double)old->p[i], (double)old->m[i], v, old->last[r], t);
        /* Below 1e-37 float has fewer digits. */
        int good = fabs((double)new->p[i] - e.p) <= e.bound && fabs((double)new->m[i] - e.m) <= 2.0 * ROUNDING * fabs(e.m) + 1e-44;
        if (new->v) good &= fabs((double)new->v[i] - e.v) <= 2.0 * ROUNDING * e.v + 1e-44;
        if (!good)
            fail_msg("rule %d, row %lld from step %d to %lld: p %.9g want %.9g (bound %.3g), m %.9g want %.9g", c->kind, (long long)r,
                     (int)old->last[r], (long long)t, (double)new->p[i], e.p, e.bound, (double)new->m[i], e.m);
    }
}

static void same_tables(const updated *a, const updated *b, const char *what)
{
    case_same_floats(a->p, b->p, a->n_rows * a->dim, what);
    case_same_floats(a->m, b->m, a->n_rows * a->dim, what);
    if (a->v) case_same_floats(a->v, b->v, a->n_rows * a->dim, what);
    assert_memory_equal(a->last, b->last, (size_t)a->n_rows * 4);
}

/* read_rows: all rows, and some, have the bits of `after`, while `before` stays. */
static void check_reading(const fixture *f, const update_rule *u, const updated *before, const updated *after)
{
    int64_t N = before->n_rows, D = before->dim, Q = N + 3;
    updated table = case_copy_table(before);
    int32_t *row = case_array(Q, 4);
    float *all = case_floats(N * D), *some = case_floats(Q * D);
    for (int64_t q = 0; q < Q; q++) row[q] = q % 7 == 2 ? -1 : (int32_t)(q * 5 % N);
    op_read_rows o = { .op = { OP_READ_ROWS, sizeof o }, .rule = *u, .table = table, .count = N, .out = all };
    case_expect(f, &o.op, 3, SIMD_AVX512);
    case_same_floats(all, after->p, N * D, "all rows");
    o.row = row, o.count = Q, o.out = some;
    case_expect(f, &o.op, 2, SIMD_PLAIN);
    for (int64_t q = 0; q < Q; q++)
        for (int64_t d = 0; d < D; d++) assert_true(some[q * D + d] == (row[q] < 0 ? 0.0f : after->p[row[q] * D + d]));
    o.table.last = NULL, o.row = NULL, o.count = N, o.out = all;
    case_expect(f, &o.op, 2, SIMD_AVX2);
    case_same_floats(all, before->p, N * D, "rows that are never behind");
    same_tables(&table, before, "what is read stays");
    free(row), free(all), free(some);
    case_free_table(&table);
}

static void check_whole(const fixture *f, const lag_case *c, const update_rule *u, int64_t N, int64_t D)
{
    updated old = case_table(c, N, D, u->t, (uint64_t)(N * D + u->t)), plain = case_copy_table(&old);
    op_catch_up o = { .op = { OP_CATCH_UP, sizeof o }, .rule = *u, .n_tables = 1 };
    o.table[0] = (catch_up_table){ .table = plain, .whole = 1 };
    case_expect(f, &o.op, 1, SIMD_PLAIN);
    for (int64_t r = 0; r < N; r++) check_row(c, &old, &plain, r, u->t);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = SIMD_PLAIN; simd < case_rungs(); simd++) {
            updated table = case_copy_table(&old);
            o.table[0].table = table;
            case_expect(f, &o.op, case_threads[t], simd);
            same_tables(&table, &plain, "threads and rungs");
            case_expect(f, &o.op, case_threads[t], simd);
            same_tables(&table, &plain, "rows that are there stay");
            case_free_table(&table);
        }
    check_reading(f, u, &old, &plain);
    case_free_table(&old), case_free_table(&plain);
}

/* Two tables by indices: their rows get the bits of the whole form, the others stay. */
static void check_rows(const fixture *f, const lag_case *c, const update_rule *u, int32_t threads, int32_t simd)
{
    op_catch_up o = { .op = { OP_CATCH_UP, sizeof o }, .rule = *u, .n_tables = 2 }, whole = o;
    updated old[2] = { case_table(c, 700, 16, u->t, 5), case_table(c, 411, 37, u->t, 6) };
    for (int k = 0; k < 2; k++) {
        o.table[k] = (catch_up_table){ .table = case_copy_table(&old[k]), .index = every_third(old[k].n_rows, k) };
        whole.table[k] = (catch_up_table){ .table = case_copy_table(&old[k]), .whole = 1 };
    }
    case_expect(f, &o.op, threads, simd);
    case_expect(f, &whole.op, 1, SIMD_PLAIN);
    for (int k = 0; k < 2; k++) {
        int64_t D = old[k].dim;
        for (int64_t r = 0; r < old[k].n_rows; r++) {
            const updated *want = r % 3 == k ? &whole.table[k].table : &old[k], *have = &o.table[k].table;
            case_same_floats(have->p + r * D, want->p + r * D, D, "p");
            case_same_floats(have->m + r * D, want->m + r * D, D, "m");
            assert_int_equal(have->last[r], want->last[r]);
        }
        free_index(&o.table[k].index);
        case_free_table(&o.table[k].table), case_free_table(&whole.table[k].table), case_free_table(&old[k]);
    }
}

static void test_missed_steps(void **state)
{
    static const int64_t dims[] = { 1, 8, 37 };
    fixture f;
    fixture_open(&f, 1);
    for (int c = 0; c < LAG_CASES; c++)
        for (int t = 0; t < TIMES; t++) {
            update_rule u = case_rule(&lag_cases[c], times[t]);
            for (int d = 0; d < 3; d++) check_whole(&f, &lag_cases[c], &u, 30, dims[d]);
            case_free_rule(&u);
        }
    fixture_close(&f);
    (void)state;
}

static void test_two_tables(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int c = 0; c < LAG_CASES; c++) {
        update_rule u = case_rule(&lag_cases[c], 620);
        for (int t = 0; t < case_thread_counts(); t++) check_rows(&f, &lag_cases[c], &u, case_threads[t], t % 3);
        case_free_rule(&u);
    }
    fixture_close(&f);
    (void)state;
}

/* Broken numbers in a row stay in their columns, and reach no other row. */
static void test_not_finite(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    update_rule u = case_rule(&lag_cases[0], 500);
    updated a = case_table(&lag_cases[0], 3, 9, 500, 3), b = case_copy_table(&a);
    a.m[9 + 2] = NAN;
    a.v[9 + 8] = INFINITY;
    op_catch_up o = { .op = { OP_CATCH_UP, sizeof o }, .rule = u, .n_tables = 1 };
    o.table[0] = (catch_up_table){ .table = a, .whole = 1 };
    case_expect(&f, &o.op, 1, SIMD_AVX2);
    o.table[0].table = b;
    case_expect(&f, &o.op, 1, SIMD_PLAIN);
    for (int64_t i = 0; i < 27; i++) {
        if (i == 9 + 2)
            assert_true(isnan(a.p[i]));
        else if (i != 9 + 8)
            case_same_floats(a.p + i, b.p + i, 1, "a finite column");
    }
    case_free_table(&a), case_free_table(&b);
    case_free_rule(&u);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_missed_steps), cmocka_unit_test(test_two_tables),
                                        cmocka_unit_test(test_not_finite) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
