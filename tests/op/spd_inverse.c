/* spd_inverse.c - the spd_inverse kernel against an inverse in double: tiles, ragged edges, threads, bad matrices.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include <omp.h>

#include "backend/op/spd_inverse.h"

/* Full n x n matrices in double, by rows. */
static double *doubles(int64_t n)
{
    double *x = case_array(n * n, sizeof *x);
    for (int64_t i = 0; i < n * n; i++) x[i] = 0.0;
    return x;
}

/* R'R + l2 I of a random 0-1 matrix, rounded to float. */
static double *random_spd(int64_t n, double l2, uint64_t seed)
{
    double *a = doubles(n);
    int32_t *in = case_array(n, sizeof *in);
    for (int64_t u = 0; u < 2 * n; u++) {
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++)
            if (test_random_unit(&seed) * (double)n < 8.0) in[count++] = (int32_t)i;
        for (int64_t x = 0; x < count; x++)
            for (int64_t y = 0; y < count; y++) a[in[x] * n + in[y]] += 1.0;
    }
    for (int64_t i = 0; i < n; i++) a[i * n + i] += l2;
    for (int64_t i = 0; i < n * n; i++) a[i] = (double)(float)a[i];
    free(in);
    return a;
}

/* Lower factor L of A, and W = L^-1. */
static void factor(const double *a, int64_t n, double *l, double *w)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double s = a[i * n + j];
            for (int64_t k = 0; k < j; k++) s -= l[i * n + k] * l[j * n + k];
            l[i * n + j] = i == j ? sqrt(s) : s / l[j * n + j];
        }
    for (int64_t c = 0; c < n; c++)
        for (int64_t i = c; i < n; i++) {
            double s = i == c ? 1.0 : 0.0;
            for (int64_t k = c; k < i; k++) s -= l[i * n + k] * w[k * n + c];
            w[i * n + c] = s / l[i * n + i];
        }
}

/* x = |y| |z|, with either transposed on demand; x may not be y or z. */
static double *product_of_sizes(const double *y, int y_transposed, const double *z, int z_transposed, int64_t n)
{
    double *x = doubles(n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            double left = fabs(y_transposed ? y[k * n + i] : y[i * n + k]);
            if (left == 0.0) continue;
            for (int64_t j = 0; j < n; j++) x[i * n + j] += left * fabs(z_transposed ? z[j * n + k] : z[k * n + j]);
        }
    return x;
}

/* Elementwise bound on the error of P, to first order, with g = 4 n roundings for each of the three passes:
 * the factor belongs to A + dA with |dA| <= g |A| |W'| |L'|, since panels are multiplied by inverses of diagonal tiles;
 * the inverse is off by at most g |W| |L| |W|; the product of the inverses by g |W'| |W|. */
static double *error_bound(const double *a, const double *l, const double *w, const double *p, int64_t n)
{
    double g = 4.0 * (double)n * ROUNDING;
    double *aw = product_of_sizes(a, 0, w, 1, n), *da = product_of_sizes(aw, 0, l, 1, n);
    double *pa = product_of_sizes(p, 0, da, 0, n), *from_factor = product_of_sizes(pa, 0, p, 0, n);
    double *wl = product_of_sizes(w, 0, l, 0, n), *dw = product_of_sizes(wl, 0, w, 0, n);
    double *from_inverse = product_of_sizes(w, 1, dw, 0, n), *from_product = product_of_sizes(w, 1, w, 0, n);
    double *bound = doubles(n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            bound[i * n + j] = g * (from_factor[i * n + j] + from_inverse[i * n + j] + from_inverse[j * n + i] +
                                    from_product[i * n + j]);
    free(aw), free(da), free(pa), free(from_factor), free(wl), free(dw), free(from_inverse), free(from_product);
    return bound;
}

/* A in factor layout, from the words of backend/symmetric.h; upper halves and padding are NaN: they must not count. */
static symmetric factor_layout(const double *a, int64_t n, int64_t T)
{
    symmetric s = { n, T, case_floats(recsys__symmetric_floats(n, T)) };
    int64_t N = (n + 31) / 32 * 32;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            int64_t h = N - i / T * T < T ? N - i / T * T : T;
            s.data[T * T * (i / T * (i / T + 1) / 2) + j / T * T * h + j % T * h + i % T] = (float)a[i * n + j];
        }
    return s;
}

static symmetric invert(const fixture *f, const double *a, int64_t n, int64_t T, int32_t threads)
{
    op_spd_inverse o = { .op = { OP_SPD_INVERSE, sizeof o }, .inout = factor_layout(a, n, T) };
    case_expect(f, &o.op, threads, 0);
    return o.inout;
}

static void check_shape(const fixture *f, int64_t n, int64_t T)
{
    double *a = random_spd(n, 3.0, (uint64_t)n), *l = doubles(n), *w = doubles(n), *p = doubles(n);
    factor(a, n, l, w);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t k = 0; k < n; k++) p[i * n + j] += w[k * n + i] * w[k * n + j];
    double *bound = error_bound(a, l, w, p, n);
    float *full = case_floats(n * n);
    symmetric got = invert(f, a, n, T, 1);
    int64_t at = 0, strips = (n + 3) / 4;
    for (int64_t s = 0; s < strips; s++)
        for (int64_t b = 0; b <= s; b++)
            for (int64_t e = 0; e < 16; e++, at++) {
                int64_t i = 4 * s + e / 4, j = 4 * b + e % 4;
                if (i >= n || j >= n) assert_true(got.data[at] == 0.0f);
                else full[i * n + j] = full[j * n + i] = got.data[at];
            }
    for (int64_t e = 0; e < n * n; e++)
        if (!(fabs((double)full[e] - p[e]) <= bound[e]))
            fail_msg("spd_inverse n=%lld T=%lld: P[%lld,%lld] = %g, want %g (bound %g)", (long long)n, (long long)T,
                     (long long)(e / n), (long long)(e % n), (double)full[e], p[e], bound[e]);
    float *serving = case_serving(full, n); /* holds both halves of lines on the diagonal */
    case_same_floats(got.data, serving, at, "layout");
    for (int t = 1; t < case_thread_counts(); t++) {
        symmetric again = invert(f, a, n, T, case_threads[t]);
        case_same_floats(again.data, got.data, at, "threads");
        free(again.data);
    }
    free(serving), free(got.data), free(full), free(bound), free(p), free(w), free(l), free(a);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 31, 32, 33, 63, 64, 65, 97, 131, 160 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 11; s++)
        for (int64_t T = 32; T <= 128; T *= 2) check_shape(&f, sizes[s], T);
    symmetric none = invert(&f, NULL, 0, 32, 2);
    free(none.data);
    fixture_close(&f);
    (void)state;
}

/* Whoever calls keeps his OpenMP width, whatever happens. */
static void test_keeps_width(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    double *a = random_spd(100, 3.0, 5);
    omp_set_num_threads(5);
    for (int t = 0; t < case_thread_counts(); t++) {
        symmetric p = invert(&f, a, 100, 32, case_threads[t]);
        assert_int_equal(omp_get_max_threads(), 5);
        free(p.data);
    }
    free(a);
    fixture_close(&f);
    (void)state;
}

/* The identity with one bad element: not positive, NaN, infinite, or a row that is the copy of an earlier one. */
static void check_bad(const fixture *f, int64_t i, int64_t j, double value, int64_t bad_row)
{
    int64_t n = 100;
    double *a = doubles(n);
    error e;
    char row[32];
    for (int64_t d = 0; d < n; d++) a[d * n + d] = 1.0;
    a[i * n + j] = value;
    for (int t = 0; t < case_thread_counts(); t++) {
        op_spd_inverse o = { .op = { OP_SPD_INVERSE, sizeof o }, .inout = factor_layout(a, n, 32) };
        assert_int_equal(case_run(f, &o.op, case_threads[t], 0, 0, &e), RECSYS_ERR_NUMERIC);
        snprintf(row, sizeof row, "at row %lld", (long long)bad_row);
        if (strstr(e.message, row) == NULL) fail_msg("no '%s' in '%s'", row, e.message);
        free(o.inout.data);
    }
    free(a);
}

static void test_not_positive_definite(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    check_bad(&f, 0, 0, -1.0, 0);
    check_bad(&f, 40, 40, 0.0, 40);
    check_bad(&f, 99, 99, -1e-3, 99);
    check_bad(&f, 70, 3, 1.0, 70);
    check_bad(&f, 70, 3, (double)NAN, 70);
    check_bad(&f, 70, 69, (double)INFINITY, 70);
    check_bad(&f, 33, 33, (double)INFINITY, 33);
    check_bad(&f, 33, 33, (double)NAN, 33);
    fixture_close(&f);
    (void)state;
}

static void test_overflow(void **state)
{
    fixture f;
    error e;
    fixture_open(&f, 1);
    double *a = doubles(40);
    for (int64_t d = 0; d < 40; d++) a[d * 40 + d] = d == 17 ? 1e-40 : 1.0;
    op_spd_inverse o = { .op = { OP_SPD_INVERSE, sizeof o }, .inout = factor_layout(a, 40, 32) };
    assert_int_equal(case_run(&f, &o.op, 2, 0, 0, &e), RECSYS_ERR_NUMERIC);
    assert_non_null(strstr(e.message, "at row 17"));
    free(o.inout.data), free(a);
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    error e;
    fixture_open(&f, 1);
    double *a = random_spd(150, 3.0, 5);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int64_t at = 1; at <= case_questions(59); at += 7) {
            op_spd_inverse o = { .op = { OP_SPD_INVERSE, sizeof o }, .inout = factor_layout(a, 150, 32) };
            assert_int_equal(case_run(&f, &o.op, case_threads[t], 0, at, &e), RECSYS_ERR_CANCELLED);
            free(o.inout.data);
        }
    free(a);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes),
                                        cmocka_unit_test(test_keeps_width),
                                        cmocka_unit_test(test_not_positive_definite),
                                        cmocka_unit_test(test_overflow),
                                        cmocka_unit_test(test_cancel) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
