/* sample_positives.c - the sample_positives and sample_items kernels against their contracts, draw by draw.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/rows_case.h"
#include "op/sampling_case.h"

#include "backend/op/sample_items.h"
#include "backend/op/sample_positives.h"

typedef struct positives_case {
    op_sample_positives o;
    int32_t *user, *item;
} positives_case;

static positives_case make_case(int64_t P, int64_t n, int64_t U, int64_t I, int weighted, uint64_t seed)
{
    positives_case p = { .user = case_array(P, 4), .item = case_array(P, 4) };
    negatives g = case_negatives(U, I, n, seed);
    if (weighted) case_weights(&g, I / 2);
    for (int64_t e = 0; e < P; e++) {
        p.user[e] = (int32_t)(test_random(&seed) % (uint64_t)U);
        p.item[e] = (int32_t)(test_random(&seed) % (uint64_t)I);
    }
    p.o = (op_sample_positives){ { OP_SAMPLE_POSITIVES, sizeof p.o }, .n_positives = P, .negatives = g,
                                 .order = recsys__permutation(P, 5, RANDOM_ORDER, 7, 0), .user = p.user, .item = p.item };
    return p;
}

static void free_case(positives_case *p)
{
    case_free_negatives(&p->o.negatives);
    free(p->user), free(p->item);
}

/* Draws a batch with room behind each output, and looks at every row. */
static void check_batch(const fixture *f, const positives_case *p, int64_t position, int64_t count, int32_t threads,
                        int32_t simd)
{
    op_sample_positives o = p->o;
    const int64_t P = o.n_positives, n = o.negatives.per_positive;
    o.position = position, o.count = count;
    o.users = case_array(count + 1, 4), o.items = case_array(count + 1, 4), o.drawn = case_array(count * n + 1, 4);
    case_expect(f, &o.op, threads, simd);
    for (int64_t b = 0; b < count; b++) {
        int64_t e = o.in_order ? position + b : recsys__permute(&o.order, position + b);
        assert_int_equal(o.users[b], p->user[e]);
        assert_int_equal(o.items[b], p->item[e]);
        for (int64_t j = 0; j < n; j++) {
            int32_t want = case_negative(&o.negatives, p->user[e], (uint64_t)(P + e * n + j));
            if (o.drawn[b * n + j] != want)
                fail_msg("P=%lld n=%lld row %lld is positive %lld: negative %lld is %d, want %d", (long long)P, (long long)n,
                         (long long)b, (long long)e, (long long)j, (int)o.drawn[b * n + j], (int)want);
        }
    }
    assert_int_equal(o.users[count], -1); /* not an element further */
    assert_int_equal(o.items[count], -1);
    assert_int_equal(o.drawn[count * n], -1);
    free(o.users), free(o.items), free(o.drawn);
}

static void check_epoch(const fixture *f, positives_case *p)
{
    const int64_t P = p->o.n_positives;
    for (int32_t in_order = 0; in_order < 2; in_order++) {
        p->o.in_order = in_order;
        for (int32_t simd = 0; simd < case_rungs(); simd++) check_batch(f, p, 0, P, 1, simd);
        for (int64_t at = 0, count = 1; at < P; at += count, count = count * 3 + 1) {
            if (count > P - at) count = P - at;
            check_batch(f, p, at, count, 2, 1);
        }
        check_batch(f, p, P, 0, 1, 1);
    }
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 63, 64, 65, 300 }, per_positive[] = { 0, 1, 3, 70 };
    for (int k = 0; k < 6; k++)
        for (int j = 0; j < 4; j++)
            for (int weighted = 0; weighted < 2; weighted++) {
                positives_case p = make_case(sizes[k], per_positive[j], 40, 29, weighted, (uint64_t)(10 * k + j));
                check_epoch(*state, &p);
                free_case(&p);
            }
}

/* Large batches are shared between threads. */
static void test_threads(void **state)
{
    positives_case p = make_case(3000, 2, 200, 300, 0, 5);
    for (int run = 0; run < case_thread_counts() * case_rungs(); run++)
        check_batch(*state, &p, 0, 3000, case_threads[run % CASE_THREADS], run / CASE_THREADS);
    free_case(&p);
}

/* ---- items ---- */

static void check_items(const fixture *f, int64_t N, int64_t I, int weighted, uint64_t first)
{
    negatives g = case_negatives(1, I, 0, 3);
    if (weighted) case_weights(&g, I / 2);
    int32_t *out = case_array(N, 4);
    op_sample_items o = { { OP_SAMPLE_ITEMS, sizeof o }, .count = N, .n_items = I, .seed = 0x123456789abcdefu, .epoch = 9,
                          .first = first,
                          .stream = RANDOM_SAMPLE, .threshold = g.threshold, .alias = g.alias, .items = out };
    int32_t *got = rows_run(f, &o.op, out, (size_t)N * 4);
    for (int64_t k = 0; k < N; k++) {
        uint32_t word[4];
        recsys__random4(o.seed, o.stream, o.epoch, first + (uint64_t)k, word);
        case_wide scaled = (case_wide)((uint64_t)word[1] << 32 | word[0]) * (uint64_t)I;
        int32_t want = (int32_t)(scaled >> 64);
        if (weighted && (uint32_t)(scaled >> 32) >= g.threshold[want]) want = g.alias[want];
        assert_int_equal(got[k], want);
    }
    free(got), free(out);
    case_free_negatives(&g);
}

static void test_items(void **state)
{
    for (int weighted = 0; weighted < 2; weighted++) {
        check_items(*state, 0, 5, weighted, 1);
        check_items(*state, 1, 1, weighted, 1);
        check_items(*state, 100, 7, weighted, UINT64_C(1) << 63);
        check_items(*state, 5000, 1000, weighted, UINT64_C(5) << 60);
    }
}

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 1);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_items),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
