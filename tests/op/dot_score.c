/* dot_score.c - the dot_score kernels: near to float64, the bits of the contract, all rungs and threads alike.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_case.h"

#include "backend/op/dot_rank.h"
#include "backend/op/dot_score.h"

static float *vectors(int64_t rows, int64_t dim, uint64_t seed)
{
    float *x = case_floats(rows * dim);
    for (int64_t e = 0; e < rows * dim; e++) x[e] = (float)(2.0 * test_random_unit(&seed) - 1.0);
    return x;
}

/* The chain of the contract; *exact in double, and *bound from D roundings of at most the sum of absolute products. */
static float chain(const float *u, const float *v, int64_t dim, double *exact, double *bound)
{
    float sum = 0.0f;
    double size = 0.0;
    *exact = 0.0;
    for (int64_t c = 0; c < dim; c++) {
        double product = (double)u[c] * (double)v[c]; /* exact: 24 + 24 bits */
        sum = fmaf(u[c], v[c], sum);
        *exact += product, size += fabs(product);
    }
    *bound = (double)dim * (ROUNDING + 0x1p-50) * size;
    return sum;
}

/* Compares places 0..n-1 of the output; user[e] and item[e] say what belongs there. */
static void compare(const op_dot_score *o, const int64_t *user, const int32_t *item, int64_t n, int32_t threads,
                    int32_t simd)
{
    for (int64_t e = 0; e < n; e++) {
        double exact, bound;
        float want = chain(o->users + user[e] * o->dim, o->items + item[e] * o->dim, o->dim, &exact, &bound);
        float got = o->at.out[e];
        if (isnan(want) ? isnan(got) : memcmp(&got, &want, sizeof got) == 0) {
            if (!isfinite(exact) || fabs((double)got - exact) <= bound) continue;
        }
        fail_msg("Q=%lld I=%lld D=%lld place %lld: %a, want %a, exactly %g +- %g (threads %d, simd %d)",
                 (long long)o->at.n_queries, (long long)o->at.n_items, (long long)o->dim, (long long)e, (double)got,
                 (double)want, exact, bound, threads, simd);
    }
    float behind;
    memset(&behind, 0xff, sizeof behind);
    assert_memory_equal(&o->at.out[n], &behind, sizeof behind); /* not a float further */
}

static void run_all(const fixture *f, op_dot_score *o, const int64_t *user, const int32_t *item, int64_t n)
{
    for (int t = 0; t < case_thread_counts(); t++)
        for (int32_t simd = 0; simd < case_rungs(); simd++) {
            o->at.out = case_floats(n + 1);
            case_expect(f, &o->op, case_threads[t], simd);
            compare(o, user, item, n, case_threads[t], simd);
            free(o->at.out);
        }
}

/* All items, then lists in any order with items twice and queries without any. */
static void check(const fixture *f, int64_t Q, int64_t n, int64_t dim, const float *users, const float *items)
{
    uint64_t seed = (uint64_t)(Q * 100 + n);
    int64_t most = Q * (n > 40 ? n : 40);
    int64_t *user = case_array(most, sizeof *user), *ptr = case_array(Q + 1, sizeof *ptr);
    int32_t *item = case_array(most, sizeof *item);
    op_dot_score o = { .op = { OP_DOT_SCORE, sizeof o }, .dim = dim, .users = users, .items = items,
                       .at = { .n_queries = Q, .n_items = n } };
    for (int64_t e = 0; e < Q * n; e++) user[e] = e / n, item[e] = (int32_t)(e % n);
    run_all(f, &o, user, item, Q * n);

    int64_t e = 0;
    for (int64_t q = 0; q < Q; q++) {
        ptr[q] = e;
        int64_t length = q % 3 == 2 ? 0 : (int64_t)(test_random(&seed) % 40);
        for (int64_t p = 0; p < length; p++, e++) user[e] = q, item[e] = (int32_t)(test_random(&seed) % (uint64_t)n);
    }
    ptr[Q] = e;
    o.at.ptr = ptr, o.at.item = item;
    run_all(f, &o, user, item, e);
    free(user), free(item), free(ptr);
}

static void test_shapes(void **state)
{
    static const int64_t queries[] = { 0, 1, 3, 4, 6, 7, 13, 33 }, sizes[] = { 1, 15, 16, 17, 31, 32, 33, 97 },
                         dims[] = { 1, 2, 3, 7, 31, 32, 33, 64, 131 };
    fixture f;
    fixture_open(&f, 1);
    for (int q = 0; q < 8; q++)
        for (int s = 0; s < 8; s++) {
            int64_t dim = dims[(q * 8 + s) % 9];
            float *users = vectors(queries[q], dim, 1), *items = vectors(sizes[s], dim, 2);
            check(&f, queries[q], sizes[s], dim, users, items);
            free(users), free(items);
        }
    fixture_close(&f);
    (void)state;
}

/* More than one step of panels, and lists longer than a chunk. */
static void test_large(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    float *users = vectors(5, 3000, 1), *items = vectors(60, 3000, 2);
    check(&f, 5, 60, 3000, users, items);
    free(users), free(items);

    int64_t n = 9001, *user = case_array(n, sizeof *user);
    int32_t *item = case_array(n, sizeof *item);
    users = vectors(2, 5, 3), items = vectors(100, 5, 4);
    const int64_t ptr[] = { 0, 1, n };
    for (int64_t e = 0; e < n; e++) user[e] = e > 0, item[e] = (int32_t)(e * 7 % 100);
    op_dot_score o = { .op = { OP_DOT_SCORE, sizeof o }, .dim = 5, .users = users, .items = items,
                       .at = { .n_queries = 2, .n_items = 100, .ptr = ptr, .item = item } };
    run_all(&f, &o, user, item, n);
    free(users), free(items), free(user), free(item);
    fixture_close(&f);
    (void)state;
}

static void test_special_values(void **state)
{
    static const float special[] = { NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f };
    fixture f;
    fixture_open(&f, 1);
    float users[6 * 2], items[36 * 2];
    for (int q = 0; q < 6; q++) users[2 * q] = special[q], users[2 * q + 1] = 1.0f;
    for (int i = 0; i < 36; i++) items[2 * i] = special[i / 6], items[2 * i + 1] = special[i % 6];
    check(&f, 6, 36, 2, users, items);
    fixture_close(&f);
    (void)state;
}

/* A list's scores are those that dot_score gives for its items. */
static void test_same_bits_as_rank(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    enum { Q = 20, I = 50, D = 37 };
    float *users = vectors(Q, D, 1), *items = vectors(I, D, 2), scores[Q * I], again[Q * I];
    int32_t item[Q * I];
    int64_t ptr[Q + 1];
    for (int64_t q = 0; q <= Q; q++) ptr[q] = q * I;
    op_dot_rank r = { .op = { OP_DOT_RANK, sizeof r }, .dim = D, .users = users, .items = items,
                      .to = { .n_queries = Q, .n_items = I, .k = I, .items = item, .scores = scores } };
    op_dot_score o = { .op = { OP_DOT_SCORE, sizeof o }, .dim = D, .users = users, .items = items,
                       .at = { .n_queries = Q, .n_items = I, .ptr = ptr, .item = item, .out = again } };
    case_expect(&f, &r.op, 2, CASE_RUNGS);
    case_expect(&f, &o.op, 2, CASE_RUNGS);
    case_same_floats(again, scores, Q * I, "score");
    free(users), free(items);
    fixture_close(&f);
    (void)state;
}

static void test_bad_width_and_cancel(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    float *users = vectors(9, 4, 1), *items = vectors(9000, 4, 2), *out = case_floats(9 * 9000);
    error e;
    op_dot_score o = { .op = { OP_DOT_SCORE, sizeof o }, .dim = 0, .users = users, .items = items,
                       .at = { .n_queries = 9, .n_items = 9000, .out = out } };
    assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, 0, &e), RECSYS_ERR_UNSUPPORTED);
    o.dim = 4;
    for (int64_t q = 1; q <= 9; q += 8)
        for (int64_t at = 1; at <= case_questions(2); at++) {
            o.at.n_queries = q;
            assert_int_equal(case_run(&f, &o.op, 2, CASE_RUNGS, at, &e), RECSYS_ERR_CANCELLED);
            assert_non_null(strstr(e.message, "cancelled"));
        }
    free(users), free(items), free(out);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_same_bits_as_rank),
        cmocka_unit_test(test_bad_width_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
