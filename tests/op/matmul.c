/* matmul.c - dense products: values, bits, NaN, gradients, wrong shapes, failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/matmul.h"

#include "op/tape_case.h"

/* ---- values ---- */

typedef struct shape {
    int64_t m, n, k;
} shape;

/* Edges of loops and vectors, thin products, several tiles of rows, of columns, and several chunks of k. */
static const shape shapes[] = {
    { 0, 3, 2 },  { 3, 0, 2 },   { 3, 2, 0 },     { 1, 1, 1 },    { 31, 32, 33 },   { 33, 31, 97 },  { 32, 32, 32 },
    { 1, 50, 7 }, { 50, 1, 7 },  { 50, 7, 1 },    { 7, 1, 0 },    { 601, 61, 67 },  { 40, 1531, 64 }, { 31, 24, 4099 },
    { 1, 601, 4001 }, { 4001, 1, 601 }, { 1, 1, 70001 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static float at(const float *X, int transposed, int64_t rows, int64_t columns, int64_t r, int64_t c)
{
    return transposed ? X[c * rows + r] : X[r * columns + c];
}

static void compare(const op_matmul *o)
{
    for (int64_t m = 0; m < o->m; m++)
        for (int64_t n = 0; n < o->n; n++) {
            double want = 0.0, size = 0.0;
            for (int64_t k = 0; k < o->k; k++) {
                double term = (double)at(o->a, o->transpose_a, o->m, o->k, m, k) * (double)at(o->b, o->transpose_b, o->k, o->n, k, n);
                want += term, size += fabs(term);
            }
            double bound = (double)(o->k + 8) * ROUNDING * size;
            if (!(fabs((double)o->c[m * o->n + n] - want) <= bound))
                fail_msg("matmul M=%lld N=%lld K=%lld A%s B%s: C[%lld,%lld] = %.9g, want %.9g (bound %.2g)", (long long)o->m,
                         (long long)o->n, (long long)o->k, o->transpose_a ? "'" : "", o->transpose_b ? "'" : "", (long long)m,
                         (long long)n, (double)o->c[m * o->n + n], want, bound);
        }
}

static void check_shape(const fixture *f, shape s, int32_t transpose_a, int32_t transpose_b)
{
    float *a = tape_case_floats(s.m * s.k, -1.0, 1.0, 1), *b = tape_case_floats(s.k * s.n, -1.0, 1.0, 2);
    float *c = case_floats(s.m * s.n + 1), *again = case_floats(s.m * s.n + 1), behind = c[s.m * s.n];
    op_matmul o = { .op = { OP_MATMUL, sizeof o }, .m = s.m, .n = s.n, .k = s.k, .a = a, .b = b, .transpose_a = transpose_a,
                    .transpose_b = transpose_b, .c = c };
    case_expect(f, &o.op, 1, CASE_RUNGS - 1);
    compare(&o);
    o.c = again;
    for (int t = 1; t < CASE_THREADS; t++) {
        case_expect(f, &o.op, case_threads[t], CASE_RUNGS - 1);
        case_same_floats(again, c, s.m * s.n, "matmul on more threads");
    }
    assert_memory_equal(&c[s.m * s.n], &behind, sizeof behind);
    free(a), free(b), free(c), free(again);
}

static void test_values(void **state)
{
    for (int s = 0; s < SHAPES; s++)
        for (int32_t transposes = 0; transposes < 4; transposes++) check_shape(*state, shapes[s], transposes & 1, transposes >> 1);
}

/* ---- NaN and infinity ---- */

static void check_not_finite(const fixture *f, shape s, float bad, int32_t transpose_a, int32_t transpose_b)
{
    float *a = case_floats(s.m * s.k), *b = case_floats(s.k * s.n), *c = case_floats(s.m * s.n);
    int64_t row = s.m / 2, column = s.n / 2, k = s.k / 2;
    for (int64_t i = 0; i < s.m * s.k; i++) a[i] = 0.0f;
    for (int64_t i = 0; i < s.k * s.n; i++) b[i] = 0.0f;
    op_matmul o = { .op = { OP_MATMUL, sizeof o }, .m = s.m, .n = s.n, .k = s.k, .a = a, .b = b, .transpose_a = transpose_a,
                    .transpose_b = transpose_b, .c = c };
    for (int in_b = 0; in_b < 2; in_b++) {
        float *place = in_b ? &b[transpose_b ? column * s.k + k : k * s.n + column] : &a[transpose_a ? k * s.m + row : row * s.k + k];
        *place = bad;
        case_expect(f, &o.op, 2, CASE_RUNGS - 1);
        for (int64_t i = 0; i < s.m * s.n; i++) {
            int reached = in_b ? i % s.n == column : i / s.n == row;
            if (reached ? !isnan(c[i]) : c[i] != 0.0f) fail_msg("%g times 0: element %lld is %g", (double)bad, (long long)i, (double)c[i]);
        }
        *place = 0.0f;
    }
    free(a), free(b), free(c);
}

static void test_not_finite(void **state)
{
    static const shape some[] = { { 5, 6, 7 }, { 1, 9, 33 }, { 9, 1, 33 }, { 31, 24, 4099 }, { 601, 61, 67 } };
    for (size_t s = 0; s < sizeof some / sizeof *some; s++)
        for (int32_t transposes = 0; transposes < 4; transposes++) {
            check_not_finite(*state, some[s], NAN, transposes & 1, transposes >> 1);
            check_not_finite(*state, some[s], INFINITY, transposes & 1, transposes >> 1);
        }
}

static void test_too_large(void **state)
{
    error e;
    float one = 1.0f, c = 0.0f;
    op_matmul o = { .op = { OP_MATMUL, sizeof o }, .m = 1, .n = 1, .k = INT64_C(1) << 31, .a = &one, .b = &one, .c = &c };
    assert_int_equal(case_run(*state, &o.op, 1, CASE_RUNGS - 1, 0, &e), RECSYS_ERR_TOO_LARGE);
    assert_non_null(strstr(e.message, "1 x 2147483648 by 2147483648 x 1"));
}

/* ---- gradients ---- */

enum { NN = 0, NT = 1, TN = 2 };
typedef struct sizes {
    int form;
    shape s;
} sizes;

static tensor product_of(tape *g, const tensor *in, int form)
{
    if (form == NN) return op_matmul(g, in[0], in[1]);
    return form == NT ? op_matmul_nt(g, in[0], in[1]) : op_matmul_tn(g, in[0], in[1]);
}

static tensor build(tape *g, const tensor *in, const void *data)
{
    const sizes *z = data;
    return op_sum(g, op_mul(g, product_of(g, in, z->form), in[2]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    const sizes *z = data;
    const shape *s = &z->s;
    for (int64_t m = 0; m < s->m; m++)
        for (int64_t n = 0; n < s->n; n++) {
            double sum = 0.0;
            for (int64_t k = 0; k < s->k; k++)
                sum += in[0][z->form == TN ? k * s->m + m : m * s->k + k] * in[1][z->form == NT ? n * s->k + k : k * s->n + n];
            term[m * s->n + n] = sum * in[2][m * s->n + n];
        }
}

static void test_gradients(void **state)
{
    static const shape some[] = { { 1, 1, 1 }, { 7, 5, 11 }, { 3, 1, 33 }, { 1, 31, 2 } };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        for (int form = NN; form <= TN; form++) {
            shape s = some[i];
            sizes z = { form, s };
            gradient_case c = { .name = form == NN ? "matmul" : form == NT ? "matmul_nt" : "matmul_tn", .n_inputs = 3, .data = &z,
                                .n_terms = s.m * s.n, .roundings = (double)(s.k + s.m + s.n + 12), .build = build,
                                .oracle = oracle, .seed = 3 };
            c.in[0] = (gradient_input){ .shape = { form == TN ? s.k : s.m, form == TN ? s.m : s.k } };
            c.in[1] = (gradient_input){ .shape = { form == NT ? s.n : s.k, form == NT ? s.k : s.n } };
            c.in[2] = (gradient_input){ .shape = { s.m, s.n }, .kind = GRADIENT_NOTHING };
            gradient_check(*state, &c);
            c.in[0].kind = GRADIENT_TABLE; /* a parameter that is read as a whole has a dense gradient */
            gradient_check(*state, &c);
        }
}

/* The value of a terms' sum is bounded by K roundings of the sums of absolute products, not of absolute sums: finer terms. */
static tensor build_square(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_matmul_nt(g, in[0], in[0]));
}

static void oracle_square(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int m = 0; m < 4; m++)
        for (int n = 0; n < 4; n++)
            for (int k = 0; k < 3; k++) term[(m * 4 + n) * 3 + k] = in[0][m * 3 + k] * in[0][n * 3 + k];
}

static void test_same_twice(void **state)
{
    gradient_case c = { .name = "matmul_nt of X with itself", .n_inputs = 1, .in = { { .shape = { 4, 3 } } }, .n_terms = 48,
                        .roundings = 30, .build = build_square, .oracle = oracle_square };
    gradient_check(*state, &c);
}

/* ---- refusals ---- */

static tensor build_alone(tape *g, const tensor *in, const void *data)
{
    return product_of(g, in, ((const sizes *)data)->form);
}

static void test_refusals(void **state)
{
    sizes z = { NN, { 0 } };
    gradient_case c = { .name = "matmul", .n_inputs = 2, .in = { { .shape = { 3, 4 } }, { .shape = { 5, 6 } } },
                        .build = build_alone, .data = &z };
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "matmul.c:|op_matmul: A is 3 x 4 but B is 5 x 6: A B needs");
    z.form = NT;
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "op_matmul_nt: A is 3 x 4 but B is 5 x 6: A B' needs");
    z.form = TN;
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "op_matmul_tn: A is 3 x 4 but B is 5 x 6: A' B needs");
    static const int32_t numbers[12] = { 0 };
    c.in[0].ints = numbers;
    tape_case_refused(*state, &c, RECSYS_ERR_TYPE, "A (3 x 4) holds int32, float32 is needed");
}

static void test_failing_memory(void **state)
{
    sizes z = { TN, { 8, 4, 3 } };
    gradient_case c = { .name = "matmul_tn", .n_inputs = 3, .build = build, .data = &z,
                        .in = { { .shape = { 3, 8 } }, { .shape = { 3, 4 } }, { .shape = { 8, 4 } } } };
    tape_case_failing_memory(*state, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_not_finite), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_gradients),  cmocka_unit_test(test_same_twice), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
