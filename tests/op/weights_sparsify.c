/* weights_sparsify.c - the weights_sparsify kernel against a full sort of each column.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/weights_sparsify.h"

typedef struct entry {
    float weight;
    int64_t item;
} entry;

static int by_size(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (fabsf(x->weight) != fabsf(y->weight)) return fabsf(x->weight) > fabsf(y->weight) ? -1 : 1;
    return x->item < y->item ? -1 : 1;
}

/* B with all but the top_k largest entries of each column set to zero. */
static float *keep_largest(const float *full, int64_t n, int64_t top_k)
{
    float *B = case_floats(n * n);
    entry *column = case_array(n, sizeof *column);
    for (int64_t j = 0; j < n; j++) {
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++) {
            B[i * n + j] = 0.0f;
            if (case_weight(full, n, i, j) != 0.0f) column[count++] = (entry){ case_weight(full, n, i, j), i };
        }
        qsort(column, (size_t)count, sizeof *column, by_size);
        for (int64_t e = 0; e < count && e < top_k; e++) B[column[e].item * n + j] = column[e].weight;
    }
    free(column);
    return B;
}

static void check_shape(const fixture *f, int64_t n, int64_t top_k, int steps)
{
    float *full = case_symmetric(n, steps, (uint64_t)(n + top_k)), *data = case_serving(full, n);
    float *B = keep_largest(full, n, top_k);
    int64_t room = n * (top_k < n - 1 ? top_k : n - 1);
    for (int t = 0; t < case_thread_counts(); t++) {
        item_weights w = { .n_items = n };
        int64_t *row_ptr = case_array(n + 1, sizeof *row_ptr);
        int32_t *col = case_array(room, sizeof *col);
        float *val = case_floats(room);
        op_weights_sparsify o = { .op = { OP_WEIGHTS_SPARSIFY, sizeof o }, .precision = { n, SYMMETRIC_LINE, data },
                                  .top_k = top_k, .row_ptr = row_ptr, .col = col, .val = val };
        case_expect(f, &o.op, case_threads[t], 0);
        assert_true(row_ptr[0] == 0 && row_ptr[n] <= room);
        for (int64_t i = 0; i < n; i++)
            for (int64_t e = row_ptr[i]; e < row_ptr[i + 1]; e++) {
                assert_true(e == row_ptr[i] || col[e - 1] < col[e]);
                assert_true(val[e] != 0.0f);
            }
        w.row_ptr = row_ptr, w.col = col, w.val = val;
        float *got = case_spread(&w);
        case_same_floats(got, B, n * n, "weights");
        free(got);
        case_free_sparse_weights(&w);
    }
    free(B), free(data), free(full);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 3, 5, 31, 32, 33, 97, 150 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 9; s++)
        for (int steps = 0; steps < 4; steps++) { /* more steps, fewer ties; 0: none */
            int64_t n = sizes[s];
            check_shape(&f, n, 1, steps);
            check_shape(&f, n, n < 10 ? n : 10, steps);
            if (n > 1) check_shape(&f, n, n - 1, steps);
            check_shape(&f, n, n, steps);
        }
    fixture_close(&f);
    (void)state;
}

static void test_nothing_and_cancel(void **state)
{
    fixture f;
    error e;
    int64_t none[1] = { 5 };
    fixture_open(&f, 1);
    op_weights_sparsify o = { .op = { OP_WEIGHTS_SPARSIFY, sizeof o }, .precision = { 0, SYMMETRIC_LINE, NULL },
                              .top_k = 1, .row_ptr = none };
    case_expect(&f, &o.op, 2, 0);
    assert_true(none[0] == 0);
    float *full = case_symmetric(40, 0, 1), *data = case_serving(full, 40), *val = case_floats(40);
    int64_t *row_ptr = case_array(41, sizeof *row_ptr);
    int32_t *col = case_array(40, sizeof *col);
    o = (op_weights_sparsify){ .op = { OP_WEIGHTS_SPARSIFY, sizeof o }, .precision = { 40, 32, data }, .top_k = 1,
                               .row_ptr = row_ptr, .col = col, .val = val };
    assert_int_equal(case_run(&f, &o.op, 1, 0, 0, &e), RECSYS_ERR_INTERNAL);
    o.precision.tile = SYMMETRIC_LINE;
    for (int64_t at = 1; at <= case_questions(19); at += 3) assert_int_equal(case_run(&f, &o.op, 2, 1, at, &e), RECSYS_ERR_CANCELLED);
    free(col), free(row_ptr), free(val), free(data), free(full);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_nothing_and_cancel) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
