/* history_score.c - the history_score kernels: the chain of the contract bit for bit, and its bound against double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/history_score.h"

static op_history_score score_of(const item_weights *w, const histories *x, int64_t Q, const case_lists *at,
                                 float *out)
{
    return (op_history_score){ .op = { OP_HISTORY_SCORE, sizeof(op_history_score) }, .x = *x, .weights = *w,
                               .at = { .n_queries = Q, .n_items = w->n_items, .ptr = at ? at->ptr : NULL,
                                       .item = at ? at->item : NULL, .out = out } };
}

/* Runs at all items and at lists, on all rungs and threads, and compares with `want`, Q x n. */
static void check_scores(const fixture *f, const item_weights *w, const histories *x, int64_t Q, const float *want)
{
    int64_t n = w->n_items;
    case_lists at = case_random_lists(Q, n, 0.3, 99);
    for (int64_t e = 1; e < at.ptr[Q]; e += 3) { /* any order, and twice */
        int32_t swap = at.item[e];
        at.item[e] = at.item[e - 1], at.item[e - 1] = swap;
        if (e % 2) at.item[e] = at.item[e - 1];
    }
    float *listed = case_floats(at.ptr[Q]);
    for (int64_t q = 0; q < Q; q++)
        for (int64_t e = at.ptr[q]; e < at.ptr[q + 1]; e++) listed[e] = want[q * n + at.item[e]];
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            float *out = case_floats(Q * n);
            op_history_score all = score_of(w, x, Q, NULL, out);
            case_expect(f, &all.op, case_threads[t], simd);
            case_same_floats(out, want, Q * n, "all items");
            free(out);
            out = case_floats(at.ptr[Q]);
            op_history_score some = score_of(w, x, Q, &at, out);
            case_expect(f, &some.op, case_threads[t], simd);
            case_same_floats(out, listed, at.ptr[Q], "listed items");
            free(out);
        }
    free(listed);
    case_free_lists(&at);
}

static void check_shape(const fixture *f, int64_t n, int64_t Q, int with_values)
{
    float *full = case_symmetric(n, 0, (uint64_t)n), *want = case_floats(Q * n), *data = case_serving(full, n);
    case_lists l = case_random_lists(Q, n, 0.2, (uint64_t)(n + Q));
    histories x = { l.ptr, l.item, with_values ? l.val : NULL };
    for (int64_t q = 0; q < Q; q++)
        for (int64_t j = 0; j < n; j++) {
            double exact, bound;
            want[q * n + j] = case_score(full, n, &x, q, j, &exact, &bound);
            assert_true(fabs((double)want[q * n + j] - exact) <= bound);
            assert_false(want[q * n + j] == 0.0f && signbit(want[q * n + j]));
        }
    item_weights dense = { .n_items = n, .precision = { n, SYMMETRIC_LINE, data } };
    check_scores(f, &dense, &x, Q, want);

    item_weights sparse = case_sparse_weights(full, n, 0.3, (uint64_t)n);
    float *B = case_spread(&sparse);
    for (int64_t q = 0; q < Q; q++)
        for (int64_t j = 0; j < n; j++) want[q * n + j] = case_sparse_score(B, n, &x, q, j);
    check_scores(f, &sparse, &x, Q, want);
    case_free_sparse_weights(&sparse);
    case_free_lists(&l);
    free(B), free(data), free(want), free(full);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 3, 4, 5, 31, 32, 33, 97, 200 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 10; s++)
        for (int with_values = 0; with_values < 2; with_values++) {
            check_shape(&f, sizes[s], 0, with_values);
            check_shape(&f, sizes[s], 1, with_values);
            check_shape(&f, sizes[s], 11, with_values);
        }
    fixture_close(&f);
    (void)state;
}

/* More columns than a thread takes at a time. */
static void test_several_chunks(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    check_shape(&f, 3111, 2, 1);
    fixture_close(&f);
    (void)state;
}

static void test_wrong_layout_and_cancel(void **state)
{
    fixture f;
    error e;
    fixture_open(&f, 1);
    float *full = case_symmetric(40, 0, 1), *data = case_serving(full, 40), *out = case_floats(400);
    case_lists l = case_random_lists(10, 40, 0.2, 3);
    histories x = { l.ptr, l.item, NULL };
    item_weights w = { .n_items = 40, .precision = { 40, 32, data } };
    op_history_score o = score_of(&w, &x, 10, NULL, out);
    assert_int_equal(case_run(&f, &o.op, 1, 0, 0, &e), RECSYS_ERR_INTERNAL);
    o.weights.precision.tile = SYMMETRIC_LINE;
    assert_int_equal(case_run(&f, &o.op, 2, 1, case_questions(3), &e), RECSYS_ERR_CANCELLED);
    case_free_lists(&l);
    free(out), free(data), free(full);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_several_chunks),
                                        cmocka_unit_test(test_wrong_layout_and_cancel) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
