/* reduce.c - sums over everything, rows and columns, means, sums of squares: near to exact, one order, gradients.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/reduce.h"

#include "op/tape_case.h"

/* Which sum element i of N x D goes into. */
static int64_t place_of(int32_t over, int64_t i, int64_t D)
{
    return over == REDUCE_ALL ? 0 : over == REDUCE_ROWS ? i % D : i / D;
}

static int64_t places(int32_t over, int64_t N, int64_t D)
{
    return over == REDUCE_ALL ? 1 : over == REDUCE_ROWS ? D : N;
}

static void check_shape(const fixture *f, int64_t N, int64_t D, int32_t over, int32_t squares)
{
    int64_t n = places(over, N, D), terms = n > 0 ? N * D / n : 0;
    float *x = tape_case_floats(N * D, -1.0, 1.0, 1), *y = case_floats(n + 1);
    long double *want = case_array(n, sizeof *want), *size = case_array(n, sizeof *size);
    op_reduce o = { .op = { OP_REDUCE, sizeof o }, .rows = N, .dim = D, .over = over, .squares = squares, .scale = 0.7, .x = x };
    tape_case_all_ways(f, &o.op, &o.y, y, n, "reduce");
    for (int64_t i = 0; i < n; i++) want[i] = size[i] = 0.0L;
    for (int64_t i = 0; i < N * D; i++) {
        long double term = 0.7L * (squares ? (long double)x[i] * x[i] : (long double)x[i]);
        want[place_of(over, i, D)] += term, size[place_of(over, i, D)] += fabsl(term);
    }
    for (int64_t i = 0; i < n; i++) {
        double bound = (1.0 + (double)terms * 0x1p-28) * ROUNDING * (double)size[i];
        if (!(fabs((double)y[i] - (double)want[i]) <= bound))
            fail_msg("reduce over %d of %lld x %lld: element %lld is %.9g, want %.9g", (int)over, (long long)N, (long long)D, (long long)i,
                     (double)y[i], (double)want[i]);
    }
    free(x), free(y), free(want), free(size);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97, 127, 128, 129, 257 };
    static const int64_t large[][2] = { { 1, 4096 }, { 4097, 1 }, { 5003, 7 }, { 7, 5003 }, { 40009, 3 }, { 1024, 64 } };
    for (int32_t over = REDUCE_ALL; over <= REDUCE_COLUMNS; over++)
        for (int32_t squares = 0; squares < 2; squares++) {
            for (int r = 0; r < 10; r++)
                for (int d = 0; d < 10; d++) check_shape(*state, sizes[r], sizes[d], over, squares);
            for (int l = 0; l < 6; l++) check_shape(*state, large[l][0], large[l][1], over, squares);
        }
}

/* A sum that floats alone would lose: ten million of 1 behind 2^24. */
static void test_wide(void **state)
{
    enum { MANY = 100000 };
    float *x = case_floats(MANY), y = 0.0f;
    for (int i = 0; i < MANY; i++) x[i] = i == 0 ? 0x1p24f : 1.0f;
    op_reduce o = { .op = { OP_REDUCE, sizeof o }, .rows = MANY, .dim = 1, .over = REDUCE_ALL, .scale = 1.0, .x = x, .y = &y };
    case_expect(*state, &o.op, 2, CASE_RUNGS - 1);
    assert_true(y == (float)(0x1p24 + MANY - 1));
    o.over = REDUCE_ROWS;
    case_expect(*state, &o.op, 2, CASE_RUNGS - 1);
    assert_true(y == (float)(0x1p24 + MANY - 1));
    free(x);
}

static void test_not_finite(void **state)
{
    enum { N = 40, D = 37 };
    float x[N * D], y[N];
    for (int bad = 0; bad < 2; bad++)
        for (int32_t over = REDUCE_ALL; over <= REDUCE_COLUMNS; over++) {
            for (int i = 0; i < N * D; i++) x[i] = 0.5f;
            x[11 * D + 36] = bad ? INFINITY : NAN;
            op_reduce o = { .op = { OP_REDUCE, sizeof o }, .rows = N, .dim = D, .over = over, .scale = 1.0, .x = x, .y = y };
            case_expect(*state, &o.op, 2, CASE_RUNGS - 1);
            for (int i = 0; i < places(over, N, D); i++) {
                int reached = i == place_of(over, 11 * D + 36, D);
                assert_true(!reached ? isfinite(y[i]) : bad ? isinf(y[i]) : isnan(y[i]));
            }
        }
}

/* ---- on the tape ---- */

enum { N = 6, D = 5 };
enum { SUM, MEAN, SUM_ROWS, SUM_COLUMNS, SUMSQ, KINDS };
static const char *const kind_names[KINDS] = { "sum", "mean", "sum_rows", "sum_columns", "sumsq" };

static tensor reduced(tape *g, tensor x, int kind)
{
    switch (kind) {
    case SUM: return op_sum(g, x);
    case MEAN: return op_mean(g, x);
    case SUM_ROWS: return op_sum_rows(g, x);
    case SUM_COLUMNS: return op_sum_columns(g, x);
    default: return op_sumsq(g, x);
    }
}

static tensor build(tape *g, const tensor *in, const void *data)
{
    return op_sum(g, op_mul(g, reduced(g, in[0], *(const int *)data), in[1]));
}

static void oracle(const double *const *in, double *term, const void *data)
{
    int kind = *(const int *)data;
    for (int i = 0; i < N * D; i++) {
        double x = in[0][i], weight = in[1][kind == SUM_ROWS ? i % D : kind == SUM_COLUMNS ? i / D : 0];
        term[i] = weight * (kind == MEAN ? x / (N * D) : kind == SUMSQ ? x * x : x);
    }
}

static gradient_case case_of(const int *kind)
{
    gradient_case c = { .name = kind_names[*kind], .n_inputs = 2, .n_terms = N * D, .roundings = N * D + 10, .build = build,
                        .oracle = oracle, .data = kind, .in = { { .shape = { N, D } }, { .shape = { 1 } } } };
    if (*kind == SUM_ROWS || *kind == SUM_COLUMNS) c.in[1].shape[0] = *kind == SUM_ROWS ? D : N;
    return c;
}

static void test_gradients(void **state)
{
    for (int kind = 0; kind < KINDS; kind++) {
        gradient_case c = case_of(&kind);
        gradient_check(*state, &c);
    }
}

/* Nothing to add up gives 0, and its gradient is empty. */
static void test_no_rows(void **state)
{
    fixture *f = *state;
    tape *g = NULL;
    float room = 0.0f, *device = NULL, y = 1.0f;
    const int64_t shape[] = { 0, 3 };
    expect_ok(f->exec, recsys__upload(f->exec, &room, sizeof room, &device));
    expect_ok(f->exec, recsys__tape_create(f->exec, &g));
    for (int kind = 0; kind < KINDS; kind++) {
        recsys__tape_reset(g, 1, 1);
        recsys__tape_mode(g, 1, 1);
        tensor in = recsys__tape_input(g, device, 2, shape), loss = op_sum(g, reduced(g, in, kind));
        recsys__tape_backward(g, loss);
        expect_ok(f->exec, recsys__tape_status(g));
        expect_ok(f->exec, recsys__download(f->exec, &y, loss.data, sizeof y));
        assert_true(y == 0.0f);
        tensor gradient = recsys__tape_gradient(g, in);
        assert_int_equal(tensor_elements(&gradient), 0);
    }
    recsys__tape_free(g);
    recsys__device_free(f->exec->backend, f->exec->memory, device);
}

static void test_failing_memory(void **state)
{
    for (int kind = 0; kind < KINDS; kind++) {
        gradient_case c = case_of(&kind);
        tape_case_failing_memory(*state, &c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values),    cmocka_unit_test(test_wide),
                                        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_no_rows),   cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
