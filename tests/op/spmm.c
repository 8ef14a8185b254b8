/* spmm.c - sparse times dense: empty rows, one huge row, with and without values, against sums in double; gradients with
 * respect to parameters and to other tensors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/tape_case.h"

#include "backend/op/spmm.h"

static void check(fixture *f, int64_t N, int64_t M, int64_t D, int64_t longest, int64_t huge, int with_values)
{
    uint64_t seed = (uint64_t)(N * 1000003 + M * 1009 + D * 2 + with_values);
    int64_t *ptr = rows_pointers(N, longest, huge, &seed), E = ptr[N];
    int32_t *column = case_array(E, sizeof *column);
    float *value = rows_floats(E, &seed), *x = rows_floats(M * D, &seed), *y = case_floats(N * D + 1);
    for (int64_t e = 0; e < E; e++) column[e] = (int32_t)(test_random(&seed) % (uint64_t)M);
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = N, .dim = D, .n_entries = E, .row_ptr = ptr, .column = column,
                  .value = with_values ? value : NULL, .x = x, .y = y };
    float *got = rows_run(f, &o.op, y, (size_t)(N * D) * sizeof *y), behind;
    memset(&behind, 0xff, sizeof behind);
    assert_memory_equal(&y[N * D], &behind, sizeof behind);
    for (int64_t n = 0; n < N; n++)
        for (int64_t c = 0; c < D; c++) {
            double sum = 0.0, size = 0.0;
            for (int64_t e = ptr[n]; e < ptr[n + 1]; e++) {
                double term = (with_values ? (double)value[e] : 1.0) * (double)x[column[e] * D + c];
                sum += term, size += fabs(term);
            }
            rows_near((double)got[n * D + c], sum, (double)(ptr[n + 1] - ptr[n]) * ROUNDING * size, "Y", n, c);
        }
    free(ptr), free(column), free(value), free(x), free(y), free(got);
}

static void test_shapes(void **state)
{
    static const int64_t dims[] = { 1, 7, 8, 16, 31, 32, 33, 64, 97, 200 }, rows[] = { 1, 31, 33 };
    fixture f;
    fixture_open(&f, 2);
    for (int d = 0; d < 10; d++)
        for (int n = 0; n < 3; n++) {
            check(&f, rows[n], 40, dims[d], 9, -1, d % 2);
            check(&f, rows[n], 1, dims[d], 9, 0, (d + 1) % 2);
        }
    check(&f, 0, 5, 8, 1, -1, 1);
    check(&f, 4, 5, 8, 1, -1, 1); /* no entries at all */
    check(&f, 2000, 300, 32, 12, 700, 1);
    check(&f, 2000, 300, 33, 12, 1999, 0);
    fixture_close(&f);
    (void)state;
}

static void test_nan_stays_in_its_rows(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    const int64_t ptr[] = { 0, 1, 1, 3 };
    const int32_t column[] = { 0, 0, 1 };
    float x[2 * 9], y[3 * 9];
    for (int i = 0; i < 18; i++) x[i] = i < 9 ? 2.0f : NAN;
    op_spmm o = { .op = { OP_SPMM, sizeof o }, .n_rows = 3, .dim = 9, .n_entries = 3, .row_ptr = ptr, .column = column,
                  .x = x, .y = y };
    for (int32_t rung = 0; rung < case_rungs(); rung++) {
        case_expect(&f, &o.op, 1, rung);
        for (int i = 0; i < 27; i++) assert_true(i < 9 ? y[i] == 2.0f : i < 18 ? y[i] == 0.0f : isnan(y[i]));
    }
    fixture_close(&f);
    (void)state;
}

/* ---- on the tape ---- */

enum { N = 5, M = 4, D = 3, E = 7 };
static const int64_t pointers[N + 1] = { 0, 3, 3, 4, 4, 7 };
static const int32_t columns[E] = { 0, 1, 3, 3, 0, 1, 3 }; /* nobody looks at row 2 */

/* The transposed matrix: rows are the columns of the other, in ascending order of its rows. */
static const int64_t turned_pointers[M + 1] = { 0, 2, 4, 4, 7 };
static const int32_t turned_columns[E] = { 0, 4, 0, 4, 0, 2, 4 }, turned_entry[E] = { 0, 4, 1, 5, 2, 3, 6 };

static const void *on_device(tape *g, const void *host, int64_t count, size_t size)
{
    return recsys__tape_copy_in(g, host, count, size);
}

/* in: X, columns, values (one number: none); the gradient by the transposed matrix. */
static tensor build_turned(tape *g, const tensor *in, const void *data)
{
    int has_values = tensor_elements(&in[2]) == E;
    int64_t count = E;
    tensor values = recsys__tape_constant(g, in[2].data, RECSYS_F32, 1, &count);
    tensor entry = recsys__tape_vector(g, turned_entry, E, RECSYS_I32);
    sparse T = { .n_rows = M, .n_columns = N, .n_entries = E, .row_ptr = on_device(g, turned_pointers, M + 1, 8),
                 .column = on_device(g, turned_columns, E, 4), .value = has_values ? op_lookup(g, values, entry).data : NULL };
    sparse A = { .n_rows = N, .n_columns = M, .n_entries = E, .row_ptr = on_device(g, pointers, N + 1, 8), .column = in[1].data,
                 .value = has_values ? in[2].data : NULL, .transposed = &T };
    (void)data;
    tensor y = op_sumsq(g, op_spmm(g, &A, in[0]));
    memset(&T, 0xff, sizeof T); /* what was handed in is not needed any more */
    return y;
}

/* in: X, columns, values (one number: none). */
static tensor build(tape *g, const tensor *in, const void *data)
{
    int64_t *row_ptr = recsys__tape_memory(g, N + 1, sizeof *row_ptr);
    if (!row_ptr || recsys__copy_in(recsys__tape_exec(g), row_ptr, pointers, sizeof pointers) < 0) return (tensor){ 0 };
    int64_t n_columns = data ? *(const int64_t *)data : M;
    sparse A = { .n_rows = N, .n_columns = n_columns, .n_entries = E, .row_ptr = row_ptr, .column = in[1].data,
                 .value = tensor_elements(&in[2]) == E ? in[2].data : NULL };
    return op_spmm(g, &A, in[0]);
}

static tensor build_squares(tape *g, const tensor *in, const void *data)
{
    return op_sumsq(g, build(g, in, data));
}

static void oracle(const double *const *in, double *term, const void *with_values)
{
    for (int64_t n = 0; n < N; n++)
        for (int64_t d = 0; d < D; d++) {
            double y = 0.0;
            for (int64_t e = pointers[n]; e < pointers[n + 1]; e++)
                y += (with_values ? in[2][e] : 1.0) * in[0][(int64_t)in[1][e] * D + d];
            term[n * D + d] = y * y;
        }
}

static void oracle_values(const double *const *in, double *term, const void *data)
{
    (void)data;
    oracle(in, term, "");
}

static void oracle_ones(const double *const *in, double *term, const void *data)
{
    (void)data;
    oracle(in, term, NULL);
}

static void test_gradients(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int32_t kind = GRADIENT_INPUT; kind <= GRADIENT_TABLE; kind++)
        for (int with_values = 0; with_values < 2; with_values++) {
            /* Terms of Y may cancel, so inputs are positive. */
            gradient_case c = { .name = "spmm", .n_inputs = 3, .n_terms = N * D, .roundings = 2 * E + N * D + 4,
                                .build = build_squares, .oracle = with_values ? oracle_values : oracle_ones,
                                .in = { { .shape = { M, D }, .low = 0.5, .high = 1.5, .kind = kind },
                                        { .shape = { E }, .ints = columns },
                                        { .shape = { with_values ? E : 1 }, .low = 0.5, .high = 1.5,
                                          .kind = GRADIENT_NOTHING } } };
            gradient_check(&f, &c);
            c.name = "spmm with the transposed matrix";
            c.build = build_turned;
            gradient_check(&f, &c);
        }
    fixture_close(&f);
    (void)state;
}

/* A table of one column, given as a vector. */
static void oracle_vector(const double *const *in, double *term, const void *data)
{
    (void)data;
    for (int64_t n = 0; n < N; n++) {
        double y = 0.0;
        for (int64_t e = pointers[n]; e < pointers[n + 1]; e++) y += in[2][e] * in[0][(int64_t)in[1][e]];
        term[n] = y * y;
    }
}

static void test_vector(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int turned = 0; turned < 2; turned++) {
        gradient_case c = { .name = "spmm of a vector", .n_inputs = 3, .n_terms = N, .roundings = 2 * E + 4,
                            .build = turned ? build_turned : build_squares, .oracle = oracle_vector,
                            .in = { { .shape = { M }, .low = 0.5, .high = 1.5, .kind = GRADIENT_TABLE },
                                    { .shape = { E }, .ints = columns },
                                    { .shape = { E }, .low = 0.5, .high = 1.5, .kind = GRADIENT_NOTHING } } };
        gradient_check(&f, &c);
    }
    fixture_close(&f);
    (void)state;
}

static void test_refused(void **state)
{
    static const int64_t other = M + 1;
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = { .name = "spmm", .n_inputs = 3, .build = build, .data = &other,
                        .in = { { .shape = { M, D } }, { .shape = { E }, .ints = columns }, { .shape = { E } } } };
    tape_case_refused(&f, &c, RECSYS_ERR_INVALID_ARGUMENT, "spmm.c:|op_spmm|5 x 5|4 x 3");
    c.data = NULL;
    c.in[0] = (gradient_input){ .shape = { E }, .ints = columns };
    tape_case_refused(&f, &c, RECSYS_ERR_TYPE, "op_spmm|float32");
    fixture_close(&f);
    (void)state;
}

static void test_failing_memory(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    gradient_case c = { .name = "spmm", .n_inputs = 3, .build = build_squares,
                        .in = { { .shape = { M, D } }, { .shape = { E }, .ints = columns }, { .shape = { E } } } };
    tape_case_failing_memory(&f, &c);
    c.build = build_turned;
    tape_case_failing_memory(&f, &c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),    cmocka_unit_test(test_nan_stays_in_its_rows), cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
