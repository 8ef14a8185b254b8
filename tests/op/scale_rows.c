/* scale_rows.c - rows times numbers: exact bits, gradients, wrong shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/scale_rows.h"

#include "op/tape_case.h"

static void check_shape(const fixture *f, int64_t rows, int64_t dim)
{
    float *x = tape_case_floats(rows * dim, -1.0, 1.0, 1), *s = tape_case_floats(rows, -1.0, 1.0, 2), *y = case_floats(rows * dim + 1);
    if (rows > 2) s[1] = NAN, s[2] = INFINITY;
    op_scale_rows o = { .op = { OP_SCALE_ROWS, sizeof o }, .rows = rows, .dim = dim, .x = x, .s = s };
    tape_case_all_ways(f, &o.op, &o.y, y, rows * dim, "scale_rows");
    for (int64_t i = 0; i < rows * dim; i++) {
        float want = s[i / dim] * x[i];
        assert_true(isnan(want) ? isnan(y[i]) : y[i] == want);
    }
    free(x), free(s), free(y);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97 };
    for (int r = 0; r < 6; r++)
        for (int d = 0; d < 6; d++) check_shape(*state, sizes[r], sizes[d]);
    check_shape(*state, 1009, 67);
    check_shape(*state, 3, 20011);
}

enum { N = 6, D = 5 };

static tensor build(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_scale_rows(g, in[0], in[1]), in[2]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int i = 0; i < N * D; i++) term[i] = in[0][i] * in[1][i / D] * in[2][i];
}

static const gradient_case example = { .name = "scale_rows", .n_inputs = 3, .n_terms = N * D, .roundings = 16, .build = build,
                                       .oracle = oracle, .in = { { .shape = { N, D } }, { .shape = { N } }, { .shape = { N, D } } } };

static void test_gradients(void **state)
{
    gradient_case c = example;
    gradient_check(*state, &c);
    c.in[1].shape[1] = 1; /* N x 1 */
    gradient_check(*state, &c);
}

static tensor alone(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_scale_rows(g, in[0], in[1]);
}

static void test_refusals(void **state)
{
    gradient_case c = { .name = "scale_rows", .n_inputs = 2, .build = alone, .in = { { .shape = { 3, 4 } }, { .shape = { 4 } } } };
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "scale_rows.c:|op_scale_rows: X is 3 x 4 but s is 4");
}

static void test_failing_memory(void **state)
{
    tape_case_failing_memory(*state, &example);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_gradients), cmocka_unit_test(test_refusals),
                                        cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
