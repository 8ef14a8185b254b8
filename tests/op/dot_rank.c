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
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
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
        for (int q = 0; q < 7; q += case_rungs() == 1 ? 2 : 1) {
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

/* ---- shapes for which coarse products come first: many queries, many more items than places ---- */

/* What is done to random vectors of more than 100 times as many items as places. */
enum { PLAIN, TIES, NEAR_TIES, ZERO_USERS, SPECIAL_USERS, SPECIAL_ITEM, HUGE_ITEM, TINY_ITEMS, HUGE_NUMBERS, SMALL_NUMBERS,
       EQUAL_USERS, ASCENDING, KINDS };

static void scale(float *x, int64_t n, float factor)
{
    for (int64_t e = 0; e < n; e++) x[e] *= factor;
}

static void change(const question *a, int kind)
{
    static const float special[] = { NAN, INFINITY, -INFINITY, 0.0f, 0x1p-149f, 0x1.fffffep127f };
    int64_t D = a->dim;
    switch (kind) {
    case NEAR_TIES: /* more than fill a list, and nearer to each other than coarse products can tell */
        for (int64_t i = 0; i < a->n; i += 70)
            for (int64_t c = 0; c < D; c++)
                a->items[i * D + c] = (c % 2 ? 2.0f : -2.0f) * (1.0f + (float)((i + c) % 13) * 0x1p-20f);
        break;
    case ZERO_USERS:
        for (int64_t q = 0; q < a->Q; q += 7) scale(a->users + q * D, D, 0.0f);
        break;
    case SPECIAL_USERS:
        for (int64_t q = 0; q < a->Q; q += 3) a->users[q * D + q % D] = special[q % 6];
        break;
    case SPECIAL_ITEM: a->items[5 * D] = NAN, a->items[9 * D] = INFINITY; break;
    case HUGE_ITEM: scale(a->items + 77 * D, D, 1e4f); break;
    case TINY_ITEMS: scale(a->items + 10 * D, (a->n - 10) * D, 1e-3f); break;
    case HUGE_NUMBERS: scale(a->items, a->n * D, 1e30f); break;
    case SMALL_NUMBERS: scale(a->items, a->n * D, 1e-15f), scale(a->users, a->Q * D, 1e-12f); break;
    case EQUAL_USERS:
        for (int64_t e = D; e < a->Q * D; e++) a->users[e] = a->users[e - D];
        break;
    case ASCENDING: /* each item better than all before it */
        for (int64_t i = 0; i < a->n; i++) a->items[i * D] = (float)i / 100.0f;
        for (int64_t q = 0; q < a->Q; q++) a->users[q * D] = 1.0f;
        break;
    default: break;
    }
}

static void check_coarse(const fixture *f, int64_t n, int64_t dim, int64_t k, int kind)
{
    enum { Q = 130 };
    uint64_t seed = (uint64_t)(n + dim + k + kind);
    int steps = kind == TIES ? 1 : 0;
    question a = { .Q = Q, .n = n, .dim = dim, .k = k, .users = vectors(Q, dim, steps, seed),
                   .items = vectors(n, dim, steps, seed + 1) };
    change(&a, kind);
    a.mask = case_random_lists(Q, n, 0.02, seed + 2);
    check(f, &a);
    a.excluded = case_array(n, 1);
    for (int64_t i = 0; i < n; i++) a.excluded[i] = test_random_unit(&seed) < 0.1;
    check(f, &a);
    case_free_lists(&a.mask);
    free(a.excluded), free(a.users), free(a.items);
}

static void test_coarse(void **state)
{
    if (case_rungs() == 1) return; /* a device has no coarse products */
    fixture f;
    fixture_open(&f, 1);
    for (int kind = 0; kind < KINDS; kind++) check_coarse(&f, 1001, 17, 8, kind);
    check_coarse(&f, 2000, 8, 20, PLAIN);
    check_coarse(&f, 1599, 33, 1, PLAIN);
    check_coarse(&f, 400, 200, 3, PLAIN);
    fixture_close(&f);
    (void)state;
}

/* When most users fail, coarse products are given up for the rest. */
static void test_coarse_given_up(void **state)
{
    if (case_rungs() == 1) return;
    fixture f;
    fixture_open(&f, 1);
    question a = { .Q = 900, .n = 300, .dim = 16, .k = 3, .users = vectors(900, 16, 0, 1), .items = vectors(300, 16, 0, 2) };
    for (int64_t q = 0; q < a.Q; q++)
        if (q % 5) scale(a.users + q * 16, 16, 0.0f);
    check(&f, &a);
    free(a.users), free(a.items);
    fixture_close(&f);
    (void)state;
}

/* Coarse products of a catalogue that is packed in more than one piece; some users fail in the first, some later. */
static void test_coarse_pieces(void **state)
{
    if (case_rungs() == 1) return;
    fixture f;
    fixture_open(&f, 1);
    int64_t dim = 512, n = 16384 + 700;
    question a = { .Q = 100, .n = n, .dim = dim, .k = 5, .users = vectors(100, dim, 0, 1), .items = vectors(n, dim, 0, 2) };
    for (int64_t c = 0; c < dim; c++) a.users[3 * dim + c] = 0.0f;
    for (int64_t i = n - 300; i < n; i++)
        for (int64_t c = 0; c < dim; c++) a.items[i * dim + c] = a.users[7 * dim + c] * (1.0f + (float)(i % 13) * 0x1p-20f);
    a.mask = case_random_lists(a.Q, n, 0.01, 3);
    answer(&a);
    ask(&f, &a, 0, a.Q, 1, CASE_RUNGS);
    ask(&f, &a, 0, a.Q, 3, CASE_RUNGS);
    free(a.best), free(a.best_item);
    case_free_lists(&a.mask);
    free(a.users), free(a.items);
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
    for (int t = 0; t < case_thread_counts(); t += 2)
        for (int32_t simd = 1; simd < case_rungs(); simd++) ask(&f, &a, 0, a.Q, case_threads[t], simd);
    ask(&f, &a, 0, a.Q, 2, 0);
    free(a.best), free(a.best_item);
    case_free_lists(&a.mask);
    free(a.users), free(a.items);
    fixture_close(&f);
    (void)state;
}

/* So many items that a device takes them in more than one panel: lists go on from one to the next. */
static void test_panels(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    question a = { .Q = 130, .n = 64700, .dim = 1, .k = 40, .users = vectors(130, 1, 0, 1), .items = vectors(64700, 1, 50, 2) };
    for (int64_t i = 0; i < 64600; i++) a.items[i] = fminf(a.items[i], 0.9f);
    for (int64_t i = 64600; i < a.n; i += 3) a.items[i] = 1.0f;
    a.mask = case_random_lists(a.Q, a.n, 0.01, 3);
    answer(&a);
    ask(&f, &a, 0, a.Q, 3, CASE_RUNGS);
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
            for (int64_t at = 1; at <= case_questions(4); at++) {
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
        cmocka_unit_test(test_cancel), cmocka_unit_test(test_bad_width), cmocka_unit_test(test_coarse),
        cmocka_unit_test(test_coarse_pieces), cmocka_unit_test(test_coarse_given_up), cmocka_unit_test(test_panels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
