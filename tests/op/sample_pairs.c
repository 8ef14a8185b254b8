/* sample_pairs.c - the sample_pairs kernel against its contract, sample by sample.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "op/sampling_case.h"

#include "backend/op/sample_pairs.h"

typedef struct pairs_case {
    op_sample_pairs o;
    int64_t N;
    int32_t *user, *item;
    uint8_t *flag;
} pairs_case;

/* P events of U users, some of them repeated; what a user has need not be what he knows here. */
static pairs_case make_case(int64_t P, int64_t n, int64_t U, int64_t I, int weighted, uint64_t seed)
{
    pairs_case p = { .N = P * (1 + n), .user = case_array(P, 4), .item = case_array(P, 4), .flag = case_array(P, 1) };
    negatives g = case_negatives(U, I, n, seed);
    if (weighted) case_weights(&g, I / 2);
    for (int64_t e = 0; e < P; e++) {
        p.user[e] = (int32_t)(test_random(&seed) % (uint64_t)U);
        p.item[e] = (int32_t)(test_random(&seed) % (uint64_t)I);
        p.flag[e] = (uint8_t)(test_random(&seed) % 2);
    }
    p.o = (op_sample_pairs){ { OP_SAMPLE_PAIRS, sizeof p.o }, .n_positives = P, .negatives = g,
                             .order = recsys__permutation(p.N, 5, RANDOM_ORDER, 7, 0),
                             .user = p.user, .item = p.item, .flag = p.flag };
    return p;
}

static void free_case(pairs_case *p)
{
    case_free_negatives(&p->o.negatives);
    free(p->user), free(p->item), free(p->flag);
}

/* Draws a batch with one float's room behind each output, and looks at every sample. */
static void check_batch(const fixture *f, const pairs_case *p, int64_t position, int64_t count, int32_t threads, int32_t simd)
{
    op_sample_pairs o = p->o;
    const int64_t P = o.n_positives, n = o.negatives.per_positive;
    o.position = position, o.count = count;
    o.users = case_array(count + 1, 4), o.items = case_array(count + 1, 4), o.labels = case_floats(count + 1);
    o.clean = case_array(count + 1, 1);
    case_expect(f, &o.op, threads, simd);
    for (int64_t b = 0; b < count; b++) {
        int64_t s = o.in_order ? position + b : recsys__permute(&o.order, position + b);
        int64_t e = s < P ? s : (s - P) / n;
        assert_int_equal(o.users[b], p->user[e]);
        assert_true(o.labels[b] == (s < P ? 1.0f : 0.0f));
        assert_int_equal(o.clean[b], s < P ? p->flag[e] : 2);
        int32_t want = s < P ? p->item[e] : case_negative(&o.negatives, p->user[e], (uint64_t)s);
        if (o.items[b] != want)
            fail_msg("P=%lld n=%lld row %lld is sample %lld: item %d, want %d", (long long)P, (long long)n, (long long)b,
                     (long long)s, (int)o.items[b], (int)want);
    }
    assert_int_equal(o.users[count], -1); /* not an element further */
    assert_int_equal(o.items[count], -1);
    assert_int_equal(o.clean[count], 0xff);
    free(o.users), free(o.items), free(o.labels), free(o.clean);
}

static void check_epoch(const fixture *f, pairs_case *p)
{
    for (int32_t in_order = 0; in_order < 2; in_order++) {
        p->o.in_order = in_order;
        for (int32_t simd = 0; simd < case_rungs(); simd++) check_batch(f, p, 0, p->N, 1, simd);
        for (int64_t at = 0, count = 1; at < p->N; at += count, count = count * 3 + 1) {
            if (count > p->N - at) count = p->N - at;
            check_batch(f, p, at, count, 2, 1);
        }
        check_batch(f, p, p->N, 0, 1, 1);
    }
}

static void test_shapes(void **state)
{
    static const int64_t sizes[] = { 1, 2, 63, 64, 65, 300 }, per_positive[] = { 0, 1, 3 };
    for (int k = 0; k < 6; k++)
        for (int j = 0; j < 3; j++)
            for (int weighted = 0; weighted < 2; weighted++) {
                pairs_case p = make_case(sizes[k], per_positive[j], 40, 29, weighted, (uint64_t)(10 * k + j));
                check_epoch(*state, &p);
                free_case(&p);
            }
}

/* One item, which nobody knows; one user; long rows that are searched, not scanned. */
static void test_extremes(void **state)
{
    pairs_case p = make_case(20, 2, 1, 1, 0, 1);
    check_epoch(*state, &p);
    free_case(&p);
    p = make_case(60, 2, 5, 700, 0, 2);
    check_epoch(*state, &p);
    free_case(&p);
    p = make_case(60, 2, 5, 700, 1, 3);
    check_epoch(*state, &p);
    free_case(&p);
}

/* User 0 knows all but two rare items, so all tries fail; the two are drawn as 1 : 3. */
static void test_tries_run_out(void **state)
{
    enum { P = 4000, I = 10 };
    pairs_case p = make_case(P, 1, 1, I, 1, 4);
    int64_t *row_ptr = (int64_t *)(uintptr_t)p.o.negatives.row_ptr, rare[I] = { 0 };
    int32_t *column = (int32_t *)(uintptr_t)p.o.negatives.column;
    row_ptr[1] = 0;
    for (int32_t i = 0; i < I; i++)
        if (i != 0 && i != 2) column[row_ptr[1]++] = i;
    p.o.in_order = 1;
    check_batch(*state, &p, P, 200, 1, 1);
    op_sample_pairs o = p.o;
    o.position = P, o.count = P;
    o.users = case_array(P, 4), o.items = case_array(P, 4), o.labels = case_floats(P);
    case_expect(*state, &o.op, 2, 1);
    for (int64_t b = 0; b < P; b++) rare[o.items[b]]++;
    assert_int_equal(rare[0] + rare[2], P);
    assert_true(fabs((double)rare[0] - P / 4.0) < 5.0 * sqrt(P * 3.0 / 16.0));
    free(o.users), free(o.items), free(o.labels);
    free_case(&p);
}

/* Large batches are shared between threads, and give the same bytes as one thread on the plain rung. */
static void test_threads(void **state)
{
    pairs_case p = make_case(6000, 1, 200, 300, 0, 5);
    const int64_t N = p.N;
    for (int run = 0; run < case_thread_counts() * case_rungs(); run++) {
        op_sample_pairs o = p.o, first = p.o;
        o.count = first.count = N;
        o.users = case_array(N, 4), o.items = case_array(N, 4), o.labels = case_floats(N), o.clean = case_array(N, 1);
        first.users = case_array(N, 4), first.items = case_array(N, 4), first.labels = case_floats(N);
        first.clean = case_array(N, 1);
        case_expect(*state, &first.op, 1, 0);
        case_expect(*state, &o.op, case_threads[run % CASE_THREADS], run / CASE_THREADS);
        assert_memory_equal(o.users, first.users, (size_t)N * 4);
        assert_memory_equal(o.items, first.items, (size_t)N * 4);
        assert_memory_equal(o.labels, first.labels, (size_t)N * 4);
        assert_memory_equal(o.clean, first.clean, (size_t)N);
        free(o.users), free(o.items), free(o.labels), free(o.clean);
        free(first.users), free(first.items), free(first.labels), free(first.clean);
    }
    free_case(&p);
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
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_tries_run_out),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
