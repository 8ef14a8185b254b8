/* rows_rank.c - the rows_rank kernel against a full sort: ties, masks, excluded items, NaN, sizes around the width of a step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/rows_rank.h"

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
    int64_t Q, n, k;
    float *rows;
    case_lists mask; /* ptr NULL: none */
    uint8_t *excluded;
} question;

/* The k first of row q by sorting all of it. */
static void answer(const question *a, int64_t q, entry *list, float *best, int32_t *best_item)
{
    int64_t count = 0, m = a->mask.ptr ? a->mask.ptr[q] : 0;
    for (int64_t i = 0; i < a->n; i++) {
        int masked = a->mask.ptr && m < a->mask.ptr[q + 1] && a->mask.item[m] == i;
        m += masked;
        if (!masked && !(a->excluded && a->excluded[i]) && !isnan(a->rows[q * a->n + i]))
            list[count++] = (entry){ a->rows[q * a->n + i], (int32_t)i };
    }
    qsort(list, (size_t)count, sizeof *list, by_rank);
    for (int64_t p = 0; p < a->k; p++) {
        best[p] = p < count ? list[p].score + 0.0f : -INFINITY;
        best_item[p] = p < count ? list[p].item : -1;
    }
}

static op_rows_rank descriptor(const question *a, int32_t *items, float *scores)
{
    return (op_rows_rank){ .op = { OP_ROWS_RANK, sizeof(op_rows_rank) },
                           .rows = a->rows,
                           .to = { .n_queries = a->Q, .n_items = a->n, .k = a->k, .mask_ptr = a->mask.ptr,
                                   .mask_item = a->mask.item, .excluded = a->excluded, .items = items, .scores = scores } };
}

static void check(const fixture *f, const question *a)
{
    float *scores = case_floats(a->Q * a->k), *best = case_floats(a->k);
    int32_t *items = case_array(a->Q * a->k, sizeof *items), *best_item = case_array(a->k, sizeof *best_item);
    entry *list = case_array(a->n, sizeof *list);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            op_rows_rank o = descriptor(a, items, scores);
            case_expect(f, &o.op, case_threads[t], simd);
            for (int64_t q = 0; q < a->Q; q++) {
                answer(a, q, list, best, best_item);
                case_same_floats(scores + q * a->k, best, a->k, "score of a list");
                assert_memory_equal(items + q * a->k, best_item, (size_t)a->k * sizeof *items);
            }
        }
    free(scores), free(best), free(items), free(best_item), free(list);
}

/* `steps` > 0: multiples of 1 / steps, so that many scores are equal; special values here and there. */
static void check_shape(const fixture *f, int64_t Q, int64_t n, int64_t k, int steps)
{
    static const float special[] = { NAN, INFINITY, -INFINITY, 0.0f, -0.0f };
    uint64_t seed = (uint64_t)(Q + 100 * n + 10000 * k);
    question a = { .Q = Q, .n = n, .k = k < n ? k : n, .rows = case_floats(Q * n) };
    for (int64_t e = 0; e < Q * n; e++) {
        double value = 2.0 * test_random_unit(&seed) - 1.0;
        a.rows[e] = (float)(steps > 0 ? floor(value * steps) / steps : value);
        if (e % 17 == 3) a.rows[e] = special[e / 17 % 5];
    }
    check(f, &a);
    a.mask = case_random_lists(Q, n, 0.3, seed);
    check(f, &a);
    a.excluded = case_array(n, 1);
    for (int64_t i = 0; i < n; i++) a.excluded[i] = test_random_unit(&seed) < 0.5;
    check(f, &a);
    case_free_lists(&a.mask);
    a.mask = (case_lists){ 0 };
    check(f, &a);
    free(a.excluded), free(a.rows);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 31, 32, 33, 64, 97, 800 }, queries[] = { 0, 1, 2, 31, 33 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 8; s++)
        for (int q = 0; q < 5; q++) {
            check_shape(&f, queries[q], sizes[s], 1, 0);
            check_shape(&f, queries[q], sizes[s], 10, 3);
            check_shape(&f, queries[q], sizes[s], sizes[s], q % 2);
        }
    fixture_close(&f);
    (void)state;
}

/* Each score better than all before it, enough of them for more than one thread. */
static void test_ascending(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    question a = { .Q = 9, .n = 20000, .k = 50, .rows = case_floats(9 * 20000) };
    for (int64_t e = 0; e < a.Q * a.n; e++) a.rows[e] = (float)e;
    check(&f, &a);
    free(a.rows);
    fixture_close(&f);
    (void)state;
}

/* So many places that the candidates are many more than a page: ascending scores, and any with many equal ones. */
static void test_long_lists(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int order = 0; order < 2; order++) {
        uint64_t random = 7;
        question a = { .Q = 2, .n = 20000, .k = 2900, .rows = case_floats(2 * 20000) };
        for (int64_t e = 0; e < a.Q * a.n; e++) a.rows[e] = order ? (float)(test_random(&random) % 5000) : (float)e;
        a.mask = case_random_lists(a.Q, a.n, 0.3, 1);
        check(&f, &a);
        case_free_lists(&a.mask);
        free(a.rows);
    }
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    question a = { .Q = 40, .n = 5000, .k = 5, .rows = case_floats(40 * 5000) };
    float scores[200];
    int32_t items[200];
    memset(a.rows, 0, (size_t)(a.Q * a.n) * sizeof *a.rows);
    op_rows_rank o = descriptor(&a, items, scores);
    for (int32_t threads = 1; threads <= 3; threads += 2)
        for (int64_t at = 1; at <= case_questions(4); at++) {
            error e;
            assert_int_equal(case_run(&f, &o.op, threads, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
            assert_non_null(strstr(e.message, "cancelled"));
        }
    free(a.rows);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_ascending),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
