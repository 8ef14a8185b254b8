/* affine.c - s x + t: exact bits, gradient, failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/affine.h"

#include "op/tape_case.h"

static void check_shape(const fixture *f, int64_t n)
{
    float *x = tape_case_floats(n, -1.0, 1.0, 1), *y = case_floats(n + 1);
    if (n > 2) x[1] = NAN, x[2] = INFINITY;
    op_affine o = { .op = { OP_AFFINE, sizeof o }, .n = n, .s = -0.3f, .t = 1.7f, .x = x };
    tape_case_all_ways(f, &o.op, &o.y, y, n, "affine");
    for (int64_t i = 0; i < n; i++) {
        float product = -0.3f * x[i], want = product + 1.7f;
        assert_true(isnan(want) ? isnan(y[i]) : y[i] == want);
    }
    free(x), free(y);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97, 65537 };
    for (int s = 0; s < 7; s++) check_shape(*state, sizes[s]);
}

static tensor build(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_map(g, op_affine(g, in[0], -2.5f, 0.75f), FN_SQUARE));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int i = 0; i < 12; i++) term[i] = (0.75 - 2.5 * in[0][i]) * (0.75 - 2.5 * in[0][i]);
}

/* Above 1 the sum is at least a third of its terms. */
static const gradient_case example = { .name = "affine", .n_inputs = 1, .n_terms = 12, .roundings = 30, .build = build, .oracle = oracle,
                                       .in = { { .shape = { 3, 2, 2 }, .low = 1.0, .high = 2.0 } } };

static void test_gradients(void **state)
{
    gradient_check(*state, &example);
}

static void test_failing_memory(void **state)
{
    tape_case_failing_memory(*state, &example);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
