/* normalize_rows.c - rows divided by their lengths, and rows cut from an array: values of any magnitude, bits, gradients, wrong
 * shapes, failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/normalize_rows.h"

#include "op/tape_case.h"

static void check_shape(const fixture *f, int64_t rows, int64_t dim, double magnitude)
{
    float *x = tape_case_floats(rows * dim, -magnitude, magnitude, 1), *y = case_floats(rows * dim + 1),
        *s = case_floats(rows + 1);
    for (int64_t d = 0; rows > 1 && d < dim; d++) x[dim + d] = 0.0f; /* row 1 */
    op_normalize_rows o = { .op = { OP_NORMALIZE_ROWS, sizeof o }, .rows = rows, .dim = dim, .x = x, .s = s };
    tape_case_all_ways(f, &o.op, &o.y, y, rows * dim, "normalize_rows");
    for (int64_t n = 0; n < rows; n++) {
        double squares = 0.0;
        for (int64_t d = 0; d < dim; d++) squares += (double)x[n * dim + d] * (double)x[n * dim + d];
        double length = sqrt(squares), slack = 1.0 + (double)dim * 0x1p-26;
        assert_true(fabs((double)s[n] - (length > 0.0 ? 1.0 / length : 0.0)) <= ROUNDING * slack * (double)s[n] + 0x1p-150
                    || length < 0x1p-128);
        for (int64_t d = 0; d < dim; d++) {
            double want = length > 0.0 ? (double)x[n * dim + d] / length : 0.0;
            assert_true(fabs((double)y[n * dim + d] - want) <= ROUNDING * slack * fabs(want) + 0x1p-150);
        }
    }
    free(x), free(y), free(s);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 7, 33, 97 };
    static const double magnitudes[] = { 1.0, 1e-30, 1e-44, 3e38 };
    for (int r = 0; r < 5; r++)
        for (int d = 0; d < 5; d++)
            for (int m = 0; m < 4; m++) check_shape(*state, sizes[r], sizes[d], magnitudes[m]);
    check_shape(*state, 2003, 67, 1.0);
}

static void test_not_finite(void **state)
{
    float x[6] = { NAN, 1.0f, INFINITY, 2.0f, 3.0f, 4.0f }, y[6], s[3];
    op_normalize_rows o = { .op = { OP_NORMALIZE_ROWS, sizeof o }, .rows = 3, .dim = 2, .x = x, .y = y, .s = s };
    case_expect(*state, &o.op, 1, 0);
    assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]) && y[3] == 0.0f && s[1] == 0.0f);
    assert_true(y[4] == 0.6f && y[5] == 0.8f && s[2] == 0.2f);
}

enum { N = 6, D = 5 };

static tensor build(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_normalize_rows(g, in[0]), in[1]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int n = 0; n < N; n++) {
        double squares = 0.0;
        for (int d = 0; d < D; d++) squares += in[0][n * D + d] * in[0][n * D + d];
        for (int d = 0; d < D; d++) term[n * D + d] = in[0][n * D + d] / sqrt(squares) * in[1][n * D + d];
    }
}

static const gradient_case normalized = { .name = "normalize_rows", .n_inputs = 2, .n_terms = N * D, .roundings = 24,
                                          .build = build,
                                          .oracle = oracle, .in = { { .shape = { N, D } }, { .shape = { N, D } } } };

/* A row of zeros stays one and gets no gradient. */
static void test_zeros(void **state)
{
    fixture *f = *state;
    float x[2 * D] = { 0.0f }, gradient[2 * D];
    tape *g;
    float *device;
    for (int d = 0; d < D; d++) x[d] = (float)(d + 1);
    expect_ok(f->exec, recsys__tape_create(f->exec, &g));
    recsys__tape_mode(g, 1, 1);
    expect_ok(f->exec, recsys__upload(f->exec, x, sizeof x, &device));
    tensor in = recsys__tape_input(g, device, 2, (int64_t[]){ 2, D });
    recsys__tape_backward(g, op_sum(g, op_normalize_rows(g, in)));
    tensor gx = recsys__tape_gradient(g, in);
    expect_ok(f->exec, recsys__tape_status(g));
    expect_ok(f->exec, recsys__download(f->exec, gradient, gx.data, sizeof gradient));
    assert_true(gradient[0] != 0.0f);
    for (int d = 0; d < D; d++) assert_true(gradient[D + d] == 0.0f);
    recsys__device_free(f->exec->backend, f->exec->memory, device);
    recsys__tape_free(g);
}

/* Rows 1 to 3, and 0 to 1: their gradients add up where they meet. */
static tensor build_rows(tape *g, const tensor *in, const void *data)
{
    (void)data;
    tensor a = op_sum(g, op_mul(g, op_rows(g, in[0], 1, 3), in[1])), b = op_sumsq(g, op_rows(g, in[0], 0, 2));
    return op_add(g, a, b);
}

static void oracle_rows(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int i = 0; i < 3 * D; i++) term[i] = in[0][D + i] * in[1][i];
    for (int i = 0; i < 2 * D; i++) term[3 * D + i] = in[0][i] * in[0][i];
}

static const gradient_case cut = { .name = "rows", .n_inputs = 2, .n_terms = 5 * D, .roundings = 16, .build = build_rows,
                                   .oracle = oracle_rows, .in = { { .shape = { N, D } }, { .shape = { 3, D } } } };

static void test_gradients(void **state)
{
    gradient_check(*state, &normalized);
    gradient_check(*state, &cut);
}

static tensor too_far(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_rows(g, in[0], 2, 3);
}

static void test_refusals(void **state)
{
    gradient_case c = { .name = "rows", .n_inputs = 1, .build = too_far, .in = { { .shape = { 4, 3 } } } };
    tape_case_refused(*state, &c, RECSYS_ERR_OUT_OF_RANGE, "op_rows: X is 4 x 3 and has no 3 rows from row 2 on");
}

static void test_failing_memory(void **state)
{
    tape_case_failing_memory(*state, &normalized);
    tape_case_failing_memory(*state, &cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values),    cmocka_unit_test(test_not_finite),
                                        cmocka_unit_test(test_zeros),     cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
