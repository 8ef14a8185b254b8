/* rowdot.c - inner products of rows: near to float64, the bits of the contract, gradients, wrong shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/rowdot.h"

#include "op/tape_case.h"

/* The sum in the order of the contract. */
static float lanes(const float *a, const float *b, int64_t D)
{
    float lane[32] = { 0.0f };
    for (int64_t d = 0; d < D; d++) lane[d % 32] = fmaf(a[d], b[d], lane[d % 32]);
    for (int half = 16; half > 0; half /= 2)
        for (int j = 0; j < half; j++) lane[j] += lane[j + half];
    return lane[0];
}

static void check_shape(const fixture *f, int64_t N, int64_t D)
{
    float *a = tape_case_floats(N * D, -1.0, 1.0, 1), *b = tape_case_floats(N * D, -1.0, 1.0, 2), *y = case_floats(N + 1);
    op_rowdot o = { .op = { OP_ROWDOT, sizeof o }, .rows = N, .dim = D, .a = a, .b = b };
    tape_case_all_ways(f, &o.op, &o.y, y, N, "rowdot");
    for (int64_t n = 0; n < N; n++) {
        float bits = lanes(a + n * D, b + n * D, D);
        double want = 0.0, size = 0.0;
        for (int64_t d = 0; d < D; d++) {
            double term = (double)a[n * D + d] * (double)b[n * D + d];
            want += term, size += fabs(term);
        }
        assert_true(fabs((double)y[n] - want) <= ((double)D / 32.0 + 7.0) * ROUNDING * size);
        case_same_floats(y + n, &bits, 1, "rowdot in the order of the contract");
    }
    free(a), free(b), free(y);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 8, 31, 32, 33, 64, 97 };
    for (int n = 0; n < 8; n++)
        for (int d = 0; d < 8; d++) check_shape(*state, sizes[n], sizes[d]);
    check_shape(*state, 1009, 67);
    check_shape(*state, 3, 20011);
}

static void test_nan(void **state)
{
    enum { N = 5, D = 40 };
    float a[N * D], b[N * D], y[N];
    for (int32_t simd = 0; simd < CASE_RUNGS; simd++) {
        for (int i = 0; i < N * D; i++) a[i] = b[i] = 0.0f;
        a[1 * D + 3] = NAN;
        b[3 * D + 39] = INFINITY;
        op_rowdot o = { .op = { OP_ROWDOT, sizeof o }, .rows = N, .dim = D, .a = a, .b = b, .y = y };
        case_expect(*state, &o.op, 1, simd);
        for (int n = 0; n < N; n++) assert_true(n % 2 == 1 ? isnan(y[n]) : y[n] == 0.0f);
    }
}

/* ---- gradients ---- */

enum { N = 5, D = 37 };

static tensor build(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_rowdot(g, in[0], in[1]), in[2]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int i = 0; i < N * D; i++) term[i] = in[0][i] * in[1][i] * in[2][i / D];
}

static const gradient_case example = { .name = "rowdot", .n_inputs = 3, .n_terms = N * D, .roundings = 20, .build = build,
                                       .oracle = oracle, .in = { { .shape = { N, D } }, { .shape = { N, D } }, { .shape = { N } } } };

static void test_gradients(void **state)
{
    gradient_check(*state, &example);
    gradient_case both = example; /* constants get no gradient */
    both.in[1].kind = GRADIENT_NOTHING;
    gradient_check(*state, &both);
}

static tensor alone(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_rowdot(g, in[0], in[1]);
}

static void test_refusals(void **state)
{
    gradient_case c = { .name = "rowdot", .n_inputs = 2, .build = alone, .in = { { .shape = { 3, 4 } }, { .shape = { 3, 5 } } } };
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "rowdot.c:|op_rowdot: a is 3 x 4 but b is 3 x 5");
}

static void test_failing_memory(void **state)
{
    tape_case_failing_memory(*state, &example);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_nan), cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_refusals), cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
