/* pair_score.c - the pair_score kernels: the mathematics against double, the bits against a chain of fmaf(), all and given items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pair_case.h"

#include "backend/op/pair_rank.h"
#include "backend/op/pair_score.h"

static op_pair_score descriptor(const pair_net *net, int64_t Q, int64_t n, const case_lists *l, float *out)
{
    return (op_pair_score){ .op = { OP_PAIR_SCORE, sizeof(op_pair_score) }, .net = *net,
                            .at = { .n_queries = Q, .n_items = n, .ptr = l ? l->ptr : NULL, .item = l ? l->item : NULL, .out = out } };
}

static void check_math(const pair_case *c, const float *score)
{
    for (int64_t q = 0; q < c->Q; q++)
        for (int64_t i = 0; i < c->n; i++) {
            double bound, want = pair_exact_score(&c->net, q, i, &bound), got = (double)score[q * c->n + i];
            if (!(fabs(got - want) <= bound))
                fail_msg("layers %lld, D=%lld: score[%lld, %lld] = %.9g, want %.9g (bound %.3g)", (long long)c->net.n_layers,
                         (long long)c->net.dot_dim, (long long)q, (long long)i, got, want, bound);
        }
}

static void same(const pair_case *c, const float *got, const float *want, int64_t count, const char *what)
{
    for (int64_t e = 0; e < count; e++)
        if (!pair_same(got[e], want[e]))
            fail_msg("%s, layers %lld, D=%lld, Q=%lld, I=%lld: element %lld is %a, want %a", what, (long long)c->net.n_layers,
                     (long long)c->net.dot_dim, (long long)c->Q, (long long)c->n, (long long)e, (double)got[e], (double)want[e]);
}

/* Lists of candidates in any order, with repetitions; every fifth is empty. They begin at place 3. */
static case_lists candidates(int64_t Q, int64_t n, uint64_t seed)
{
    case_lists l = { case_array(Q + 1, sizeof *l.ptr), case_array(Q * 60 + 3, sizeof *l.item), NULL };
    l.ptr[0] = 3;
    l.item[0] = l.item[1] = l.item[2] = -1;
    for (int64_t q = 0; q < Q; q++) {
        int64_t count = q % 5 == 4 ? 0 : (int64_t)(test_random(&seed) % 60);
        l.ptr[q + 1] = l.ptr[q] + count;
        for (int64_t e = l.ptr[q]; e < l.ptr[q + 1]; e++) l.item[e] = (int32_t)(test_random(&seed) % (uint64_t)n);
    }
    return l;
}

static void check_listed(const fixture *f, const pair_case *c, const float *all, int32_t threads, int32_t simd)
{
    case_lists l = candidates(c->Q, c->n, (uint64_t)(c->Q + c->n));
    int64_t end = l.ptr[c->Q];
    float *out = case_floats(end), *want = case_floats(end);
    for (int64_t q = 0; q < c->Q; q++)
        for (int64_t e = l.ptr[q]; e < l.ptr[q + 1]; e++) want[e] = all[q * c->n + l.item[e]];
    op_pair_score o = descriptor(&c->net, c->Q, c->n, &l, out);
    case_expect(f, &o.op, threads, simd);
    same(c, out + l.ptr[0], want + l.ptr[0], end - l.ptr[0], "given items");
    free(out), free(want);
    case_free_lists(&l);
}

/* All queries at once, and one from the middle: all items, and given ones. */
static void check(const fixture *f, const pair_case *c)
{
    float *all = pair_all_scores(c), *out = case_floats(c->Q * c->n + 1);
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            op_pair_score o = descriptor(&c->net, c->Q, c->n, NULL, out);
            float guard = out[c->Q * c->n];
            case_expect(f, &o.op, case_threads[t], simd);
            same(c, out, all, c->Q * c->n, "all items");
            assert_memory_equal(&guard, out + c->Q * c->n, sizeof guard);
            if (c->Q > 2) {
                pair_net net = pair_from(c, 2);
                o = descriptor(&net, 1, c->n, NULL, out);
                case_expect(f, &o.op, case_threads[t], simd);
                same(c, out, all + 2 * c->n, c->n, "one query");
            }
            check_listed(f, c, all, case_threads[t], simd);
        }
    free(all), free(out);
}

static void test_shapes(void **state)
{
    static const int64_t items[] = { 1, 15, 16, 17, 24, 31, 33, 49, 97 }, queries[] = { 0, 1, 3, 33 };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 0; s < PAIR_SHAPES; s++)
        for (int q = 0; q < 4; q++) {
            int64_t n = items[(s * 4 + q) % 9];
            pair_case c = pair_make(queries[q], n, &pair_shapes[s], 0, (uint64_t)(100 * s + q + 1));
            check(&f, &c);
            pair_free(&c);
        }
    fixture_close(&f);
    (void)state;
}

/* More steps and blocks than one, enough work for all threads; a wide first layer, whose steps are short. */
static void test_large(void **state)
{
    static const pair_sizes wide = { 2, { 160, 4 }, 20 }, narrow = { 1, { 2 }, 1 };
    fixture f;
    fixture_open(&f, 1);
    pair_case c = pair_make(70, 400, &wide, 0, 5);
    check(&f, &c);
    pair_free(&c);
    c = pair_make(3, 9000, &narrow, 0, 6);
    check(&f, &c);
    pair_free(&c);
    fixture_close(&f);
    (void)state;
}

static void test_mathematics(void **state)
{
    for (int s = 0; s < PAIR_SHAPES; s++) {
        pair_case c = pair_make(20, 30, &pair_shapes[s], 0, (uint64_t)s + 9);
        float *all = pair_all_scores(&c); /* the bits of every kernel, as the tests above find */
        check_math(&c, all);
        free(all);
        pair_free(&c);
    }
    (void)state;
}

/* NaN and infinity in one item, one query and a weight reach what they must, and nothing else. */
static void test_special_values(void **state)
{
    static const float special[] = { NAN, INFINITY, -INFINITY, -0.0f, 0x1p-149f, 0x1.fffffep127f };
    fixture f;
    fixture_open(&f, 1);
    for (int s = 2; s < PAIR_SHAPES; s++)
        for (int v = 0; v < 6; v++) {
            pair_case c = pair_make(5, 60, &pair_shapes[s], 2, 77);
            float *item = (float *)(uintptr_t)c.net.item_half, *query = (float *)(uintptr_t)c.net.query_half;
            item[7 * c.net.widths[0]] = special[v];
            query[3 * c.net.widths[0]] = special[(v + 1) % 6];
            check(&f, &c);
            ((float *)(uintptr_t)c.net.last)[0] = special[v];
            check(&f, &c);
            pair_free(&c);
        }
    fixture_close(&f);
    (void)state;
}

/* Scores of lists of all items are those of pair_score, bit for bit, at the sizes of a usual network. */
static void test_equals_rank(void **state)
{
    enum { Q = 36, N = 170 };
    static const pair_sizes usual = { 3, { 128, 64, 32 }, 32 };
    fixture f;
    fixture_open(&f, 1);
    pair_case c = pair_make(Q, N, &usual, 0, 3);
    float *all = case_floats(Q * N), *scores = case_floats(Q * N);
    int32_t *items = case_array(Q * N, sizeof *items);
    for (int32_t simd = 0; simd < case_rungs(); simd++)
        for (int32_t threads = 1; threads <= 8; threads *= 2 + (threads == 2)) {
            op_pair_score o = descriptor(&c.net, Q, N, NULL, all);
            case_expect(&f, &o.op, threads, simd);
            op_pair_rank r = { .op = { OP_PAIR_RANK, sizeof r }, .net = c.net,
                               .to = { .n_queries = Q, .n_items = N, .k = N, .items = items, .scores = scores } };
            case_expect(&f, &r.op, threads, simd);
            for (int64_t q = 0; q < Q; q++)
                for (int64_t p = q * N; p < (q + 1) * N; p++) assert_true(scores[p] == all[q * N + items[p]]);
            if (simd > 0 || threads > 1) continue;
            check_math(&c, all);
        }
    free(all), free(scores), free(items);
    pair_free(&c);
    fixture_close(&f);
    (void)state;
}

static void test_bad_networks(void **state)
{
    static const pair_sizes fine = { 2, { 3, 2 }, 1 };
    fixture f;
    fixture_open(&f, 1);
    pair_case c = pair_make(1, 1, &fine, 0, 1);
    float out;
    error e;
    op_pair_score o = descriptor(&c.net, 1, 1, NULL, &out);
    o.net.n_layers = PAIR_MAX_LAYERS + 1;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "9 layers"));
    o.net.n_layers = 2;
    o.net.widths[1] = 0;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "layer 2 has width 0"));
    o.net.widths[1] = 2;
    o.net.dot_dim = -1;
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    pair_free(&c);
    fixture_close(&f);
    (void)state;
}

static void test_cancel(void **state)
{
    static const pair_sizes usual = { 2, { 16, 8 }, 4 };
    fixture f;
    fixture_open(&f, 1);
    pair_case c = pair_make(70, 3000, &usual, 0, 1);
    case_lists l = candidates(c.Q, c.n, 4);
    float *out = case_floats(c.Q * c.n);
    for (int32_t threads = 1; threads <= 3; threads += 2)
        for (int64_t at = 1; at <= case_questions(3); at++) {
            error e;
            op_pair_score o = descriptor(&c.net, c.Q, c.n, NULL, out);
            assert_int_equal(case_run(&f, &o.op, threads, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
            o = descriptor(&c.net, c.Q, c.n, &l, out);
            assert_int_equal(case_run(&f, &o.op, threads, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
            assert_non_null(strstr(e.message, "cancelled"));
        }
    free(out);
    case_free_lists(&l);
    pair_free(&c);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mathematics),    cmocka_unit_test(test_shapes),      cmocka_unit_test(test_large),
        cmocka_unit_test(test_special_values), cmocka_unit_test(test_equals_rank), cmocka_unit_test(test_bad_networks),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
