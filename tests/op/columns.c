/* columns.c - side by side, and some columns: exact copies, nothing else touched, gradients, wrong shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/copy_columns.h"

#include "op/tape_case.h"

static void check_shape(const fixture *f, int64_t rows, int64_t before, int64_t count, int64_t after, int32_t zero)
{
    int64_t from_width = count + 3, to_width = before + count + after, n = rows * to_width;
    float *from = tape_case_floats(rows * from_width, -1.0, 1.0, 1), *to = case_floats(n + 1), untouched;
    memset(&untouched, 0xff, sizeof untouched);
    op_copy_columns o = { .op = { OP_COPY_COLUMNS, sizeof o }, .rows = rows, .count = count, .from = from, .from_width = from_width,
                          .from_first = 2, .to_width = to_width, .to_first = before, .zero = zero };
    tape_case_all_ways(f, &o.op, &o.to, to, n, "copy_columns");
    for (int64_t i = 0; i < n; i++) {
        int64_t r = i / to_width, c = i % to_width - before;
        float want = c >= 0 && c < count ? from[r * from_width + 2 + c] : zero ? 0.0f : untouched;
        case_same_floats(to + i, &want, 1, "copy_columns");
    }
    free(from), free(to);
}

static void test_values(void **state)
{
    static const int64_t sizes[] = { 0, 1, 31, 32, 33, 97 };
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 6; c++)
            for (int32_t zero = 0; zero < 2; zero++) {
                check_shape(*state, sizes[r], 0, sizes[c], 5, zero);
                check_shape(*state, sizes[r], 7, sizes[c], 0, zero);
                check_shape(*state, sizes[r], 1, sizes[c], 1, zero);
            }
    check_shape(*state, 1009, 3, 67, 2, 0);
    check_shape(*state, 3, 3, 20011, 2, 1);
}

/* ---- gradients ---- */

enum { N = 5, D = 4, H = 7 };

static tensor build_concat(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_concat(g, in[0], in[1]), in[2]));
}

static void oracle_concat(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int n = 0; n < N; n++)
        for (int c = 0; c < D + H; c++)
            term[n * (D + H) + c] = (c < D ? in[0][n * D + c] : in[1][n * H + c - D]) * in[2][n * (D + H) + c];
}

static const gradient_case concat_example = { .name = "concat", .n_inputs = 3, .n_terms = N * (D + H), .roundings = 12,
                                              .build = build_concat, .oracle = oracle_concat,
                                              .in = { { .shape = { N, D } }, { .shape = { N, H } }, { .shape = { N, D + H } } } };

/* Columns 1 to 3 and 2 to 4 overlap: their gradients add up, and column 0 has none. */
static tensor build_columns(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_columns(g, in[0], 1, 3), op_columns(g, in[0], 2, 3)));
}

static void oracle_columns(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int n = 0; n < N; n++)
        for (int c = 0; c < 3; c++) term[n * 3 + c] = in[0][n * H + 1 + c] * in[0][n * H + 2 + c];
}

static const gradient_case columns_example = { .name = "columns", .n_inputs = 1, .n_terms = N * 3, .roundings = 12,
                                               .build = build_columns, .oracle = oracle_columns, .in = { { .shape = { N, H } } } };

static void test_gradients(void **state)
{
    gradient_check(*state, &concat_example);
    gradient_check(*state, &columns_example);
}

/* A vector counts as one column. */
static tensor build_vectors(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_sum(g, op_mul(g, op_concat(g, in[0], in[1]), in[2]));
}

static void oracle_vectors(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int i = 0; i < 2 * N; i++) term[i] = in[i % 2][i / 2] * in[2][i];
}

static void test_vectors(void **state)
{
    gradient_case c = { .name = "concat", .n_inputs = 3, .n_terms = 2 * N, .roundings = 12, .build = build_vectors,
                        .oracle = oracle_vectors, .in = { { .shape = { N } }, { .shape = { N } }, { .shape = { N, 2 } } } };
    gradient_check(*state, &c);
}

/* ---- refusals ---- */

static tensor concat_alone(tape *g, const tensor *in, const void *data)
{
    (void)data;
    return op_concat(g, in[0], in[1]);
}

static tensor columns_alone(tape *g, const tensor *in, const void *data)
{
    const int64_t *range = data;
    return op_columns(g, in[0], range[0], range[1]);
}

static void test_refusals(void **state)
{
    gradient_case c = { .name = "concat", .n_inputs = 2, .build = concat_alone, .in = { { .shape = { 3, 4 } }, { .shape = { 2, 4 } } } };
    tape_case_refused(*state, &c, RECSYS_ERR_INVALID_ARGUMENT, "columns.c:|op_concat: A is 3 x 4 but B is 2 x 4");
    static const int64_t ranges[][2] = { { -1, 2 }, { 3, 2 }, { 0, -1 }, { 0, 5 }, { INT64_MAX, INT64_MAX } };
    for (int r = 0; r < 5; r++) {
        gradient_case k = { .name = "columns", .n_inputs = 1, .build = columns_alone, .data = ranges[r], .in = { { .shape = { 3, 4 } } } };
        tape_case_refused(*state, &k, RECSYS_ERR_OUT_OF_RANGE, "op_columns: X is 3 x 4 and has no");
    }
}

static void test_failing_memory(void **state)
{
    tape_case_failing_memory(*state, &concat_example);
    tape_case_failing_memory(*state, &columns_example);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_gradients), cmocka_unit_test(test_vectors),
                                        cmocka_unit_test(test_refusals), cmocka_unit_test(test_failing_memory) };
    return cmocka_run_group_tests(tests, tape_case_open, tape_case_close);
}
