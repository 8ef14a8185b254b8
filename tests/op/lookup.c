/* lookup.c - rows of tables on the tape: values, gradients of parameters and of other tensors, repeated rows, wrong shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/tape_case.h"

/* ---- gradients ---- */

/* Sum of squares of what was looked up, so that the gradient of each place is another one. */
static tensor build(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sumsq(g, op_lookup(g, in[0], in[1]));
}

/* Twice the same table: a parameter then has two gradients of rows. */
static tensor build_twice(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_lookup(g, in[0], in[1]), op_lookup(g, in[0], in[2])));
}

enum { N = 5, D = 3, B = 8 };
static const int32_t rows[B] = { 3, 0, 3, -1, 4, 3, 0, -1 }, other_rows[B] = { 1, 1, 3, 2, -1, 0, 4, -1 };

static double at(const double *table, double row, int64_t d)
{
    return row < 0.0 ? 0.0 : table[(int64_t)row * D + d];
}

static void oracle(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int64_t b = 0; b < B; b++)
        for (int64_t d = 0; d < D; d++) term[b * D + d] = at(in[0], in[1][b], d) * at(in[0], in[1][b], d);
}

static void oracle_twice(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int64_t b = 0; b < B; b++)
        for (int64_t d = 0; d < D; d++) term[b * D + d] = at(in[0], in[1][b], d) * at(in[0], in[2][b], d);
}

static void test_gradients(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int32_t kind = GRADIENT_INPUT; kind <= GRADIENT_TABLE; kind++) {
        gradient_case once = { .name = "lookup", .n_inputs = 2, .n_terms = B * D, .roundings = 2 * B + 4, .build = build,
                               .oracle = oracle,
                               .in = { { .shape = { N, D }, .kind = kind }, { .shape = { B }, .ints = rows } } };
        gradient_check(&f, &once);
        gradient_case twice = { .name = "lookup twice", .n_inputs = 3, .n_terms = B * D, .roundings = 2 * B + 4,
                                .build = build_twice, .oracle = oracle_twice,
                                .in = { { .shape = { N, D }, .kind = kind }, { .shape = { B }, .ints = rows },
                                        { .shape = { B }, .ints = other_rows } } };
        gradient_check(&f, &twice);
    }
    fixture_close(&f);
    (void)state;
}

/* ---- a table of one column, given as a vector ---- */

static tensor build_vector(tape *g, const tensor *in, const void *data)
{
    tensor y = op_lookup(g, in[0], in[1]);
    (void)data;
    assert_int_equal(y.rank, 1);
    return op_sumsq(g, y);
}

static void oracle_vector(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int64_t b = 0; b < B; b++) term[b] = in[1][b] < 0.0 ? 0.0 : in[0][(int64_t)in[1][b]] * in[0][(int64_t)in[1][b]];
}

static void test_vector(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = { .name = "lookup in a vector", .n_inputs = 2, .n_terms = B, .roundings = 2 * B + 4, .build = build_vector,
                        .oracle = oracle_vector,
                        .in = { { .shape = { N }, .kind = GRADIENT_TABLE }, { .shape = { B }, .ints = rows } } };
    gradient_check(&f, &c);
    fixture_close(&f);
    (void)state;
}

/* ---- nothing looked up ---- */

static tensor build_none(tape *g, const tensor *in, const void *data)
{
    tensor y = op_lookup(g, in[0], in[1]);
    (void)data;
    assert_int_equal(y.rank, 2);
    assert_true(y.shape[0] == 0 && y.shape[1] == D);
    return op_add(g, op_sumsq(g, y), op_sumsq(g, in[0]));
}

static void oracle_none(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int64_t i = 0; i < N * D; i++) term[i] = in[0][i] * in[0][i];
}

static void test_no_rows(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int32_t kind = GRADIENT_INPUT; kind <= GRADIENT_TABLE; kind++) {
        gradient_case c = { .name = "lookup of nothing", .n_inputs = 2, .n_terms = N * D, .roundings = N * D + 4,
                            .build = build_none, .oracle = oracle_none,
                            .in = { { .shape = { N, D }, .kind = kind }, { .rank = 1, .shape = { 0 }, .ints = rows } } };
        gradient_check(&f, &c);
    }
    fixture_close(&f);
    (void)state;
}

/* ---- errors ---- */

static tensor build_lookup(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_lookup(g, in[0], in[1]);
}

static tensor build_empty(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_lookup(g, in[0], (tensor){ 0 });
}

static void test_refused(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = { .name = "lookup", .n_inputs = 2, .build = build_lookup,
                        .in = { { .shape = { N, D } }, { .shape = { 2, 4 }, .ints = rows } } };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "lookup.c:|op_lookup|5 x 3|2 x 4");
    c.in[1] = (gradient_input){ .shape = { B } };
    tape_case_refused(&f, &c, RECSYS_ERR_TYPE, "op_lookup|int32");
    c.in[0] = (gradient_input){ .shape = { N, D, 2 } };
    c.in[1] = (gradient_input){ .shape = { B }, .ints = rows };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "5 x 3 x 2");
    c.build = build_empty;
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "row numbers are no tensor");
    fixture_close(&f);
    (void)state;
}

static void test_failing_memory(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = { .name = "lookup", .n_inputs = 2, .build = build,
                        .in = { { .shape = { N, D } }, { .shape = { B }, .ints = rows } } };
    tape_case_failing_memory(&f, &c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_vector), cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
