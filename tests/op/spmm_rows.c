/* spmm_rows.c - some rows of a sparse product: against sums in double; on the tape with repeated rows and rows of nobody,
 * gradients, wrong operands, failing memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/spmm_rows.h"

static void check(fixture *f, int64_t N, int64_t M, int64_t D, int64_t most, int with_values)
{
    uint64_t seed = (uint64_t)(N * 1000003 + M * 1009 + D * 2 + with_values);
    int64_t *ptr = rows_pointers(N, 9, N / 2, &seed), E = ptr[N];
    int32_t *column = case_array(E, sizeof *column), *row = case_array(N, sizeof *row), S = 0;
    float *value = rows_floats(E, &seed), *x = rows_floats(M * D, &seed), *z = case_floats(most * D + 1), behind;
    for (int64_t e = 0; e < E; e++) column[e] = (int32_t)(test_random(&seed) % (uint64_t)M);
    for (int32_t n = 0; n < N && S < most; n++)
        if (n == N / 2 || test_random(&seed) % 2 == 0) row[S++] = n;
    op_spmm_rows o = { .op = { OP_SPMM_ROWS, sizeof o }, .most = most, .dim = D, .n_rows = &S, .row = row, .row_ptr = ptr,
                       .column = column, .value = with_values ? value : NULL, .x = x, .z = z };
    float *got = rows_run(f, &o.op, z, (size_t)(most * D) * sizeof *z);
    memset(&behind, 0xff, sizeof behind);
    for (int64_t c = S * D; c <= most * D; c++) assert_memory_equal(&z[c], &behind, sizeof behind); /* left alone */
    for (int64_t s = 0; s < S; s++)
        for (int64_t c = 0; c < D; c++) {
            double sum = 0.0, size = 0.0;
            for (int64_t e = ptr[row[s]]; e < ptr[row[s] + 1]; e++) {
                double term = (with_values ? (double)value[e] : 1.0) * (double)x[column[e] * D + c];
                sum += term, size += fabs(term);
            }
            rows_near((double)got[s * D + c], sum, (double)(ptr[row[s] + 1] - ptr[row[s]]) * ROUNDING * size, "Z", s, c);
        }
    free(ptr), free(column), free(row), free(value), free(x), free(z), free(got);
}

static void test_shapes(void **state)
{
    static const int64_t dims[] = { 1, 7, 8, 31, 32, 64, 97 };
    fixture f;
    fixture_open(&f, 2);
    for (int d = 0; d < 7; d++) {
        check(&f, 40, 11, dims[d], 40, d % 2);
        check(&f, 3, 5, dims[d], 1, (d + 1) % 2);
    }
    check(&f, 3000, 300, 32, 3000, 1);
    fixture_close(&f);
    (void)state;
}

/* ---- on the tape ---- */

enum { N = 5, M = 4, D = 3, E = 7, K = 6 };
static const int64_t pointers[N + 1] = { 0, 3, 3, 4, 4, 7 };
static const int32_t columns[E] = { 0, 1, 3, 3, 0, 1, 3 }, rows[K] = { 4, 0, -1, 4, 1, 0 }; /* twice 4 and 0; row 1 is empty */
static const int64_t turned_pointers[M + 1] = { 0, 2, 4, 4, 7 };
static const int32_t turned_columns[E] = { 0, 4, 0, 4, 0, 2, 4 };
static const float values[E] = { 0.5f, 2.0f, 1.25f, 0.75f, 1.5f, 0.25f, 3.0f };
static const float turned_values[E] = { 0.5f, 1.5f, 2.0f, 0.25f, 1.25f, 0.75f, 3.0f };

typedef struct parts {
    int without_values, without_turned;
    int64_t n_columns;
} parts;

/* in: X, rows. */
static tensor build(tape *g, const tensor *in, const void *data)
{
    const parts *p = data;
    sparse T = { .n_rows = M, .n_columns = N, .n_entries = E, .row_ptr = recsys__tape_copy_in(g, turned_pointers, M + 1, 8),
                 .column = recsys__tape_copy_in(g, turned_columns, E, 4),
                 .value = p->without_values ? NULL : recsys__tape_copy_in(g, turned_values, E, 4) };
    sparse A = { .n_rows = N, .n_columns = p->n_columns, .n_entries = E, .row_ptr = recsys__tape_copy_in(g, pointers, N + 1, 8),
                 .column = recsys__tape_copy_in(g, columns, E, 4),
                 .value = p->without_values ? NULL : recsys__tape_copy_in(g, values, E, 4),
                 .transposed = p->without_turned ? NULL : &T };
    tensor y = op_spmm_rows(g, &A, in[1], in[0]);
    memset(&T, 0xff, sizeof T); /* what was handed in is not needed any more */
    return y;
}

static tensor build_squares(tape *g, const tensor *in, const void *data)
{
    tensor y = build(g, in, data);
    return op_sumsq(g, y);
}

static void oracle(const double *const *in, double *term, const void *data)
{
    const parts *p = data;
    for (int64_t k = 0; k < K; k++)
        for (int64_t d = 0; d < D; d++) {
            double y = 0.0;
            for (int64_t e = rows[k] < 0 ? 0 : pointers[rows[k]]; rows[k] >= 0 && e < pointers[rows[k] + 1]; e++)
                y += (p->without_values ? 1.0 : (double)values[e]) * in[0][columns[e] * D + d];
            term[k * D + d] = y * y;
        }
}

static void test_gradients(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int32_t kind = GRADIENT_INPUT; kind <= GRADIENT_TABLE; kind++)
        for (int without = 0; without < 2; without++) {
            parts p = { .without_values = without, .n_columns = M };
            gradient_case c = { .name = "spmm_rows", .n_inputs = 2, .n_terms = K * D, .roundings = 2 * E + K * D + 4,
                                .build = build_squares, .oracle = oracle, .data = &p,
                                .in = { { .shape = { M, D }, .low = 0.5, .high = 1.5, .kind = kind },
                                        { .shape = { K }, .ints = rows } } };
            gradient_check(&f, &c);
        }
    fixture_close(&f);
    (void)state;
}

/* Without the transposed matrix there are values, but no gradient. */
static void test_without_transposed(void **state)
{
    fixture f;
    parts p = { .without_turned = 1, .n_columns = M };
    fixture_open(&f, 2);
    gradient_case c = { .name = "spmm_rows", .n_inputs = 2, .n_terms = K * D, .roundings = 2 * E + K * D + 4, .data = &p,
                        .in = { { .shape = { M, D }, .low = 0.5, .high = 1.5 }, { .shape = { K }, .ints = rows } } };
    gradient_run r = { .c = &c };
    tensor in[2];
    tape *g;
    double term[K * D];
    float y[K * D];
    gradient_inputs(&r);
    expect_ok(f.exec, recsys__tape_create(f.exec, &g));
    for (int k = 0; k < 2; k++) {
        void *data = recsys__tape_copy_in(g, r.host[k], tensor_elements(&r.shape[k]), 4);
        in[k] = recsys__tape_constant(g, data, r.shape[k].dtype, r.shape[k].rank, r.shape[k].shape);
    }
    tensor got = build(g, in, &p);
    expect_ok(f.exec, recsys__tape_status(g));
    expect_ok(f.exec, recsys__download(f.exec, y, got.data, (int64_t)sizeof y));
    oracle((const double *const *)r.wide, term, &p);
    for (int k = 0; k < K * D; k++) rows_near((double)y[k] * (double)y[k], term[k], 1e-5 * term[k], "square", k / D, k % D);
    recsys__tape_mode(g, 1, 1);
    in[0] = recsys__tape_input(g, in[0].data, 2, in[0].shape);
    got = build(g, in, &p);
    assert_null(got.data);
    expect_error(f.exec, recsys__tape_status(g), RECSYS_ERR_INVALID_ARGUMENT, "spmm_rows.c:|op_spmm_rows|transposed");
    recsys__tape_free(g);
    gradient_free(&r);
    fixture_close(&f);
    (void)state;
}

static void test_refused(void **state)
{
    fixture f;
    parts p = { .n_columns = M + 1 };
    fixture_open(&f, 2);
    gradient_case c = { .name = "spmm_rows", .n_inputs = 2, .build = build, .data = &p,
                        .in = { { .shape = { M, D } }, { .shape = { K }, .ints = rows } } };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "op_spmm_rows|5 x 5|4 x 3");
    p.n_columns = M;
    c.in[1] = (gradient_input){ .shape = { K } };
    tape_case_refused(&f, &c, RECSYS_ERR_TYPE, "op_spmm_rows|int32");
    static const int32_t beyond[] = { 0, N };
    c.in[1] = (gradient_input){ .shape = { 2 }, .ints = beyond };
    if (!f.exec->queue) /* a device says so later */
        tape_case_refused(&f, &c, RECSYS_ERR_OUT_OF_RANGE, "row 5|5 rows");
    fixture_close(&f);
    (void)state;
}

static void test_failing_memory(void **state)
{
    fixture f;
    parts p = { .n_columns = M };
    fixture_open(&f, 2);
    gradient_case c = { .name = "spmm_rows", .n_inputs = 2, .build = build_squares, .data = &p,
                        .in = { { .shape = { M, D } }, { .shape = { K }, .ints = rows } } };
    tape_case_failing_memory(&f, &c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_gradients), cmocka_unit_test(test_without_transposed),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
