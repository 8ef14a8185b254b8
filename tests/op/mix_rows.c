/* mix_rows.c - the mix_rows kernel: sums against double, bits against a chain of fmaf(), in one call and in several.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/mix_rows.h"

/* N rows of n columns, Q sums of them; sum 4, 9, ... have no entries, sum 1 has all rows. */
typedef struct mix_case {
    int64_t N, Q, n;
    float *rows;
    case_lists sums; /* `item` are rows, `val` weights */
} mix_case;

static mix_case make(int64_t N, int64_t Q, int64_t n, uint64_t seed)
{
    mix_case c = { N, Q, n, case_floats(N * n), case_random_lists(Q, N, 0.4, seed) };
    for (int64_t e = 0; e < N * n; e++) c.rows[e] = (float)(40.0 * test_random_unit(&seed) - 20.0);
    return c;
}

static void drop(mix_case *c)
{
    free(c->rows);
    case_free_lists(&c->sums);
}

static op_mix_rows descriptor(const mix_case *c, float *rows, int sigmoid, float *out)
{
    return (op_mix_rows){ .op = { OP_MIX_ROWS, sizeof(op_mix_rows) }, .n_rows = c->N, .n_sums = c->Q, .n_items = c->n,
                          .sigmoid = sigmoid, .rows = rows, .ptr = c->sums.ptr, .row = c->sums.item, .weight = c->sums.val,
                          .out = out };
}

static float *copy(const float *x, int64_t n)
{
    float *y = case_floats(n);
    if (n > 0) memcpy(y, x, (size_t)n * sizeof *x);
    return y;
}

/* Each probability within the contract's bound of the exact one. */
static void check_sigmoid(const float *got, const float *x, int64_t n)
{
    for (int64_t e = 0; e < n; e++) {
        double want = 1.0 / (1.0 + exp(-(double)x[e])), bound = 4.0 * ROUNDING * want + 0x1p-126;
        if (!(fabs((double)got[e] - want) <= bound))
            fail_msg("sigmoid(%a) = %a, want %a (bound %.3g)", (double)x[e], (double)got[e], want, bound);
    }
}

/* Sums of what `rows` hold now: bits, and distance from the exact sum. */
static void check_sums(const mix_case *c, const float *rows, const float *out)
{
    for (int64_t q = 0; q < c->Q; q++)
        for (int64_t i = 0; i < c->n; i++) {
            float sum = 0.0f;
            double want = 0.0, size = 0.0;
            for (int64_t e = c->sums.ptr[q]; e < c->sums.ptr[q + 1]; e++) {
                float w = c->sums.val[e], x = rows[c->sums.item[e] * c->n + i];
                sum = fmaf(w, x, sum);
                want += (double)w * (double)x, size += fabs((double)w * (double)x);
            }
            double bound = (double)(c->sums.ptr[q + 1] - c->sums.ptr[q]) * 2.0 * ROUNDING * size;
            case_same_floats(out + q * c->n + i, &sum, 1, "sum");
            assert_true(fabs((double)sum - want) <= bound);
        }
}

static void check_shape(const fixture *f, int64_t N, int64_t Q, int64_t n)
{
    mix_case c = make(N, Q, n, (uint64_t)(N + 50 * Q + 1000 * n));
    float *first[2] = { NULL, NULL };
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++)
            for (int sigmoid = 0; sigmoid < 2; sigmoid++) {
                float *rows = copy(c.rows, N * n), *out = case_floats(Q * n);
                op_mix_rows o = descriptor(&c, rows, sigmoid, out);
                case_expect(f, &o.op, case_threads[t], simd);
                if (sigmoid) check_sigmoid(rows, c.rows, N * n);
                else case_same_floats(rows, c.rows, N * n, "rows that stay");
                check_sums(&c, rows, out);
                if (first[sigmoid]) case_same_floats(rows, first[sigmoid], N * n, "rows on another rung");
                else first[sigmoid] = copy(rows, N * n);
                free(rows), free(out);
            }
    free(first[0]), free(first[1]);
    drop(&c);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 33, 2047, 2050 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 6; s++) {
        check_shape(&f, 1, 1, sizes[s]);
        check_shape(&f, 5, 3, sizes[s]);
        check_shape(&f, 7, 33, sizes[s]);
        check_shape(&f, 4, 0, sizes[s]);
    }
    check_shape(&f, 20, 40, 4500);
    fixture_close(&f);
    (void)state;
}

/* Entries split between two calls, the second of which adds, give the bits of one. */
static void test_in_two_calls(void **state)
{
    enum { N = 12, Q = 9, COLUMNS = 70 };
    fixture f;
    fixture_open(&f, 1);
    mix_case c = make(N, Q, COLUMNS, 5);
    float *whole = case_floats(Q * COLUMNS), *parts = case_floats(Q * COLUMNS);
    op_mix_rows o = descriptor(&c, c.rows, 0, whole);
    case_expect(&f, &o.op, 2, CASE_RUNGS);
    for (int half = 0; half < 2; half++) {
        case_lists some = { case_array(Q + 1, sizeof *some.ptr), case_array(Q * N, sizeof *some.item), case_floats(Q * N) };
        some.ptr[0] = 0;
        for (int64_t q = 0; q < Q; q++) {
            int64_t at = some.ptr[q];
            for (int64_t e = c.sums.ptr[q]; e < c.sums.ptr[q + 1]; e++)
                if ((c.sums.item[e] >= 5) == half) some.item[at] = c.sums.item[e], some.val[at++] = c.sums.val[e];
            some.ptr[q + 1] = at;
        }
        o = descriptor(&c, c.rows, 0, parts);
        o.ptr = some.ptr, o.row = some.item, o.weight = some.val, o.add = half;
        case_expect(&f, &o.op, 2, CASE_RUNGS);
        case_free_lists(&some);
    }
    case_same_floats(parts, whole, Q * COLUMNS, "sum in two calls");
    free(whole), free(parts);
    drop(&c);
    fixture_close(&f);
    (void)state;
}

static void test_special_values(void **state)
{
    static const float in[] = { NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 200.0f, -200.0f, 0x1p-149f };
    static const float wanted[] = { NAN, 1.0f, 0.0f, 0.5f, 0.5f, 1.0f, 0.0f, 0.5f };
    const int64_t ptr[] = { 0, 1 };
    const int32_t row[] = { 0 };
    const float weight[] = { 1.0f };
    fixture f;
    fixture_open(&f, 1);
    for (int32_t simd = 0; simd < case_rungs(); simd++) {
        float *rows = copy(in, 8), out[8];
        op_mix_rows o = { .op = { OP_MIX_ROWS, sizeof o }, .n_rows = 1, .n_sums = 1, .n_items = 8, .sigmoid = 1, .rows = rows,
                          .ptr = ptr, .row = row, .weight = weight, .out = out };
        case_expect(&f, &o.op, 1, simd);
        assert_true(isnan(out[0]));
        for (int i = 1; i < 8; i++) assert_true(out[i] == wanted[i] && rows[i] == wanted[i]);
        free(rows);
    }
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    mix_case c = make(30, 40, 3000, 1);
    float *out = case_floats(c.Q * c.n);
    for (int32_t threads = 1; threads <= 3; threads += 2)
        for (int64_t at = 1; at <= case_questions(4); at++) {
            error e;
            op_mix_rows o = descriptor(&c, c.rows, at % 2 == 0, out);
            assert_int_equal(case_run(&f, &o.op, threads, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
            assert_non_null(strstr(e.message, "cancelled"));
        }
    free(out);
    drop(&c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_in_two_calls),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
