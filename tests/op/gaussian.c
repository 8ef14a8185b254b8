/* gaussian.c - the gaussian kernel against Box and Muller in double on the same draws; moments; threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/gaussian.h"
#include "base/random.h"

static double unit(uint32_t word)
{
    return ((double)(word >> 8) + 0.5) * 0x1p-24;
}

static double want(uint64_t seed, uint64_t step, int64_t i)
{
    uint32_t w[4];
    recsys__random4(seed, RANDOM_TEST, step, (uint64_t)(i / 4), w);
    int64_t pair = i % 4 / 2;
    double size = sqrt(-2.0 * log(unit(w[2 * pair]))), angle = 2.0 * 3.14159265358979323846 * unit(w[2 * pair + 1]);
    return size * (i % 2 == 0 ? cos(angle) : sin(angle));
}

static void test_numbers(void **state)
{
    static const int64_t counts[] = { 0, 1, 2, 3, 4, 5, 4095, 4097, 20001 };
    fixture f;
    fixture_open(&f, 1);
    for (int n = 0; n < 9; n++) {
        float *out = case_floats(counts[n] + 1);
        for (int t = 0; t < CASE_THREADS; t++) {
            op_gaussian o = { .op = { OP_GAUSSIAN, sizeof o }, .seed = 7, .step = 3, .stream = RANDOM_TEST, .count = counts[n],
                              .out = out };
            case_expect(&f, &o.op, case_threads[t], CASE_RUNGS);
            for (int64_t i = 0; i < counts[n]; i++)
                if (!(fabs((double)out[i] - want(7, 3, i)) <= 4e-6))
                    fail_msg("number %lld is %g", (long long)i, (double)out[i]);
            assert_true(isnan(out[counts[n]]));
        }
        free(out);
    }
    fixture_close(&f);
    (void)state;
}

/* Mean, variance and fourth moment of 200,000 numbers, each within five standard deviations. */
static void test_moments(void **state)
{
    enum { N = 200000 };
    fixture f;
    fixture_open(&f, 2);
    float *out = case_floats(N);
    op_gaussian o = { .op = { OP_GAUSSIAN, sizeof o }, .seed = 1, .stream = RANDOM_TEST, .count = N, .out = out };
    case_expect(&f, &o.op, 2, CASE_RUNGS);
    double m1 = 0.0, m2 = 0.0, m4 = 0.0;
    for (int64_t i = 0; i < N; i++) {
        double x = (double)out[i];
        m1 += x / N, m2 += x * x / N, m4 += x * x * x * x / N;
    }
    assert_true(fabs(m1) < 5.0 / sqrt(N));
    assert_true(fabs(m2 - 1.0) < 5.0 * sqrt(2.0 / N));
    assert_true(fabs(m4 - 3.0) < 5.0 * sqrt(96.0 / N));
    free(out);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
