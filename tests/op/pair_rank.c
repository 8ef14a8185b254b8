/* pair_rank.c - the pair_rank kernels against a full sort: all rungs, threads and cuts of the work give the same lists.
 *
 * The scores come from the oracle of pair_case.h, which has the bits of the contract; that they are near to the exact ones is
 * tested in pair_score.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pair_case.h"

#include "support/fence.h"

#include "backend/op/pair_rank.h"
#include "backend/run.h"
#include "tensor/ops.h"

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
    pair_case c;
    int64_t k;
    case_lists mask; /* ptr NULL: none */
    uint8_t *excluded;
    float *best;
    int32_t *best_item;
} question;

static void answer(question *a)
{
    int64_t Q = a->c.Q, n = a->c.n;
    float *all = pair_all_scores(&a->c);
    entry *list = case_array(n, sizeof *list);
    a->best = case_floats(Q * a->k), a->best_item = case_array(Q * a->k, sizeof(int32_t));
    for (int64_t q = 0; q < Q; q++) {
        int64_t count = 0, m = a->mask.ptr ? a->mask.ptr[q] : 0;
        for (int64_t i = 0; i < n; i++) {
            int masked = a->mask.ptr && m < a->mask.ptr[q + 1] && a->mask.item[m] == i;
            m += masked;
            if (masked || (a->excluded && a->excluded[i]) || isnan(all[q * n + i])) continue;
            list[count++] = (entry){ all[q * n + i], (int32_t)i };
        }
        qsort(list, (size_t)count, sizeof *list, by_rank);
        for (int64_t p = 0; p < a->k; p++) {
            a->best[q * a->k + p] = p < count ? list[p].score + 0.0f : -INFINITY;
            a->best_item[q * a->k + p] = p < count ? list[p].item : -1;
        }
    }
    free(list), free(all);
}

static op_pair_rank descriptor(const question *a, int64_t q0, int64_t q1, int32_t *items, float *scores)
{
    return (op_pair_rank){ .op = { OP_PAIR_RANK, sizeof(op_pair_rank) },
                           .net = pair_from(&a->c, q0),
                           .to = { .n_queries = q1 - q0, .n_items = a->c.n, .k = a->k,
                                   .mask_ptr = a->mask.ptr ? a->mask.ptr + q0 : NULL, .mask_item = a->mask.item,
                                   .excluded = a->excluded, .items = items, .scores = scores } };
}

/* Queries q0..q1-1 of the question in one call. */
static void ask(const fixture *f, const question *a, int64_t q0, int64_t q1, int32_t threads, int32_t simd)
{
    int64_t rows = q1 - q0;
    float *scores = case_floats(rows * a->k);
    int32_t *items = case_array(rows * a->k, sizeof *items);
    op_pair_rank o = descriptor(a, q0, q1, items, scores);
    case_expect(f, &o.op, threads, simd);
    for (int64_t e = 0; e < rows * a->k; e++) {
        int64_t at = q0 * a->k + e;
        if (items[e] != a->best_item[at] || memcmp(scores + e, a->best + at, sizeof *scores) != 0)
            fail_msg("layers %lld D=%lld I=%lld k=%lld query %lld of %lld, place %lld: item %d score %a, want item %d score %a "
                     "(threads %d, simd %d)", (long long)a->c.net.n_layers, (long long)a->c.net.dot_dim, (long long)a->c.n,
                     (long long)a->k, (long long)(q0 + e / a->k), (long long)rows, (long long)(e % a->k), items[e],
                     (double)scores[e], a->best_item[at], (double)a->best[at], threads, simd);
    }
    free(items), free(scores);
}

/* All queries at once, the first few, and one, with every rung and number of threads. */
static void check(const fixture *f, question *a)
{
    int64_t Q = a->c.Q;
    answer(a);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            ask(f, a, 0, Q, case_threads[t], simd);
            if (Q > 34) ask(f, a, 1, 34, case_threads[t], simd);
            if (Q > 1) ask(f, a, 1, 2, case_threads[t], simd);
        }
    free(a->best), free(a->best_item);
}

/* Without and with masks and excluded items. */
static void check_shape(const fixture *f, const pair_sizes *s, int64_t Q, int64_t n, int64_t k, int steps)
{
    uint64_t seed = (uint64_t)(n * 1000 + s->dot_dim * 10 + k);
    question a = { .c = pair_make(Q, n, s, steps, seed), .k = k < n ? k : n };
    check(f, &a);
    a.mask = case_random_lists(Q, n, 0.2, seed + 2);
    check(f, &a);
    a.excluded = case_array(n, 1);
    for (int64_t i = 0; i < n; i++) a.excluded[i] = test_random_unit(&seed) < 0.4;
    check(f, &a);
    case_free_lists(&a.mask);
    a.mask = (case_lists){ 0 };
    check(f, &a);
    free(a.excluded);
    pair_free(&a.c);
}

static void test_shapes(void **state)
{
    static const int64_t items[] = { 1, 16, 17, 24, 31, 33, 97 }, queries[] = { 1, 2, 31, 33, 36 }, k[] = { 1, 10, 1000 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < PAIR_SHAPES; s++) check_shape(&f, &pair_shapes[s], queries[s % 5], items[s % 7], k[s % 3], 0);
    for (int c = 0; c < 7; c++) check_shape(&f, &pair_shapes[4], queries[c % 5], items[c], k[(c + 1) % 3], 0);
    fixture_close(&f);
    (void)state;
}

/* Enough work for all threads: few queries, whose items are shared out, sometimes more threads than panels; and many. */
static void test_threads(void **state)
{
    static const pair_sizes usual = { 2, { 64, 32 }, 8 }, wide = { 2, { 160, 100 }, 3 };
    static const struct { const pair_sizes *s; int64_t Q, n, k; int steps; } cases[] = {
        { &usual, 5, 1500, 20, 1 }, { &usual, 1, 5000, 7, 0 }, { &usual, 32, 300, 300, 1 }, { &wide, 30, 60, 9, 1 },
        { &usual, 70, 300, 10, 1 },
    };
    fixture f;
    fixture_open(&f, 1);
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        uint64_t seed = t + 1;
        int64_t n = cases[t].n;
        question a = { .c = pair_make(cases[t].Q, n, cases[t].s, cases[t].steps, seed), .k = cases[t].k,
                       .mask = case_random_lists(cases[t].Q, n, 0.2, seed), .excluded = case_array(n, 1) };
        for (int64_t i = 0; i < n; i++) a.excluded[i] = test_random_unit(&seed) < 0.1;
        check(&f, &a);
        free(a.excluded);
        case_free_lists(&a.mask);
        pair_free(&a.c);
    }
    fixture_close(&f);
    (void)state;
}

static void test_ties(void **state)
{
    static const pair_sizes small = { 2, { 3, 2 }, 2 };
    fixture f;
    fixture_open(&f, 1);
    check_shape(&f, &small, 40, 400, 30, 1);
    check_shape(&f, &small, 5, 900, 100, 1);
    check_shape(&f, &small, 3, 300, 300, 1);
    fixture_close(&f);
    (void)state;
}

/* NaN scores never enter a list, infinite ones do: the first after the last finite ones, the second before. */
static void test_special_values(void **state)
{
    static const pair_sizes shape = { 2, { 9, 4 }, 3 };
    static const float special[] = { NAN, INFINITY, -INFINITY, -0.0f };
    fixture f;
    fixture_open(&f, 1);
    for (int v = 0; v < 4; v++) {
        question a = { .c = pair_make(38, 120, &shape, 1, 7), .k = 120 };
        float *item = (float *)(uintptr_t)a.c.net.item_half, *vector = (float *)(uintptr_t)a.c.net.item_vector;
        float *query = (float *)(uintptr_t)a.c.net.query_half;
        for (int64_t i = 0; i < 120; i += 7) item[i * 9 + i % 9] = special[v];
        for (int64_t i = 3; i < 120; i += 11) vector[i * 3 + i % 3] = special[v];
        query[5 * 9] = special[v];
        check(&f, &a);
        a.k = 11;
        check(&f, &a);
        pair_free(&a.c);
    }
    fixture_close(&f);
    (void)state;
}

/* Nobody asks; nothing may be had; everything is masked. */
static void test_nothing(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int64_t Q = 0; Q <= 80; Q += 40) {
        question a = { .c = pair_make(Q, 40, &pair_shapes[4], 0, 3), .k = 4, .excluded = case_array(40, 1) };
        memset(a.excluded, 1, 40);
        check(&f, &a);
        free(a.excluded);
        a.excluded = NULL;
        a.mask = case_random_lists(Q, 40, 1.1, 1);
        check(&f, &a);
        case_free_lists(&a.mask);
        pair_free(&a.c);
    }
    fixture_close(&f);
    (void)state;
}

/* A copy of n floats in device memory, NULL for NULL. */
static const float *bring(recsys_exec *x, const float *host, int64_t n, const void **made, int *count)
{
    float *device = NULL;
    if (host == NULL) return NULL;
    expect_ok(x, recsys__upload(x, host, n * (int64_t)sizeof *host, &device));
    return made[(*count)++] = device;
}

static pair_net bring_net(recsys_exec *x, const pair_case *c, const void **made, int *count)
{
    pair_net net = c->net;
    int64_t L = net.n_layers;
    net.query_half = bring(x, net.query_half, c->Q * net.widths[0], made, count);
    net.item_half = bring(x, net.item_half, c->n * net.widths[0], made, count);
    for (int64_t l = 1; l < L; l++) {
        net.weights[l] = bring(x, net.weights[l], net.widths[l] * net.widths[l - 1], made, count);
        net.biases[l] = bring(x, net.biases[l], net.widths[l], made, count);
    }
    net.last = bring(x, net.last, L > 0 ? net.widths[L - 1] : 0, made, count);
    net.bias = bring(x, net.bias, 1, made, count);
    net.query_vector = bring(x, net.query_vector, c->Q * net.dot_dim, made, count);
    net.item_vector = bring(x, net.item_vector, c->n * net.dot_dim, made, count);
    return net;
}

/* The front-ends on a device of its own: a list, all scores, given scores, rows. */
static void check_front_ends(recsys_exec *x, question *a, const pair_net *net)
{
    int64_t Q = a->c.Q, n = a->c.n, *ptr = case_array(Q + 1, sizeof *ptr);
    float *scores = case_floats(Q * a->k), *all = pair_all_scores(&a->c), *out = case_floats(Q * n), *rows = NULL;
    int32_t *items = case_array(Q * a->k, sizeof *items), *last = case_array(Q, sizeof *last);
    ranking to = { .n_queries = Q, .n_items = n, .k = a->k, .mask_ptr = a->mask.ptr, .mask_item = a->mask.item,
                   .excluded = a->excluded, .items = items, .scores = scores };
    scoring at = { .n_queries = Q, .n_items = n, .out = out };
    for (int64_t q = 0; q <= Q; q++) ptr[q] = q;
    for (int64_t q = 0; q < Q; q++) last[q] = (int32_t)(n - 1);
    expect_ok(x, recsys__pair_rank(x, net, &to));
    assert_memory_equal(items, a->best_item, (size_t)(Q * a->k) * sizeof *items);
    case_same_floats(scores, a->best, Q * a->k, "front-end's list");
    expect_ok(x, recsys__pair_score(x, net, &at));
    case_same_floats(out, all, Q * n, "front-end's scores");
    at.ptr = ptr, at.item = last;
    expect_ok(x, recsys__pair_score(x, net, &at));
    for (int64_t q = 0; q < Q; q++) case_same_floats(out + q, all + q * n + n - 1, 1, "front-end's given scores");
    expect_ok(x, recsys__device_alloc(x, Q * n, sizeof(float), &rows));
    expect_ok(x, recsys__pair_rows(x, net, Q, n, rows));
    expect_ok(x, recsys__download(x, out, rows, Q * n * (int64_t)sizeof(float)));
    case_same_floats(out, all, Q * n, "front-end's rows");
    recsys__device_free(x->backend, x->memory, rows);
    free(ptr), free(scores), free(all), free(out), free(items), free(last);
}

static void test_front_ends(void **state)
{
    if (case_rungs() == 1) return; /* the fence makes a device of the processor */
    for (int s = 0; s < PAIR_SHAPES; s++) {
        fixture f;
        fixture_open(&f, 2);
        fence *w = fence_open(f.exec);
        const void *made[2 * PAIR_MAX_LAYERS + 6];
        int count = 0;
        question a = { .c = pair_make(7, 40, &pair_shapes[s], 0, 5), .k = 6, .mask = case_random_lists(7, 40, 0.2, 3),
                       .excluded = case_array(40, 1) };
        memset(a.excluded, 0, 40);
        a.excluded[4] = 1;
        answer(&a);
        pair_net net = bring_net(f.exec, &a.c, made, &count);
        check_front_ends(f.exec, &a, &net);
        for (int m = 0; m < count; m++) recsys__device_free(f.exec->backend, f.exec->memory, (void *)(uintptr_t)made[m]);
        free(a.best), free(a.best_item), free(a.excluded);
        case_free_lists(&a.mask);
        pair_free(&a.c);
        fixture_close(&f);
        fence_close(w);
    }
    (void)state;
}

/* Networks that lack what their sizes call for. */
static void test_missing_parts(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    question a = { .c = pair_make(1, 1, &pair_shapes[4], 0, 3), .k = 1 };
    float score;
    int32_t item;
    ranking to = { .n_queries = 1, .n_items = 1, .k = 1, .items = &item, .scores = &score };
    scoring at = { .n_queries = 1, .n_items = 1, .out = &score };
    pair_net net = a.c.net;
    net.weights[1] = NULL;
    expect_error(f.exec, recsys__pair_rank(f.exec, &net, &to), RECSYS_ERR_INTERNAL, "pair_rank|layer 2 has no weights");
    net = a.c.net;
    net.item_half = NULL;
    expect_error(f.exec, recsys__pair_score(f.exec, &net, &at), RECSYS_ERR_INTERNAL, "pair_score|layer 1 has no halves");
    net = a.c.net;
    net.query_vector = NULL;
    expect_error(f.exec, recsys__pair_rows(f.exec, &net, 1, 1, &score), RECSYS_ERR_INTERNAL, "no vectors");
    pair_free(&a.c);
    fixture_close(&f);
    (void)state;
}

static void test_bad_network(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    question a = { .c = pair_make(1, 1, &pair_shapes[4], 0, 3), .k = 1 };
    float score;
    int32_t item;
    error e;
    op_pair_rank o = descriptor(&a, 0, 1, &item, &score);
    o.net.n_layers = -1;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    o.net.n_layers = 2;
    o.net.widths[0] = -4;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "layer 1 has width -4"));
    pair_free(&a.c);
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int64_t Q = 5; Q <= 100; Q += 95)
        for (int32_t threads = 1; threads <= 3; threads += 2) {
            question a = { .c = pair_make(Q, 6000, &pair_shapes[6], 0, 1), .k = 10 };
            float *scores = case_floats(Q * a.k);
            int32_t *items = case_array(Q * a.k, sizeof *items);
            op_pair_rank o = descriptor(&a, 0, Q, items, scores);
            error e;
            for (int64_t at = 1; at <= case_questions(4); at++) {
                assert_int_equal(case_run(&f, &o.op, threads, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
                assert_non_null(strstr(e.message, "cancelled"));
            }
            free(scores), free(items);
            pair_free(&a.c);
        }
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),         cmocka_unit_test(test_threads), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_special_values), cmocka_unit_test(test_nothing), cmocka_unit_test(test_bad_network),
        cmocka_unit_test(test_front_ends),     cmocka_unit_test(test_missing_parts), cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
