/* binary.c - sums, differences and products with an array, a row or a number: exact bits, gradients, wrong shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/binary.h"

#include "op/tape_case.h"

static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97 };

static float combine(int32_t kind, float a, float b)
{
    return kind == BINARY_ADD ? a + b : kind == BINARY_SUB ? a - b : a * b;
}

static void check_shape(const fixture *f, int64_t rows, int64_t dim, int32_t kind, int32_t second)
{
    int64_t n = rows * dim, n_b = second == BINARY_SAME ? n : second == BINARY_ROW ? dim : 1;
    float *a = tape_case_floats(n, -1.0, 1.0, 1), *b = tape_case_floats(n_b, -1.0, 1.0, 2), *y = case_floats(n + 1);
    if (n > 2) a[1] = NAN, a[2] = INFINITY;
    op_binary o = { .op = { OP_BINARY, sizeof o }, .rows = rows, .dim = dim, .kind = kind, .second = second, .a = a, .b = b };
    tape_case_all_ways(f, &o.op, &o.y, y, n, "binary");
    for (int64_t i = 0; i < n; i++) {
        float want = combine(kind, a[i], b[second == BINARY_SAME ? i : second == BINARY_ROW ? i % dim : 0]);
        if (isnan(want) ? !isnan(y[i]) : y[i] != want)
            fail_msg("binary %d %d of %lld x %lld: element %lld is %a, want %a", (int)kind, (int)second, (long long)rows,
                     (long long)dim, (long long)i, (double)y[i], (double)want);
    }
    free(a), free(b), free(y);
}

static void test_values(void **state)
{
    for (int32_t kind = BINARY_ADD; kind <= BINARY_MUL; kind++)
        for (int32_t second = BINARY_SAME; second <= BINARY_NUMBER; second++) {
            for (int r = 0; r < 6; r++)
                for (int d = 1; d < 6; d++) check_shape(*state, sizes[r], sizes[d], kind, second);
            check_shape(*state, 1009, 67, kind, second);
            check_shape(*state, 3, 20011, kind, second);
        }
}

/* ---- gradients ---- */

enum { N = 7, D = 5 };

typedef struct choice {
    int32_t kind;
    int64_t n_b;
} choice;

static tensor alone(tape *g, const tensor *in, const void *data)
{
    const choice *c = data;
    if (c->kind == BINARY_ADD) return op_add(g, in[0], in[1]);
    return c->kind == BINARY_SUB ? op_sub(g, in[0], in[1]) : op_mul(g, in[0], in[1]);
}

static tensor build(tape *g, const tensor *in, const void *data)
{
    return op_sum(g, op_map(g, alone(g, in, data), FN_SQUARE));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    const choice *c = data;
    for (int64_t i = 0; i < N * D; i++) {
        double a = in[0][i], b = in[1][c->n_b == D ? i % D : c->n_b == 1 ? 0 : i];
        double y = c->kind == BINARY_ADD ? a + b : c->kind == BINARY_SUB ? a - b : a * b;
        term[i] = y * y;
    }
}

/* a above b, both positive: a difference is then at least a fifth of its operands, so its relative error stays below 10. */
static gradient_case case_of(const choice *c)
{
    gradient_case k = { .name = "binary", .n_inputs = 2, .n_terms = N * D, .roundings = N * D + 20, .build = build, .oracle = oracle,
                        .data = c, .in = { { .shape = { N, D }, .low = 1.0, .high = 2.0 }, { .low = 0.2, .high = 0.8 } } };
    return k;
}

static void test_gradients(void **state)
{
    static const int64_t shapes[][3] = { { 2, N, D }, { 1, D, 0 }, { 2, 1, D }, { 1, 1, 0 }, { 2, 1, 1 } };
    for (int32_t kind = BINARY_ADD; kind <= BINARY_MUL; kind++)
        for (int s = 0; s < 5; s++) {
            choice c = { kind, s == 0 ? N * D : s < 3 ? D : 1 };
            gradient_case k = case_of(&c);
            k.in[1].rank = (int32_t)shapes[s][0], k.in[1].shape[0] = shapes[s][1], k.in[1].shape[1] = shapes[s][2];
            gradient_check(*state, &k);
        }
}

/* A tensor used twice gets both gradients. */
static tensor build_twice(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_add(g, in[0], in[0]), in[0]));
}

static void oracle_twice(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int i = 0; i < N; i++) term[i] = 2.0 * in[0][i] * in[0][i];
}

static void test_twice(void **state)
{
    gradient_case k = { .name = "(x + x) x", .n_inputs = 1, .n_terms = N, .roundings = 16, .build = build_twice, .oracle = oracle_twice,
                        .in = { { .shape = { N } } } };
    gradient_check(*state, &k);
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
    choice c = { BINARY_MUL, 0 };
    gradient_case k = { .name = "mul", .n_inputs = 2, .build = alone, .data = &c,
                        .in = { { .shape = { 2048, 64 } }, { .shape = { 2048, 32 } } } };
    tape_case_refused(*state, &k, RECSYS_ERR_INVALID_ARGUMENT, "binary.c:|op_mul: a is 2048 x 64 but b is 2048 x 32");
    c.kind = BINARY_ADD;
    k.in[1].shape[0] = 63, k.in[1].shape[1] = 0;
    tape_case_refused(*state, &k, RECSYS_ERR_INVALID_ARGUMENT, "op_add: a is 2048 x 64 but b is 63");
    k.in[0].shape[0] = 64, k.in[0].shape[1] = 1; /* what is a row of b cannot widen a */
    c.kind = BINARY_SUB;
    tape_case_refused(*state, &k, RECSYS_ERR_INVALID_ARGUMENT, "op_sub: a is 64 x 1 but b is 63");
}

static tensor build_of_nothing(tape *g, const tensor *in, const void *data)
{
    (void)data;
    tensor none = { 0 };
    return op_add(g, in[0], none);
}

static void test_no_tensor(void **state)
{
    gradient_case k = { .name = "add", .n_inputs = 1, .build = build_of_nothing, .in = { { .shape = { 3 } } } };
    tape_case_refused(*state, &k, RECSYS_ERR_INVALID_ARGUMENT, "binary.c:|op_add: b is no tensor");
}

static void test_failing_memory(void **state)
{
    choice c = { BINARY_SUB, D };
    gradient_case k = case_of(&c);
    k.in[1].shape[0] = D;
    tape_case_failing_memory(*state, &k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values),    cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_twice),     cmocka_unit_test(test_refusals),
                                        cmocka_unit_test(test_no_tensor), cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
