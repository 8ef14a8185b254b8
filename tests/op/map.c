/* map.c - functions of elements and their slopes: near to float64 over the whole range, the same bits everywhere, gradients.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/map.h"

#include "backend/op/map_gradient.h"
#include "op/tape_case.h"

static double function(int32_t f, double x)
{
    switch (f) {
    case FN_RELU: return x > 0.0 ? x : 0.0;
    case FN_LEAKY_RELU: return x > 0.0 ? x : (double)0.1f * x;
    case FN_SIGMOID: return x > 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));
    case FN_TANH: return tanh(x);
    case FN_SOFTPLUS: return fmax(x, 0.0) + log1p(exp(-fabs(x)));
    case FN_SQUARE: return x * x;
    case FN_EXP: return exp(x);
    case FN_LOG: return log(x);
    default: return x;
    }
}

/* f' from what the operation is given: y, or x for square and log. */
static double slope(int32_t f, double at)
{
    switch (f) {
    case FN_RELU: return at > 0.0 ? 1.0 : 0.0;
    case FN_LEAKY_RELU: return at > 0.0 ? 1.0 : (double)0.1f;
    case FN_SIGMOID: return at * (1.0 - at);
    case FN_TANH: return 1.0 - at * at;
    case FN_SOFTPLUS: return -expm1(-at);
    case FN_SQUARE: return 2.0 * at;
    case FN_EXP: return at;
    case FN_LOG: return 1.0 / at;
    default: return 1.0;
    }
}

/* Every exponent and both signs, then the middle more closely, then the ends. */
enum { SWEEP = 60000, ENDS = 12, ALL = SWEEP + ENDS };

static float *inputs(void)
{
    static const float ends[ENDS] = { 0.0f, -0.0f, INFINITY, -INFINITY, 0x1p-149f, -0x1p-149f, 88.722839f, 88.722840f, -87.3366f,
                                      -103.972f, -104.1f, 0.625f };
    float *x = case_floats(ALL + 1);
    uint64_t seed = 11;
    for (int64_t i = 0; i < SWEEP; i++) {
        double unit = 2.0 * test_random_unit(&seed) - 1.0;
        x[i] = i % 3 == 0 ? (float)ldexp(unit, (int)(test_random(&seed) % 276) - 149) : (float)(unit * (i % 3 == 1 ? 110.0 : 4.0));
    }
    memcpy(x + SWEEP, ends, sizeof ends);
    return x;
}

static void expect_near(int32_t f, const char *what, float x, float y, double want, double bound)
{
    if (isnan(want) ? !isnan(y) : isinf(want) || fabs(want) > (double)0x1.ffffffp127 ? (double)y != (want > 0 ? INFINITY : -INFINITY)
                                                                                     : !(fabs((double)y - want) <= bound))
        fail_msg("%s %d at %a: %a, want %a (bound %.2g)", what, (int)f, (double)x, (double)y, want, bound);
}

static void test_values(void **state)
{
    float *x = inputs(), *y = case_floats(ALL + 1);
    for (int32_t f = 0; f < FN_COUNT; f++) {
        op_map o = { .op = { OP_MAP, sizeof o }, .n = ALL, .f = f, .x = x };
        tape_case_all_ways(*state, &o.op, &o.y, y, ALL, "map");
        for (int64_t i = 0; i < ALL; i++) {
            double want = function(f, (double)x[i]);
            expect_near(f, "function", x[i], y[i], want, 4.0 * ROUNDING * fabs(want) + 0x1p-149);
        }
    }
    free(x), free(y);
}

static void test_slopes(void **state)
{
    float *x = inputs(), *at = case_floats(ALL + 1), *gy = tape_case_floats(ALL, -2.0, 2.0, 4), *gx = case_floats(ALL + 1);
    for (int32_t f = 0; f < FN_COUNT; f++) {
        op_map m = { .op = { OP_MAP, sizeof m }, .n = ALL, .f = f, .x = x, .y = at };
        case_expect(*state, &m.op, 1, 0);
        op_map_gradient o = { .op = { OP_MAP_GRADIENT, sizeof o }, .n = ALL, .f = f, .gy = gy };
        o.at = map_gradient_from_x(f) ? x : at;
        tape_case_all_ways(*state, &o.op, &o.gx, gx, ALL, "map_gradient");
        for (int64_t i = 0; i < ALL; i++) {
            double want = slope(f, (double)o.at[i]) * (double)gy[i];
            expect_near(f, "slope", o.at[i], gx[i], want, 6.0 * ROUNDING * fabs(want) + 0x1p-148);
        }
    }
    free(x), free(at), free(gy), free(gx);
}

static void test_small_shapes(void **state)
{
    float x[98], y[98], in_place[98];
    for (int i = 0; i < 98; i++) x[i] = 0.1f * (float)(i - 40);
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97 };
    for (int s = 0; s < 6; s++)
        for (int32_t f = 0; f < FN_COUNT; f++) {
            op_map o = { .op = { OP_MAP, sizeof o }, .n = sizes[s], .f = f, .x = x, .y = y };
            memset(y, 0xff, sizeof y);
            tape_case_all_ways(*state, &o.op, &o.y, y, sizes[s], "map");
            memcpy(in_place, x, sizeof x);
            o.x = o.y = in_place;
            case_expect(*state, &o.op, 2, CASE_RUNGS - 1);
            for (int64_t i = 0; i < sizes[s]; i++) assert_true(memcmp(&in_place[i], &y[i], 4) == 0 || (isnan(y[i]) && isnan(in_place[i])));
        }
}

static void test_nan(void **state)
{
    float x[9], y[9];
    for (int i = 0; i < 9; i++) x[i] = NAN;
    for (int32_t f = 0; f < FN_COUNT; f++)
        for (int32_t simd = 0; simd < CASE_RUNGS; simd++) {
            op_map o = { .op = { OP_MAP, sizeof o }, .n = 9, .f = f, .x = x, .y = y };
            case_expect(*state, &o.op, 1, simd);
            op_map_gradient b = { .op = { OP_MAP_GRADIENT, sizeof b }, .n = 9, .f = f, .at = map_gradient_from_x(f) ? x : y, .gy = x,
                                  .gx = y };
            for (int i = 0; i < 9; i++) assert_true(isnan(y[i]));
            case_expect(*state, &b.op, 1, simd);
            for (int i = 0; i < 9; i++) assert_true(isnan(y[i]));
        }
}

/* ---- on the tape ---- */

enum { N = 33 };

static tensor build(tape *g, const tensor *in, const void *data)
{
    return op_sum(g, op_mul(g, op_map(g, in[0], *(const int32_t *)data), in[1]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    for (int i = 0; i < N; i++) term[i] = function(*(const int32_t *)data, in[0][i]) * in[1][i];
}

/* Between 1/4 and 2 on either side a rounded y moves the slopes by at most 16 times as much, relatively. */
static void test_gradients(void **state)
{
    for (int32_t f = 0; f < FN_COUNT; f++)
        for (int side = f == FN_LOG ? 1 : -1; side <= 1; side += 2) {
            gradient_case c = { .name = "map", .n_inputs = 2, .n_terms = N, .roundings = 24, .build = build, .oracle = oracle, .data = &f,
                                .in = { { .shape = { 11, 3 }, .low = side > 0 ? 0.25 : -2.0, .high = side > 0 ? 2.0 : -0.25 },
                                        { .shape = { 11, 3 }, .kind = GRADIENT_NOTHING } } };
            gradient_check(*state, &c);
        }
}

static void test_refusals(void **state)
{
    int32_t f = -1;
    gradient_case c = { .name = "map", .n_inputs = 2, .build = build, .data = &f, .in = { { .shape = { 2 } }, { .shape = { 2 } } } };
    tape_case_refused(*state, &c, RECSYS_ERR_OUT_OF_RANGE, "map.c:|op_map: there is no function -1");
}

static void test_failing_memory(void **state)
{
    int32_t f = FN_TANH;
    gradient_case c = { .name = "map", .n_inputs = 2, .build = build, .data = &f, .in = { { .shape = { N } }, { .shape = { N } } } };
    tape_case_failing_memory(*state, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values),    cmocka_unit_test(test_slopes),
                                        cmocka_unit_test(test_small_shapes), cmocka_unit_test(test_nan),
                                        cmocka_unit_test(test_gradients), cmocka_unit_test(test_refusals),
                                        cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
