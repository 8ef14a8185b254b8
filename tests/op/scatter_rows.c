/* scatter_rows.c - row gradients spread out: every option, any shape, any number of threads, against sums in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"

#include "backend/op/scatter_rows.h"

enum { WITH_WEIGHT = 1, WITH_SOURCE_ROW = 2, WITH_SCALE = 4, OPTIONS = 8 };

static void check(fixture *f, int64_t N, int64_t D, int64_t E, int options)
{
    uint64_t seed = (uint64_t)(N * 1000003 + D * 1009 + E * 8 + options);
    int64_t M = options & WITH_SOURCE_ROW ? 7 : E;
    int32_t *row = rows_numbers(E, N, &seed), *source_row = case_array(E, sizeof *source_row);
    float *source = rows_floats(M * D, &seed), *weight = rows_floats(E, &seed), *scale = rows_floats(D, &seed);
    float *out = case_floats(N * D + 1);
    for (int64_t e = 0; e < E; e++) source_row[e] = options & WITH_SOURCE_ROW ? (int32_t)(test_random(&seed) % 7) : (int32_t)e;
    row_gradient from = { .index = rows_index(row, E, N), .source = source,
                          .source_row = options & WITH_SOURCE_ROW ? source_row : NULL,
                          .weight = options & WITH_WEIGHT ? weight : NULL, .scale = options & WITH_SCALE ? scale : NULL };
    op_scatter_rows o = { .op = { OP_SCATTER_ROWS, sizeof o }, .n_rows = N, .dim = D, .from = from, .out = out };
    float *got = rows_run(f, &o.op, out, (size_t)(N * D) * sizeof *out), behind;
    memset(&behind, 0xff, sizeof behind);
    assert_memory_equal(&out[N * D], &behind, sizeof behind); /* not a float further */
    for (int64_t n = 0; n < N; n++)
        for (int64_t c = 0; c < D; c++) {
            double sum = 0.0, size = 0.0, s = options & WITH_SCALE ? (double)scale[c] : 1.0;
            int64_t terms = 0;
            for (int64_t e = 0; e < E; e++) {
                if (row[e] != n) continue;
                double term = s * (options & WITH_WEIGHT ? (double)weight[e] : 1.0) * (double)source[source_row[e] * D + c];
                sum += term, size += fabs(term), terms++;
            }
            rows_near((double)got[n * D + c], sum, (double)(terms + 1) * ROUNDING * size, "G", n, c);
        }
    rows_free_index(&from.index);
    free(row), free(source_row), free(source), free(weight), free(scale), free(out), free(got);
}

static void test_shapes(void **state)
{
    static const int64_t dims[] = { 1, 7, 8, 31, 32, 33, 64, 97, 200 }, entries[] = { 0, 1, 33, 300 };
    fixture f;
    fixture_open(&f, 2);
    for (int d = 0; d < 9; d++)
        for (int e = 0; e < 4; e++) {
            check(&f, 1, dims[d], entries[e], (d + e) % OPTIONS);
            check(&f, 50, dims[d], entries[e], (d + 3 * e) % OPTIONS);
        }
    for (int options = 0; options < OPTIONS; options++) check(&f, 23, 40, 100, options);
    check(&f, 0, 8, 0, 0);
    check(&f, 3000, 33, 500, WITH_WEIGHT | WITH_SOURCE_ROW); /* enough for several threads */
    fixture_close(&f);
    (void)state;
}

static void test_nan_stays_in_its_row(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    int32_t row[4] = { 2, 0, 2, -1 };
    float source[4 * 9], out[3 * 9];
    for (int i = 0; i < 36; i++) source[i] = i / 9 == 2 || i / 9 == 3 ? NAN : 1.0f;
    row_gradient from = { .index = rows_index(row, 4, 3), .source = source };
    op_scatter_rows o = { .op = { OP_SCATTER_ROWS, sizeof o }, .n_rows = 3, .dim = 9, .from = from, .out = out };
    for (int32_t rung = 0; rung < CASE_RUNGS; rung++) {
        case_expect(&f, &o.op, 1, rung);
        for (int i = 0; i < 27; i++) assert_true(i < 9 ? out[i] == 1.0f : i < 18 ? out[i] == 0.0f : isnan(out[i]));
    }
    rows_free_index(&from.index);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_nan_stays_in_its_row) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
