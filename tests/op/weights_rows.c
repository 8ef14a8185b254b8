/* weights_rows.c - the weights_rows kernel: rows of B from P and from sparse weights, bit for bit and within its bound.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/weights_rows.h"

static void check_rows(const fixture *f, const item_weights *w, const int32_t *rows, int64_t n_rows, const float *B)
{
    int64_t n = w->n_items;
    float *want = case_floats(n_rows * n);
    for (int64_t r = 0; r < n_rows; r++)
        for (int64_t j = 0; j < n; j++) want[r * n + j] = B[rows[r] * n + j];
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            float *out = case_floats(n_rows * n);
            op_weights_rows o = { .op = { OP_WEIGHTS_ROWS, sizeof o }, .weights = *w, .n_rows = n_rows, .rows = rows,
                                  .out = out };
            case_expect(f, &o.op, case_threads[t], simd);
            case_same_floats(out, want, n_rows * n, "rows");
            free(out);
        }
    free(want);
}

static void check_shape(const fixture *f, int64_t n, int64_t n_rows)
{
    uint64_t seed = (uint64_t)n;
    float *full = case_symmetric(n, 0, seed), *data = case_serving(full, n), *B = case_floats(n * n);
    int32_t *rows = case_array(n_rows, sizeof *rows);
    for (int64_t r = 0; r < n_rows; r++) rows[r] = (int32_t)(test_random(&seed) % (uint64_t)n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double want = i == j ? 0.0 : -(double)full[i * n + j] / (double)full[j * n + j];
            B[i * n + j] = case_weight(full, n, i, j);
            assert_true(fabs((double)B[i * n + j] - want) <= 2.0 * ROUNDING * (1.0 + ROUNDING) * fabs(want));
        }
    item_weights dense = { .n_items = n, .precision = { n, SYMMETRIC_LINE, data } };
    check_rows(f, &dense, rows, n_rows, B);
    item_weights sparse = case_sparse_weights(full, n, 0.3, seed);
    float *spread = case_spread(&sparse);
    check_rows(f, &sparse, rows, n_rows, spread);
    case_free_sparse_weights(&sparse);
    free(spread), free(rows), free(B), free(data), free(full);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 3, 4, 5, 31, 32, 33, 97, 257 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 10; s++) {
        check_shape(&f, sizes[s], 0);
        check_shape(&f, sizes[s], 1);
        check_shape(&f, sizes[s], 9);
    }
    check_shape(&f, 3111, 2); /* more columns than a thread takes at a time */
    fixture_close(&f);
    (void)state;
}

static void test_wrong_layout_and_cancel(void **state)
{
    fixture f;
    error e;
    fixture_open(&f, 1);
    float *full = case_symmetric(40, 0, 1), *data = case_serving(full, 40), *out = case_floats(400);
    int32_t rows[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    item_weights w = { .n_items = 40, .precision = { 40, 128, data } };
    op_weights_rows o = { .op = { OP_WEIGHTS_ROWS, sizeof o }, .weights = w, .n_rows = 10, .rows = rows, .out = out };
    assert_int_equal(case_run(&f, &o.op, 1, 0, 0, &e), RECSYS_ERR_INTERNAL);
    o.weights.precision.tile = SYMMETRIC_LINE;
    assert_int_equal(case_run(&f, &o.op, 2, 1, case_questions(3), &e), RECSYS_ERR_CANCELLED);
    free(out), free(data), free(full);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_wrong_layout_and_cancel) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
