/* propagate_rows.c - the last layer and the mean of all for some nodes: numbers of layers, widths, empty rows, what lies behind
 * the last node, against sums in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"

#include "backend/op/propagate_rows.h"

static void check(fixture *f, int64_t N, int64_t M, int64_t D, int64_t L, int with_values)
{
    uint64_t seed = (uint64_t)(N * 1000003 + M * 1009 + D * 16 + L);
    int64_t *ptr = rows_pointers(N, 9, N / 2, &seed), E = ptr[N], most = N + 2;
    int32_t *column = case_array(E, sizeof *column), *row = case_array(N, sizeof *row), S = 0;
    float *value = rows_floats(E, &seed), *first = rows_floats(N * D, &seed), *later = rows_floats((L + 1) * N * D, &seed);
    float *other = rows_floats(M * D, &seed), *out = case_floats(most * 2 * D + 1), behind,
        scale = (float)(1.0 / (double)(L + 1));
    for (int64_t e = 0; e < E; e++) column[e] = (int32_t)(test_random(&seed) % (uint64_t)M);
    for (int32_t n = 0; n < N; n++)
        if (n == N / 2 || test_random(&seed) % 2 == 0) row[S++] = n;
    op_propagate_rows o = { .op = { OP_PROPAGATE_ROWS, sizeof o }, .most = most, .dim = D, .layers = L, .n_nodes = N,
                            .n_rows = &S,
                            .row = row, .row_ptr = ptr, .column = column, .value = with_values ? value : NULL, .first = first,
                            .later = L > 1 ? later : NULL, .other = L > 0 ? other : NULL, .scale = scale, .out = out };
    float *got = rows_run(f, &o.op, out, (size_t)(most * 2 * D) * sizeof *out);
    memset(&behind, 0xff, sizeof behind);
    assert_memory_equal(&out[most * 2 * D], &behind, sizeof behind);
    for (int64_t k = S * 2 * D; k < most * 2 * D; k++) assert_true(got[k] == 0.0f);
    for (int64_t s = 0; s < S; s++)
        for (int64_t c = 0; c < D; c++) {
            int64_t r = row[s];
            double sum = (double)first[r * D + c], size = fabs(sum);
            for (int64_t l = 1; l < L; l++) sum += (double)later[((l - 1) * N + r) * D + c], size += 1.0;
            for (int64_t e = ptr[r]; L > 0 && e < ptr[r + 1]; e++) {
                double term = (with_values ? (double)value[e] : 1.0) * (double)other[column[e] * D + c];
                sum += term, size += fabs(term);
            }
            double bound = (double)(ptr[r + 1] - ptr[r] + L + 2) * ROUNDING * size * (double)scale;
            rows_near((double)got[s * 2 * D + c], sum / (double)(L + 1), bound, "mean", s, c);
            assert_true(got[s * 2 * D + D + c] == first[r * D + c]);
        }
    free(ptr), free(column), free(row), free(value), free(first), free(later), free(other), free(out), free(got);
}

static void test_shapes(void **state)
{
    static const int64_t dims[] = { 1, 7, 8, 33, 64 };
    fixture f;
    fixture_open(&f, 2);
    for (int d = 0; d < 5; d++)
        for (int64_t L = 0; L < 5; L++) check(&f, 1 + 13 * (L % 3), 9, dims[d], L, (int)(d + L) % 2);
    check(&f, 2500, 300, 32, 3, 1);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
