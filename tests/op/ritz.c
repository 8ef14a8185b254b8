/* ritz.c - the ritz kernel against Jacobi rotations in double: values, vectors, signs, directions of nothing, threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/ritz.h"

/* Eigenvalues of a symmetric n x n matrix by cyclic Jacobi, descending; eigenvectors in the columns of v. */
static void jacobi(double *a, int64_t n, double *v, double *values)
{
    for (int64_t i = 0; i < n * n; i++) v[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    for (int sweep = 0; sweep < 40; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                if (fabs(a[p * n + q]) < 1e-300) continue;
                double angle = 0.5 * atan2(2.0 * a[p * n + q], a[q * n + q] - a[p * n + p]), c = cos(angle), s = sin(angle);
                for (int64_t k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
                }
                for (int64_t k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
                    x = v[k * n + p], y = v[k * n + q];
                    v[k * n + p] = c * x - s * y, v[k * n + q] = s * x + c * y;
                }
            }
    for (int64_t i = 0; i < n; i++) {
        int64_t best = i;
        for (int64_t j = i; j < n; j++)
            if (a[j * n + j] > a[best * n + best]) best = j;
        double value = a[best * n + best];
        a[best * n + best] = a[i * n + i], a[i * n + i] = value;
        values[i] = value;
        for (int64_t k = 0; k < n; k++) {
            double x = v[k * n + i];
            v[k * n + i] = v[k * n + best], v[k * n + best] = x;
        }
    }
}

/* C of M x L whose Gram matrix has singular values 1, 1/2, 1/4, ..., the last `empty` of them 0; Q the first L unit vectors of
 * N. */
static void check(const fixture *f, int64_t m, int64_t n, int64_t l, int64_t k, int64_t empty)
{
    uint64_t seed = (uint64_t)(m + 100 * n + l);
    float *c = case_floats(m * l), *q = case_floats(n * l), *v = case_floats(n * k), *first = case_floats(n * k),
        *s = case_floats(k);
    double *mix = case_array(l * l, sizeof *mix), *g = case_array(l * l, sizeof *g), *vectors = case_array(l * l, sizeof *g);
    double *values = case_array(l, sizeof *values);
    for (int64_t i = 0; i < l * l; i++) mix[i] = test_random_unit(&seed) - 0.5;
    for (int64_t r = 0; r < m; r++) {
        double *random = values; /* room of l */
        for (int64_t i = 0; i < l; i++) random[i] = i < l - empty ? (test_random_unit(&seed) - 0.5) * pow(0.5, (double)i) : 0.0;
        for (int64_t j = 0; j < l; j++) {
            double sum = 0.0;
            for (int64_t i = 0; i < l; i++) sum += random[i] * mix[i * l + j];
            c[r * l + j] = (float)sum;
        }
    }
    for (int64_t i = 0; i < n * l; i++) q[i] = i / l == i % l ? 1.0f : 0.0f;
    for (int64_t i = 0; i < l; i++)
        for (int64_t j = 0; j < l; j++) {
            g[i * l + j] = 0.0;
            for (int64_t r = 0; r < m; r++) g[i * l + j] += (double)c[r * l + i] * (double)c[r * l + j];
        }
    jacobi(g, l, vectors, values);
    for (int t = 0; t < case_thread_counts(); t++) {
        op_ritz o = { .op = { OP_RITZ, sizeof o }, .m = m, .n = n, .l = l, .k = k, .q = q, .c = c, .v = v, .s = s };
        case_expect(f, &o.op, case_threads[t], CASE_RUNGS);
        if (t == 0) memcpy(first, v, (size_t)(n * k) * sizeof *v);
        case_same_floats(v, first, n * k, "vector");
    }
    for (int64_t j = 0; j < k; j++) {
        int some = j < l - empty;
        double along = 0.0, length = 0.0, top = 0.0;
        if (!(fabs((double)s[j] - (some ? sqrt(values[j]) : 0.0)) <= 1e-6 * sqrt(values[0])))
            fail_msg("value %lld is %g, want %g", (long long)j, (double)s[j], sqrt(values[j]));
        for (int64_t i = 0; i < n; i++) {
            double x = (double)v[i * k + j];
            along += i < l ? x * vectors[i * l + j] : 0.0;
            length += x * x;
            if (fabs(x) > fabs(top)) top = x;
        }
        assert_true(fabs(length - (some ? 1.0 : 0.0)) < 1e-5);
        assert_true(top >= 0.0);
        if (some && !(fabs(fabs(along) - 1.0) < 1e-4)) fail_msg("vector %lld: cosine %g", (long long)j, along);
    }
    free(c), free(q), free(v), free(first), free(s), free(mix), free(g), free(vectors), free(values);
}

static void test_vectors(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    check(&f, 1, 1, 1, 1, 0);
    check(&f, 20, 9, 5, 5, 0);
    check(&f, 300, 40, 8, 3, 0);
    check(&f, 3000, 900, 7, 7, 0);
    check(&f, 50, 20, 9, 9, 4);
    check(&f, 50, 20, 3, 3, 3);
    fixture_close(&f);
    (void)state;
}

static void test_not_finite(void **state)
{
    fixture f;
    float c[12] = { 0.0f }, q[12] = { 0.0f }, v[12], s[3];
    fixture_open(&f, 1);
    c[5] = NAN;
    op_ritz o = { .op = { OP_RITZ, sizeof o }, .m = 4, .n = 4, .l = 3, .k = 3, .q = q, .c = c, .v = v, .s = s };
    error e;
    assert_int_equal(case_run(&f, &o.op, 1, CASE_RUNGS, 0, &e), RECSYS_ERR_NUMERIC);
    assert_non_null(strstr(e.message, "not finite"));
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
