/* orthonormalize.c - the orthonormalize kernel: orthonormal columns, the same span, columns of nothing, bad matrices, threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/orthonormalize.h"

static recsys_status run(const fixture *f, float *x, int64_t m, int64_t n, int32_t passes, int32_t threads, float *least)
{
    op_orthonormalize o;
    error e;
    memset(&o, 0, sizeof o); /* the hole behind `passes` too: with anything else in it the word may look like an address */
    o.op.number = OP_ORTHONORMALIZE, o.op.size = sizeof o;
    o.m = m, o.n = n, o.passes = passes, o.x = x, o.least = least;
    return case_run(f, &o.op, threads, CASE_RUNGS, 0, &e);
}

static double inner(const float *x, int64_t m, int64_t n, int64_t i, int64_t j)
{
    double sum = 0.0;
    for (int64_t r = 0; r < m; r++) sum += (double)x[r * n + i] * (double)x[r * n + j];
    return sum;
}

/* 1 for a column of zeros. */
static int is_nothing(const float *x, int64_t m, int64_t n, int64_t j)
{
    for (int64_t r = 0; r < m; r++)
        if (x[r * n + j] != 0.0f) return 0;
    return 1;
}

/* Columns of length 1 (or zeros, `dropped` of them), at right angles within `bound`. */
static void check_orthonormal(const float *q, int64_t m, int64_t n, int64_t dropped, double bound)
{
    for (int64_t i = 0; i < n; i++) {
        int nothing = is_nothing(q, m, n, i);
        dropped -= nothing;
        for (int64_t j = 0; j <= i; j++) {
            double want = i == j && !nothing ? 1.0 : 0.0, got = inner(q, m, n, i, j);
            if (!(fabs(got - want) <= bound)) fail_msg("q_%lld . q_%lld = %g", (long long)i, (long long)j, got);
        }
    }
    assert_int_equal(dropped, 0);
}

/* Column j of x lies in the span of columns 0 to j of q: what is left of it is rounding. */
static void check_span(const float *x, const float *q, int64_t m, int64_t n, double bound)
{
    double *rest = case_array(m, sizeof *rest);
    for (int64_t j = 0; j < n; j++) {
        double length = 0.0, left = 0.0;
        for (int64_t r = 0; r < m; r++) rest[r] = (double)x[r * n + j], length += rest[r] * rest[r];
        for (int64_t i = 0; i <= j; i++) {
            double along = 0.0;
            for (int64_t r = 0; r < m; r++) along += rest[r] * (double)q[r * n + i];
            for (int64_t r = 0; r < m; r++) rest[r] -= along * (double)q[r * n + i];
        }
        for (int64_t r = 0; r < m; r++) left += rest[r] * rest[r];
        if (!(sqrt(left) <= bound * sqrt(length)))
            fail_msg("column %lld: %g of %g is left", (long long)j, sqrt(left), sqrt(length));
    }
    free(rest);
}

/* Random columns of lengths from 1e-6 to 1e6; the part of each that is new to those before it is `new_part` of it. */
static float *columns(int64_t m, int64_t n, double new_part, uint64_t seed)
{
    float *x = case_floats(m * n);
    for (int64_t r = 0; r < m; r++) {
        double first = test_random_unit(&seed) - 0.5;
        for (int64_t j = 0; j < n; j++)
            x[r * n + j] = (float)((first + new_part * (test_random_unit(&seed) - 0.5)) * pow(10.0, (double)(j % 13) - 6.0));
    }
    return x;
}

static void check(const fixture *f, int64_t m, int64_t n, double new_part, int32_t passes, double bound, int64_t dropped)
{
    float *x = columns(m, n, new_part, (uint64_t)(m + 1000 * n)), *first = NULL, least, least_first = 0.0f;
    for (int t = 0; t < case_thread_counts(); t++) {
        float *q = case_floats(m * n);
        memcpy(q, x, (size_t)(m * n) * sizeof *q);
        assert_int_equal(run(f, q, m, n, passes, case_threads[t], &least), RECSYS_OK);
        if (first == NULL) {
            check_orthonormal(q, m, n, dropped, bound);
            check_span(x, q, m, n, 1e-5);
            assert_true(dropped > 0 ? least == 0.0f : least > 0.0f && least <= 1.0f);
            first = q, least_first = least;
            continue;
        }
        case_same_floats(q, first, m * n, "element");
        case_same_floats(&least, &least_first, 1, "least");
        free(q);
    }
    free(first), free(x);
}

static void test_shapes(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    check(&f, 1, 1, 1.0, 1, 1e-6, 0);
    check(&f, 5, 5, 1.0, 2, 2e-6, 0);
    check(&f, 127, 20, 1.0, 1, 1e-4, 0);
    check(&f, 129, 20, 1.0, 2, 2e-6, 0);
    check(&f, 3000, 33, 1.0, 2, 3e-6, 0);
    check(&f, 3000, 33, 1e-3, 2, 3e-6, 0); /* columns that are nearly one another */
    check(&f, 3, 7, 1.0, 2, 2e-6, 4);      /* more columns than rows */
    fixture_close(&f);
    (void)state;
}

/* Columns of zeros, repeated ones and sums of others become zeros; the others are as without them. */
static void test_dependent(void **state)
{
    enum { M = 300, N = 8 };
    fixture f;
    fixture_open(&f, 1);
    float *x = columns(M, N, 1.0, 5), *q = case_floats(M * N), least;
    for (int64_t r = 0; r < M; r++) {
        x[r * N + 2] = 0.0f;
        x[r * N + 4] = 2.0f * x[r * N + 1];
        x[r * N + 7] = 1e-3f * x[r * N + 6];
    }
    memcpy(q, x, M * N * sizeof *q);
    assert_int_equal(run(&f, q, M, N, 2, 2, &least), RECSYS_OK);
    assert_true(least == 0.0f);
    assert_true(is_nothing(q, M, N, 2) && is_nothing(q, M, N, 4) && is_nothing(q, M, N, 7));
    check_orthonormal(q, M, N, 3, 2e-6);
    memset(x, 0, M * N * sizeof *x);
    assert_int_equal(run(&f, x, M, N, 2, 2, &least), RECSYS_OK);
    check_orthonormal(x, M, N, N, 0.0);
    assert_int_equal(run(&f, x, 0, N, 2, 2, &least), RECSYS_OK);
    free(x), free(q);
    fixture_close(&f);
    (void)state;
}

static void test_not_finite(void **state)
{
    fixture f;
    float least;
    fixture_open(&f, 1);
    for (int bad = 0; bad < 2; bad++) {
        float *x = columns(40, 3, 1.0, 9);
        x[17] = bad ? NAN : INFINITY;
        assert_int_equal(run(&f, x, 40, 3, 1, 1, &least), RECSYS_ERR_NUMERIC);
        free(x);
    }
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_dependent),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
