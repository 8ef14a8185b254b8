/* filter_rank.c - the filter_rank kernel against a full sort of the scores of its contract: few and many queries, sparse graphs
 * and such in which queries hop side by side, ties, masks, excluded items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "filter_case.h"

#include "backend/op/filter_rank.h"

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

typedef struct question {
    filter_case c;
    case_lists lists;
    histories x;
    int64_t Q, k;
    const case_lists *mask; /* NULL: none */
    uint8_t *excluded;
} question;

static void answer(const question *a, float *best, int32_t *best_item)
{
    int64_t I = a->c.f.n_items;
    float *score = case_floats(I);
    double *exact = case_array(I, sizeof *exact), *bound = case_array(I, sizeof *bound);
    entry *list = case_array(I, sizeof *list);
    for (int64_t q = 0; q < a->Q; q++) {
        int64_t count = 0, m = a->mask ? a->mask->ptr[q] : 0;
        filter_scores(&a->c.f, &a->x, q, score, exact, bound);
        for (int64_t i = 0; i < I; i++) {
            int masked = a->mask && m < a->mask->ptr[q + 1] && a->mask->item[m] == i;
            m += masked;
            if (!masked && !(a->excluded && a->excluded[i])) list[count++] = (entry){ score[i] + 0.0f, (int32_t)i };
        }
        qsort(list, (size_t)count, sizeof *list, by_rank);
        for (int64_t p = 0; p < a->k; p++) {
            best[q * a->k + p] = p < count ? list[p].score : -INFINITY;
            best_item[q * a->k + p] = p < count ? list[p].item : -1;
        }
    }
    free(score), free(exact), free(bound), free(list);
}

static void check(const fixture *f, const question *a)
{
    int64_t n = a->Q * a->k;
    float *scores = case_floats(n), *best = case_floats(n);
    int32_t *items = case_array(n, sizeof *items), *best_item = case_array(n, sizeof *best_item);
    answer(a, best, best_item);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            op_filter_rank o = { .op = { OP_FILTER_RANK, sizeof o }, .x = a->x, .f = a->c.f,
                                 .to = { .n_queries = a->Q, .n_items = a->c.f.n_items, .k = a->k,
                                         .mask_ptr = a->mask ? a->mask->ptr : NULL,
                                         .mask_item = a->mask ? a->mask->item : NULL, .excluded = a->excluded, .items = items,
                                         .scores = scores } };
            case_expect(f, &o.op, case_threads[t], simd);
            case_same_floats(scores, best, n, "score of a list");
            assert_memory_equal(items, best_item, (size_t)n * sizeof *items);
        }
    free(scores), free(best), free(items), free(best_item);
}

static void check_shape(const fixture *f, int64_t Q, const int64_t size[3], double share, int with_values, int64_t k)
{
    int64_t U = size[0], I = size[1];
    uint64_t seed = (uint64_t)(Q + U + 100 * I);
    question a = { .c = filter_open(U, I, size[2], share, with_values, seed), .lists = case_random_lists(Q, I, 0.15, seed + 1),
                   .Q = Q,
                   .k = k < I ? k : I };
    a.x = (histories){ a.lists.ptr, a.lists.item, with_values ? a.lists.val : NULL };
    check(f, &a);
    a.mask = &a.lists;
    a.excluded = case_array(I, 1);
    for (int64_t i = 0; i < I; i++) a.excluded[i] = test_random_unit(&seed) < 0.3;
    check(f, &a);
    case_free_lists(&a.lists);
    filter_close(&a.c);
    free(a.excluded);
}

/* Without values many scores are equal. `share` 0.7: most entries are read for each query. */
static void test_shapes(void **state)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 40, 31, 4 }, { 70, 129, 7 }, { 33, 300, 0 } };
    static const int64_t queries[] = { 0, 1, 8, 9, 50 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 4; s++)
        for (int q = 0; q < 5; q++) {
            check_shape(&f, queries[q], sizes[s], 0.03, q % 2, 5);
            check_shape(&f, queries[q], sizes[s], 0.7, (q + 1) % 2, 40);
        }
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    float scores[60];
    int32_t items[60];
    fixture_open(&f, 1);
    filter_case c = filter_open(20, 40, 3, 0.5, 0, 3);
    case_lists lists = case_random_lists(20, 40, 0.5, 4);
    for (int64_t Q = 2; Q <= 20; Q += 18) {
        op_filter_rank o = { .op = { OP_FILTER_RANK, sizeof o }, .x = { lists.ptr, lists.item, NULL }, .f = c.f,
                             .to = { .n_queries = Q, .n_items = 40, .k = 3, .items = items, .scores = scores } };
        error e;
        assert_int_equal(case_run(&f, &o.op, 1, CASE_RUNGS, 1, &e), RECSYS_ERR_CANCELLED);
        assert_non_null(strstr(e.message, "cancelled"));
    }
    case_free_lists(&lists);
    filter_close(&c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
