/* permutation.c - the computed shuffle: one to one for every size, and as random as a shuffle must look.
 *
 * Bounds on chi-square are the mean of its distribution and six standard deviations more, for fixed seeds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/permutation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include "base/random.h"
#include "base/sort.h"

static permutation shuffle_of(int64_t n, uint64_t seed, uint64_t step)
{
    return recsys__permutation(n, seed, RANDOM_TEST, step, 0);
}

/* All of 0..n-1, written to `to`; fails unless each comes once. */
static void expect_one_to_one(const permutation *p, int64_t *to, uint8_t *seen)
{
    memset(seen, 0, (size_t)p->n);
    for (int64_t x = 0; x < p->n; x++) {
        to[x] = recsys__permute(p, x);
        if (to[x] < 0 || to[x] >= p->n || seen[to[x]]++)
            fail_msg("n=%lld: %lld goes to %lld", (long long)p->n, (long long)x, (long long)to[x]);
    }
}

static void expect_chi_square(const int64_t *count, int64_t bins, double wanted, const char *what)
{
    double chi2 = 0.0, freedom = (double)(bins - 1);
    for (int64_t b = 0; b < bins; b++) chi2 += ((double)count[b] - wanted) * ((double)count[b] - wanted) / wanted;
    if (chi2 > freedom + 6.0 * sqrt(2.0 * freedom) + 6.0)
        fail_msg("%s: chi-square %g with %lld bins", what, chi2, (long long)bins);
}

static void test_one_to_one(void **state)
{
    static const int64_t large[] = { 4095, 4096, 4097, 65535, 65536, 65537, 99999, 1000003, 1 << 20, (1 << 20) + 1 };
    enum { SMALL = 3000, ROOM = (1 << 20) + 1 };
    int64_t *to = malloc(ROOM * sizeof *to);
    uint8_t *seen = malloc(ROOM);
    for (int64_t n = 1; n <= SMALL; n++) {
        permutation p = shuffle_of(n, 3, (uint64_t)n);
        expect_one_to_one(&p, to, seen);
    }
    for (int64_t n = 1; n <= 40; n++)
        for (uint64_t seed = 0; seed < 200; seed++) {
            permutation p = shuffle_of(n, seed, 0);
            expect_one_to_one(&p, to, seen);
        }
    for (size_t k = 0; k < sizeof large / sizeof *large; k++) {
        permutation p = shuffle_of(large[k], 5, 0);
        expect_one_to_one(&p, to, seen);
    }
    free(to), free(seen);
    (void)state;
}

/* Too many to try all: ranges of neighbours stay apart and inside. */
static void test_large(void **state)
{
    static const int64_t sizes[] = { INT64_C(1) << 31, (INT64_C(1) << 32) + 1, 999999999989, (INT64_C(1) << 53) - 111,
                                     (INT64_C(1) << 62) - 1, INT64_C(1) << 62 };
    enum { RANGE = 20000 };
    uint64_t *to = malloc(2 * RANGE * sizeof *to);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        permutation p = shuffle_of(sizes[k], 7, 0);
        int64_t quarter[4] = { 0 };
        for (int64_t x = 0; x < RANGE; x++) {
            to[x] = (uint64_t)recsys__permute(&p, x);
            to[RANGE + x] = (uint64_t)recsys__permute(&p, sizes[k] - 1 - x);
        }
        for (int64_t x = 0; x < 2 * RANGE; x++) {
            assert_true(to[x] < (uint64_t)sizes[k]);
            quarter[to[x] / (((uint64_t)sizes[k] + 3) / 4)]++;
        }
        expect_chi_square(quarter, 4, RANGE / 2.0, "quarters");
        recsys__sort_u64(to, 2 * RANGE);
        for (int64_t x = 1; x < 2 * RANGE; x++) assert_true(to[x] != to[x - 1]);
    }
    free(to);
    (void)state;
}

/* For few elements each order is as frequent as any other. */
static void test_all_orders(void **state)
{
    static const int64_t orders[] = { 1, 1, 2, 6, 24, 120 };
    enum { TRIES = 24000 };
    for (int64_t n = 1; n <= 5; n++) {
        int64_t count[3125] = { 0 }, dense[120], found = 0, codes = 1;
        for (int64_t k = 0; k < n; k++) codes *= n;
        for (uint64_t step = 0; step < TRIES; step++) {
            permutation p = shuffle_of(n, 1, step);
            int64_t code = 0;
            for (int64_t x = 0; x < n; x++) code = code * n + recsys__permute(&p, x);
            count[code]++;
        }
        for (int64_t c = 0; c < codes; c++)
            if (count[c] > 0) dense[found++] = count[c];
        assert_int_equal(found, orders[n]);
        if (n > 1) expect_chi_square(dense, found, (double)TRIES / (double)found, "orders");
    }
    (void)state;
}

/* Where positions go under many keys: anywhere. */
static void test_many_keys(void **state)
{
    static const struct { int64_t n, bins; } at[] = { { 7, 7 }, { 10, 10 }, { 64, 32 }, { 100, 50 }, { 839, 839 }, { 100000, 50 } };
    enum { KEYS = 20000, BINS = 839 };
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        int64_t n = at[k].n, bins = at[k].bins, first[BINS] = { 0 }, last[BINS] = { 0 }, gap[BINS] = { 0 };
        for (uint64_t step = 0; step < KEYS; step++) {
            permutation p = shuffle_of(n, 11, step);
            int64_t a = recsys__permute(&p, 0), b = recsys__permute(&p, 1), z = recsys__permute(&p, n - 1);
            first[a * bins / n]++;
            last[z * bins / n]++;
            if (n <= BINS) gap[(b - a + n) % n - 1]++; /* 1..n-1, one as likely as the other */
        }
        expect_chi_square(first, bins, (double)KEYS / (double)bins, "first position");
        expect_chi_square(last, bins, (double)KEYS / (double)bins, "last position");
        if (n <= BINS) expect_chi_square(gap, n - 1, (double)KEYS / (double)(n - 1), "gap of neighbours");
    }
    (void)state;
}

/* One shuffle of many: where positions go to, the gaps between neighbours and between those one row of the domain apart, and
 * how many stay where they are. */
static void test_one_key(void **state)
{
    enum { N = 102400, CELLS = 32, GAPS = 100 };
    static const int64_t distance[] = { 1, 2, 256, 400 };
    int64_t *to = malloc(N * sizeof *to);
    for (uint64_t step = 0; step < 20; step++) {
        permutation p = shuffle_of(N, 13, step);
        int64_t cell[CELLS * CELLS] = { 0 }, fixed = 0, rising = 0;
        for (int64_t x = 0; x < N; x++) {
            to[x] = recsys__permute(&p, x);
            cell[x * CELLS / N * CELLS + to[x] * CELLS / N]++;
            fixed += to[x] == x;
            rising += x > 0 && to[x] > to[x - 1];
        }
        expect_chi_square(cell, CELLS * CELLS, (double)N / (CELLS * CELLS), "position and place");
        assert_true(fixed <= 10); /* Poisson of mean 1 */
        assert_true(fabs((double)rising - N / 2.0) < 6.0 * sqrt(N / 12.0));
        for (size_t d = 0; d < sizeof distance / sizeof *distance; d++) {
            int64_t gap[GAPS] = { 0 };
            for (int64_t x = 0; x + distance[d] < N; x++) gap[(to[x + distance[d]] - to[x] + N) % N * GAPS / N]++;
            expect_chi_square(gap, GAPS, (double)(N - distance[d]) / GAPS, "gaps");
        }
    }
    free(to);
    (void)state;
}

/* Each part of the key counts, and two shuffles have as many places in common as chance gives. */
static void test_keys_differ(void **state)
{
    enum { N = 5000 };
    const permutation base = recsys__permutation(N, 1, RANDOM_TEST, 2, 3);
    const permutation other[] = {
        recsys__permutation(N, 2, RANDOM_TEST, 2, 3), recsys__permutation(N, 1, RANDOM_ORDER, 2, 3),
        recsys__permutation(N, 1, RANDOM_TEST, 3, 3), recsys__permutation(N, 1, RANDOM_TEST, 2, 4),
    };
    for (size_t k = 0; k < sizeof other / sizeof *other; k++) {
        int64_t common = 0, near = 0;
        for (int64_t x = 0; x < N; x++) {
            int64_t a = recsys__permute(&base, x), b = recsys__permute(&other[k], x);
            common += a == b;
            near += llabs((long long)(a - b)) < N / 10;
        }
        assert_true(common <= 10);
        assert_true(near > 700 && near < 1200); /* 0.19 N = 950 */
    }
    permutation same = recsys__permutation(N, 1, RANDOM_TEST, 2, 3);
    for (int64_t x = 0; x < N; x++) assert_int_equal(recsys__permute(&same, x), recsys__permute(&base, x));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_to_one),  cmocka_unit_test(test_large),   cmocka_unit_test(test_all_orders),
        cmocka_unit_test(test_many_keys),   cmocka_unit_test(test_one_key), cmocka_unit_test(test_keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
