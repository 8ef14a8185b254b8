/* linear.c - layers: values of sum, bias and function, bits, gradients for every function, wrong shapes, failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/linear.h"

#include "op/tape_case.h"

static double function(int32_t f, double x)
{
    switch (f) {
    case FN_RELU: return x > 0.0 ? x : 0.0;
    case FN_LEAKY_RELU: return x > 0.0 ? x : 0.1 * x;
    case FN_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case FN_TANH: return tanh(x);
    case FN_SOFTPLUS: return log1p(exp(x));
    case FN_SQUARE: return x * x;
    case FN_EXP: return exp(x);
    case FN_LOG: return log(x);
    default: return x;
    }
}

/* ---- values: functions with a slope of at most 1 pass the error of the sum on ---- */

static void check_shape(const fixture *f, int64_t B, int64_t D, int64_t H, int32_t fn, int has_b)
{
    float *x = tape_case_floats(B * D, -1.0, 1.0, 1), *w = tape_case_floats(H * D, -0.3, 0.3, 2), *b = tape_case_floats(H, -1.0, 1.0, 3);
    float *y = case_floats(B * H + 1);
    op_linear o = { .op = { OP_LINEAR, sizeof o }, .rows = B, .dim = D, .width = H, .x = x, .w = w, .b = has_b ? b : NULL, .f = fn };
    tape_case_all_ways(f, &o.op, &o.y, y, B * H, "linear");
    for (int64_t r = 0; r < B; r++)
        for (int64_t h = 0; h < H; h++) {
            double sum = has_b ? (double)b[h] : 0.0, size = fabs(sum);
            for (int64_t d = 0; d < D; d++) {
                double term = (double)x[r * D + d] * (double)w[h * D + d];
                sum += term, size += fabs(term);
            }
            double want = function(fn, sum), bound = (double)(D + 9) * ROUNDING * size + 4.0 * ROUNDING * fabs(want);
            if (!(fabs((double)y[r * H + h] - want) <= bound))
                fail_msg("linear B=%lld D=%lld H=%lld f=%d: Y[%lld,%lld] = %.9g, want %.9g (bound %.2g)", (long long)B, (long long)D,
                         (long long)H, (int)fn, (long long)r, (long long)h, (double)y[r * H + h], want, bound);
        }
    free(x), free(w), free(b), free(y);
}

static void test_values(void **state)
{
    static const int64_t sizes[][3] = { { 0, 3, 2 }, { 3, 0, 2 }, { 3, 2, 0 }, { 1, 1, 1 }, { 31, 33, 32 }, { 33, 32, 97 },
                                        { 97, 31, 1 }, { 601, 67, 61 }, { 3, 9001, 97 }, { 53, 37, 1301 } };
    static const int32_t functions[] = { FN_IDENTITY, FN_RELU, FN_SIGMOID, FN_TANH };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int f = 0; f < 4; f++) check_shape(*state, sizes[s][0], sizes[s][1], sizes[s][2], functions[f], f != 2);
}

/* ---- gradients ---- */

enum { B = 5, D = 7, H = 6 };

static tensor build(tape *g, const tensor *in, const void *data)
{
    tensor none = { 0 };
    int32_t fn = *(const int32_t *)data;
    return op_sum(g, op_mul(g, op_linear(g, in[0], in[1], fn == FN_RELU ? none : in[2], fn), in[3]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    int32_t fn = *(const int32_t *)data;
    for (int r = 0; r < B; r++)
        for (int h = 0; h < H; h++) {
            double sum = fn == FN_RELU ? 0.0 : in[2][h];
            for (int d = 0; d < D; d++) sum += in[0][r * D + d] * in[1][h * D + d];
            term[r * H + h] = function(fn, sum) * in[3][r * H + h];
        }
}

/* Positive products keep the sums away from the kink; half of the weights with the sign turned reach the other side. Sums of one
 * sign also keep their relative error small, so that the roundings of the sum (D + 2) reach a slope as such: at sums below 3 the
 * slopes of these functions change by at most 4 times the relative change of the sum. */
static gradient_case case_of(const int32_t *fn, double side)
{
    return (gradient_case){ .name = "linear", .n_inputs = 4, .n_terms = B * H, .roundings = 4 * (D + 2) + B * H + 12, .build = build,
                            .oracle = oracle, .data = fn, .seed = 7,
                            .in = { { .shape = { B, D }, .low = 0.1, .high = 0.6 },
                                    { .shape = { H, D }, .low = side > 0.0 ? 0.1 : -0.6, .high = side > 0.0 ? 0.6 : -0.1 },
                                    { .shape = { H }, .low = side > 0.0 ? 0.1 : -0.4, .high = side > 0.0 ? 0.4 : -0.1 },
                                    { .shape = { B, H }, .kind = GRADIENT_NOTHING } } };
}

static void test_gradients(void **state)
{
    for (int32_t fn = 0; fn < FN_COUNT; fn++)
        for (int side = fn == FN_LOG ? 1 : -1; side <= 1; side += 2) {
            gradient_case c = case_of(&fn, side);
            gradient_check(*state, &c);
            c.in[2].rank = 2, c.in[2].shape[0] = 1, c.in[2].shape[1] = H;
            gradient_check(*state, &c);
        }
}

/* ---- refusals ---- */

static tensor build_alone(tape *g, const tensor *in, const void *data)
{
    return op_linear(g, in[0], in[1], in[2], *(const int32_t *)data);
}

static void test_refusals(void **state)
{
    int32_t fn = FN_RELU;
    gradient_case c = { .name = "linear", .n_inputs = 3, .build = build_alone, .data = &fn,
                        .in = { { .shape = { 3, 4 } }, { .shape = { 2, 5 } }, { .shape = { 2 } } } };
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "linear.c:|op_linear: X is 3 x 4 but W is 2 x 5");
    c.in[1].shape[1] = 4;
    c.in[2].shape[0] = 3;
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "op_linear: W is 2 x 4 but b is 3");
    c.in[2].shape[0] = 2;
    fn = FN_COUNT;
    tape_case_refused(*state, &c, RECSYS_ERR_OUT_OF_RANGE, "op_linear: there is no function");
}

static void test_failing_memory(void **state)
{
    int32_t fn = FN_SQUARE;
    gradient_case c = case_of(&fn, 1.0);
    tape_case_failing_memory(*state, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_refusals), cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
