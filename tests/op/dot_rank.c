/* dot_rank.c - the dot_rank kernels against a full sort: all rungs, threads and cuts of the work give the same lists.
 *
 * The contract fixes the bits of a score, so the oracle has them too: a chain of fmaf() over the columns. That this chain
 * is near to the exact product is tested in dot_score.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/dot_rank.h"

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
    int64_t Q, n, dim, k;
    float *users, *items;
    case_lists mask; /* ptr NULL: none */
    uint8_t *excluded;
    float *best;
    int32_t *best_item;
} question;

static void answer(question *a)
{
    entry *list = case_array(a->n, sizeof *list);
    a->best = case_floats(a->Q * a->k), a->best_item = case_array(a->Q * a->k, sizeof(int32_t));
    for (int64_t q = 0; q < a->Q; q++) {
        int64_t count = 0, m = a->mask.ptr ? a->mask.ptr[q] : 0;
        for (int64_t i = 0; i < a->n; i++) {
            int masked = a->mask.ptr && m < a->mask.ptr[q + 1] && a->mask.item[m] == i;
            m += masked;
            if (masked || (a->excluded && a->excluded[i])) continue;
            float sum = 0.0f;
            for (int64_t c = 0; c < a->dim; c++) sum = fmaf(a->users[q * a->dim + c], a->items[i * a->dim + c], sum);
            if (!isnan(sum)) list[count++] = (entry){ sum, (int32_t)i };
        }
        qsort(list, (size_t)count, sizeof *list, by_rank);
        for (int64_t p = 0; p < a->k; p++) {
            a->best[q * a->k + p] = p < count ? list[p].score : -INFINITY;
            a->best_item[q * a->k + p] = p < count ? list[p].item : -1;
        }
    }
    free(list);
}

static op_dot_rank descriptor(const question *a, int64_t q0, int64_t q1, int32_t *items, float *scores)
{
    return (op_dot_rank){ .op = { OP_DOT_RANK, sizeof(op_dot_rank) },
                          .dim = a->dim,
                          .users = a->users + q0 * a->dim,
                          .items = a->items,
                          .to = { .n_queries = q1 - q0, .n_items = a->n, .k = a->k,
                                  .mask_ptr = a->mask.ptr ? a->mask.ptr + q0 : NULL, .mask_item = a->mask.item,
                                  .excluded = a->excluded, .items = items, .scores = scores } };
}

/* Queries q0..q1-1 of the question in one call. */
static void ask(const fixture *f, const question *a, int64_t q0, int64_t q1, int32_t threads, int32_t simd)
{
    int64_t rows = q1 - q0;
    float *scores = case_floats(rows * a->k);
    int32_t *items = case_array(rows * a->k, sizeof *items);
    op_dot_rank o = descriptor(a, q0, q1, items, scores);
    case_expect(f, &o.op, threads, simd);
    for (int64_t e = 0; e < rows * a->k; e++) {
        int64_t at = q0 * a->k + e;
        if (items[e] != a->best_item[at] || scores[e] != a->best[at])
            fail_msg("I=%lld D=%lld k=%lld query %lld of %lld, place %lld: item %d score %a, want item %d score %a "
                     "(threads %d, simd %d)", (long long)a->n, (long long)a->dim, (long long)a->k,
                     (long long)(q0 + e / a->k), (long long)rows, (long long)(e % a->k), items[e], (double)scores[e],
                     a->best_item[at], (double)a->best[at], threads, simd);
    }
    free(items), free(scores);
}

/* All queries at once, the first few, and one, with every rung and number of threads. */
static void check(const fixture *f, question *a)
{
    answer(a);
    for (int t = 0; t < CASE_THREADS; t++)
        for (int32_t simd = 0; simd < CASE_RUNGS; simd++) {
            ask(f, a, 0, a->Q, case_threads[t], simd);
            if (a->Q > 7) ask(f, a, 1, 7, case_threads[t], simd);
            if (a->Q > 1) ask(f, a, 1, 2, case_threads[t], simd);
        }
    free(a->best), free(a->best_item);
}

/* Elements in -1..1; `steps` > 0: multiples of 1 / steps, so that many scores are equal. */
static float *vectors(int64_t rows, int64_t dim, int steps, uint64_t seed)
{
    float *x = case_floats(rows * dim);
    for (int64_t e = 0; e < rows * dim; e++) {
        double value = 2.0 * test_random_unit(&seed) - 1.0;
        x[e] = (float)(steps > 0 ? floor(value * steps) / steps : value);
    }
    return x;
}

static void check_shape(const fixture *f, int64_t Q, int64_t n, int64_t dim, int64_t k, int steps)
{
    uint64_t seed = (uint64_t)(n * 1000 + dim * 10 + k);
    question a = { .Q = Q, .n = n, .dim = dim, .k = k < n ? k : n,
                   .users = vectors(Q, dim, steps, seed), .items = vectors(n, dim, steps, seed + 1) };
    check(f, &a);
    a.mask = case_random_lists(Q, n, 0.2, seed + 2);
    check(f, &a);
    a.excluded = case_array(n, 1);
    for (int64_t i = 0; i < n; i++) a.excluded[i] = test_random_unit(&seed) < 0.4;
    check(f, &a);
    case_free_lists(&a.mask);
    a.mask = (case_lists){ 0 };
    check(f, &a);
    free(a.excluded), free(a.users), free(a.items);
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 15, 16, 17, 31, 32, 33, 97, 300 }, queries[] = { 1, 2, 6, 7, 12, 13, 33 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < 10; s++)
        for (int q = 0; q < 7; q++) {
            check_shape(&f, queries[q], sizes[s], 1 + (s * 7 + q) % 5, 10, 0);
            check_shape(&f, queries[q], sizes[s], 3, sizes[s], 0); /* more places than candidates */
        }
    static const int64_t dims[] = { 1, 2, 31, 32, 33, 64, 127 };
    for (int d = 0; d < 7; d++) check_shape(&f, 101, 257, dims[d], 20, 0);
    fixture_close(&f);
    (void)state;
}

static void test_ties(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int steps = 1; steps <= 2; steps++) {
        check_shape(&f, 110, 400, 2, 30, steps);
        check_shape(&f, 13, 1500, 1, 100, steps);
        check_shape(&f, 7, 700, 3, 700, steps);
    }
    fixture_close(&f);
    (void)state;
}

/* Popularity: one column, whole numbers in any order, equal users. Floors rise with every item, or never. */
static void test_one_column(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int order = 0; order < 3; order++) {
        question a = { .Q = 100, .n = 1201, .dim = 1, .k = 50, .users = case_floats(100), .items = case_floats(1201) };
        for (int64_t q = 0; q < a.Q; q++) a.users[q] = 1.0f;
        for (int64_t i = 0; i < a.n; i++) a.items[i] = (float)(order == 0 ? i : order == 1 ? a.n - i : 7);
        a.mask = case_random_lists(a.Q, a.n, 0.1, 5);
        check(&f, &a);
        case_free_lists(&a.mask);
        free(a.users), free(a.items);
    }
    fixture_close(&f);
    (void)state;
}

/* NaN and infinities among users and items, also next to each other in a tile. */
static void test_special_values(void **state)
{
    static const float special[] = { NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 0x1p-149f, 0x1.fffffep127f };
    fixture f;
    fixture_open(&f, 1);
    for (uint64_t seed = 1; seed < 6; seed++) {
        uint64_t random = seed;
        question a = { .Q = 100, .n = 211, .dim = 2, .k = 40, .users = vectors(100, 2, 0, seed),
                       .items = vectors(211, 2, 0, seed + 9) };
        for (int n = 0; n < 40; n++) a.items[test_random(&random) % 422] = special[test_random(&random) % 7];
        for (int n = 0; n < 20; n++) a.users[test_random(&random) % 200] = special[test_random(&random) % 7];
        a.mask = case_random_lists(a.Q, a.n, 0.3, seed);
        check(&f, &a);
        case_free_lists(&a.mask);
        free(a.users), free(a.items);
    }
    fixture_close(&f);
    (void)state;
}

/* A copy of the items this large is packed in more than one piece. */
static void test_pieces(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    int64_t dim = 20000, n = 700;
    question a = { .Q = 14, .n = n, .dim = dim, .k = 5, .users = vectors(14, dim, 0, 1), .items = vectors(n, dim, 0, 2) };
    a.mask = case_random_lists(a.Q, n, 0.05, 3);
    answer(&a);
    for (int t = 0; t < CASE_THREADS; t += 2)
        for (int32_t simd = 1; simd < CASE_RUNGS; simd++) ask(&f, &a, 0, a.Q, case_threads[t], simd);
    ask(&f, &a, 0, a.Q, 2, 0);
    free(a.best), free(a.best_item);
    case_free_lists(&a.mask);
    free(a.users), free(a.items);
    fixture_close(&f);
    (void)state;
}

/* Nobody asks; nothing may be had; everything is masked. */
static void test_nothing(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int64_t Q = 0; Q <= 100; Q += 50) {
        question a = { .Q = Q, .n = 40, .dim = 3, .k = 4, .users = vectors(100, 3, 0, 1), .items = vectors(40, 3, 0, 2) };
        a.excluded = case_array(40, 1);
        memset(a.excluded, 1, 40);
        check(&f, &a);
        free(a.excluded);
        a.excluded = NULL;
        a.mask = case_random_lists(Q, 40, 1.1, 1);
        check(&f, &a);
        case_free_lists(&a.mask);
        free(a.users), free(a.items);
    }
    fixture_close(&f);
    (void)state;
}

static void test_bad_width(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    float x = 0.0f;
    int32_t item;
    op_dot_rank o = { .op = { OP_DOT_RANK, sizeof o }, .dim = 0, .users = &x, .items = &x,
                      .to = { .n_queries = 1, .n_items = 1, .k = 1, .items = &item, .scores = &x } };
    error e;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int64_t Q = 5; Q <= 500; Q += 495)
        for (int32_t threads = 1; threads <= 3; threads += 2) {
            question a = { .Q = Q, .n = 3000, .dim = 8, .k = 10, .users = vectors(Q, 8, 0, 1),
                           .items = vectors(3000, 8, 0, 2) };
            float *scores = case_floats(Q * a.k);
            int32_t *items = case_array(Q * a.k, sizeof *items);
            op_dot_rank o = descriptor(&a, 0, Q, items, scores);
            error e;
            for (int64_t at = 1; at <= 4; at++) {
                assert_int_equal(case_run(&f, &o.op, threads, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
                assert_non_null(strstr(e.message, "cancelled"));
            }
            free(scores), free(items), free(a.users), free(a.items);
        }
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes), cmocka_unit_test(test_ties),   cmocka_unit_test(test_one_column),
        cmocka_unit_test(test_pieces), cmocka_unit_test(test_nothing), cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_cancel), cmocka_unit_test(test_bad_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
