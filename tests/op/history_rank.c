/* history_rank.c - the history_rank kernels against a full sort: all paths, rungs and threads give the same lists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/history_rank.h"

typedef struct entry {
    float score;
    int32_t item;
} entry;

static int by_rank(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->item < y->item ? -1 : 1;
}

/* What is asked, and the answer: Q x k of the full sort. */
typedef struct question {
    int64_t Q, n, k;
    histories x;
    item_weights w;
    case_lists mask;
    uint8_t *excluded;
    float *scores;
    int32_t *items;
} question;

/* Sorts the candidates of each query by the rule of backend/op/rank.h. `all`: Q x n scores. */
static void answer(question *a, const float *all)
{
    entry *list = case_array(a->n, sizeof *list);
    a->scores = case_floats(a->Q * a->k), a->items = case_array(a->Q * a->k, sizeof(int32_t));
    for (int64_t q = 0; q < a->Q; q++) {
        int64_t count = 0, m = a->mask.ptr ? a->mask.ptr[q] : 0;
        for (int64_t j = 0; j < a->n; j++) {
            int masked = a->mask.ptr && m < a->mask.ptr[q + 1] && a->mask.item[m] == j;
            m += masked;
            if (masked || (a->excluded && a->excluded[j]) || isnan(all[q * a->n + j])) continue;
            list[count++] = (entry){ all[q * a->n + j], (int32_t)j };
        }
        qsort(list, (size_t)count, sizeof *list, by_rank);
        for (int64_t p = 0; p < a->k; p++) {
            a->scores[q * a->k + p] = p < count ? list[p].score : -INFINITY;
            a->items[q * a->k + p] = p < count ? list[p].item : -1;
        }
    }
    free(list);
}

/* Queries q0..q1-1 of the question in one call. */
static void ask(const fixture *f, const question *a, int64_t q0, int64_t q1, int32_t threads, int32_t simd)
{
    int64_t rows = q1 - q0;
    float *scores = case_floats(rows * a->k);
    int32_t *items = case_array(rows * a->k, sizeof *items);
    op_history_rank o = { .op = { OP_HISTORY_RANK, sizeof o },
                          .x = { a->x.ptr + q0, a->x.item, a->x.val },
                          .n_entries = a->x.ptr[q1] - a->x.ptr[q0],
                          .weights = a->w,
                          .to = { .n_queries = rows, .n_items = a->n, .k = a->k,
                                  .mask_ptr = a->mask.ptr ? a->mask.ptr + q0 : NULL, .mask_item = a->mask.item,
                                  .excluded = a->excluded, .items = items, .scores = scores } };
    case_expect(f, &o.op, threads, simd);
    for (int64_t e = 0; e < rows * a->k; e++) {
        int64_t at = q0 * a->k + e;
        if (items[e] != a->items[at] || scores[e] != a->scores[at])
            fail_msg("n=%lld k=%lld query %lld of %lld, place %lld: item %d score %a, want item %d score %a "
                     "(threads %d, simd %d)", (long long)a->n, (long long)a->k, (long long)(q0 + e / a->k),
                     (long long)rows, (long long)(e % a->k), items[e], (double)scores[e], a->items[at],
                     (double)a->scores[at], threads, simd);
    }
    free(items), free(scores);
}

/* All queries at once (by panels, if there are entries enough), in threes (by rows) and one by one. */
static void check(const fixture *f, question *a, const float *all)
{
    answer(a, all);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            ask(f, a, 0, a->Q, case_threads[t], simd);
            for (int64_t q = 0; q < a->Q; q += 3) ask(f, a, q, q + 3 < a->Q ? q + 3 : a->Q, case_threads[t], simd);
            if (t == 1)
                for (int64_t q = 0; q < a->Q; q++) ask(f, a, q, q + 1, case_threads[t], simd);
        }
    free(a->scores), free(a->items);
}

/* Both forms of weights, with and without mask and exclusion. */
static void check_shape(const fixture *f, int64_t n, int64_t Q, int64_t k, int steps, int with_values)
{
    uint64_t seed = (uint64_t)(n * 100 + k);
    float *full = case_symmetric(n, steps, seed), *data = case_serving(full, n), *all = case_floats(Q * n);
    if (steps > 0)
        for (int64_t i = 0, a = 0; i < n; i++, a = i / 4)
            full[i * n + i] = data[16 * (a * (a + 1) / 2 + a) + i % 4 * 5] = 2.0f; /* equal divisors: equal scores */
    case_lists l = case_random_lists(Q, n, n < 200 ? 0.1 : 3.0 / (double)n, seed);
    case_lists mask = case_random_lists(Q, n, 0.2, seed + 1);
    uint8_t *excluded = case_array(n, 1);
    for (int64_t j = 0; j < n; j++) excluded[j] = test_random_unit(&seed) < 0.1;
    question a = { .Q = Q, .n = n, .k = k, .x = { l.ptr, l.item, with_values ? l.val : NULL },
                   .w = { .n_items = n, .precision = { n, SYMMETRIC_LINE, data } } };
    double exact, bound;
    for (int64_t q = 0; q < Q; q++)
        for (int64_t j = 0; j < n; j++) all[q * n + j] = case_score(full, n, &a.x, q, j, &exact, &bound);
    check(f, &a, all);
    a.mask = mask;
    check(f, &a, all);
    a.excluded = excluded;
    check(f, &a, all);

    a.w = case_sparse_weights(full, n, 0.2, seed);
    float *B = case_spread(&a.w);
    for (int64_t q = 0; q < Q; q++)
        for (int64_t j = 0; j < n; j++) all[q * n + j] = case_sparse_score(B, n, &a.x, q, j);
    check(f, &a, all);
    case_free_sparse_weights(&a.w);
    case_free_lists(&l), case_free_lists(&mask);
    free(B), free(excluded), free(all), free(data), free(full);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 5, 31, 32, 33, 64, 97, 130, 300 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 10; s++)
        for (int with_values = 0; with_values < 2; with_values++) {
            int64_t n = sizes[s];
            check_shape(&f, n, 14, 1, 0, with_values);
            check_shape(&f, n, 14, n < 20 ? n : 20, 0, with_values);
            check_shape(&f, n, 6, n, 0, with_values); /* more places than candidates */
        }
    fixture_close(&f);
    (void)state;
}

static void test_ties(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    check_shape(&f, 300, 14, 10, 2, 0);
    check_shape(&f, 97, 14, 97, 1, 0);
    fixture_close(&f);
    (void)state;
}

/* More queries than are handed out at a time, more columns than a thread takes at a time. */
static void test_large(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    check_shape(&f, 33, 150, 5, 0, 1);
    check_shape(&f, 3111, 7, 30, 0, 0);
    fixture_close(&f);
    (void)state;
}

/* NaN never enters a list; infinite scores stand where they belong; everything masked leaves an empty list. */
static void test_odd_scores(void **state)
{
    int64_t n = 70, Q = 3;
    fixture f;
    fixture_open(&f, 1);
    float *full = case_symmetric(n, 0, 3), *all = case_floats(Q * n);
    int64_t ptr[4] = { 0, 2, 3, 4 };
    int32_t item[4] = { 10, 40, 40, 11 };
    for (int64_t j = 0; j < n; j++) full[10 * n + j] = full[j * n + 10] = j % 3 == 0 ? NAN : j == 10 ? 1.0f : 0.25f;
    full[40 * n + 20] = full[20 * n + 40] = INFINITY;
    full[40 * n + 21] = full[21 * n + 40] = -INFINITY;
    float *data = case_serving(full, n);
    question a = { .Q = Q, .n = n, .k = n, .x = { ptr, item, NULL },
                   .w = { .n_items = n, .precision = { n, SYMMETRIC_LINE, data } } };
    double exact, bound;
    for (int64_t q = 0; q < Q; q++)
        for (int64_t j = 0; j < n; j++) all[q * n + j] = case_score(full, n, &a.x, q, j, &exact, &bound);
    check(&f, &a, all);
    a.k = 5;
    check(&f, &a, all);
    a.excluded = case_array(n, 1);
    memset(a.excluded, 1, (size_t)n);
    check(&f, &a, all);
    a.excluded[33] = 0;
    check(&f, &a, all);
    free(a.excluded), free(data), free(all), free(full);
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    int64_t n = 200, Q = 40, k = 5;
    fixture f;
    error e;
    fixture_open(&f, 1);
    float *full = case_symmetric(n, 0, 1), *data = case_serving(full, n), *scores = case_floats(Q * k);
    int32_t *items = case_array(Q * k, sizeof *items);
    case_lists l = case_random_lists(Q, n, 0.1, 3);
    item_weights dense = { .n_items = n, .precision = { n, SYMMETRIC_LINE, data } };
    item_weights sparse = case_sparse_weights(full, n, 0.3, 1);
    op_history_rank o = { .op = { OP_HISTORY_RANK, sizeof o }, .x = { l.ptr, l.item, NULL },
                          .n_entries = l.ptr[Q], .weights = dense,
                          .to = { .n_queries = Q, .n_items = n, .k = k, .items = items, .scores = scores } };
    for (int t = 0; t < case_thread_counts(); t++) {
        o.weights = dense, o.to.n_queries = Q, o.n_entries = l.ptr[Q];
        assert_int_equal(case_run(&f, &o.op, case_threads[t], 1, case_questions(4), &e), RECSYS_ERR_CANCELLED);
        o.to.n_queries = 1, o.n_entries = l.ptr[1]; /* by rows */
        assert_int_equal(case_run(&f, &o.op, case_threads[t], 1, 1, &e), RECSYS_ERR_CANCELLED);
        o.weights = sparse, o.to.n_queries = Q, o.n_entries = l.ptr[Q];
        assert_int_equal(case_run(&f, &o.op, case_threads[t], 1, case_questions(4), &e), RECSYS_ERR_CANCELLED);
        o.to.n_queries = 0, o.n_entries = 0;
        assert_int_equal(case_run(&f, &o.op, case_threads[t], 1, 1, &e), RECSYS_OK);
    }
    case_free_sparse_weights(&sparse);
    case_free_lists(&l);
    free(items), free(scores), free(data), free(full);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes), cmocka_unit_test(test_ties),
                                        cmocka_unit_test(test_large), cmocka_unit_test(test_odd_scores),
                                        cmocka_unit_test(test_cancel) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
