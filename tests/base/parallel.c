/* parallel.c - tests of the parallel loop: every index once, cuts that do not depend on threads, OpenMP left as it was.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/parallel.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

enum { N_MAX = 1000 };

typedef struct record {
    int32_t threads;                          /* most that may be at work */
    int32_t begin_of[N_MAX], visits[N_MAX];   /* for each index */
    atomic_int bad_thread;
} record;

static void body(void *data, int64_t begin, int64_t end, int32_t thread)
{
    record *r = data;
    if (thread < 0 || thread >= r->threads) atomic_store(&r->bad_thread, 1);
    for (int64_t k = begin; k < end; k++) {
        r->begin_of[k] = (int32_t)begin;
        r->visits[k]++;
    }
}

static void test_covers_all(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    const int64_t sizes[] = {0, 1, 2, 31, 32, 33, 997}, chunks[] = {1, 7, 32, 2000, 0};
    const int32_t threads[] = {1, 2, 3, 8};
    record *r = malloc(sizeof *r);
    assert_non_null(r);
    for (size_t t = 0; t < 4; t++) {
        recsys_exec *x = fixture_exec(&f, threads[t], 0, 0);
        for (size_t s = 0; s < 7; s++)
            for (size_t c = 0; c < 5; c++) {
                memset(r, 0, sizeof *r);
                r->threads = threads[t];
                recsys__parallel_for(x, sizes[s], chunks[c], body, r);
                int64_t chunk = chunks[c] ? chunks[c] : 1;
                for (int64_t k = 0; k < N_MAX; k++) {
                    assert_int_equal(r->visits[k], k < sizes[s]);
                    if (k < sizes[s]) assert_int_equal(r->begin_of[k], k / chunk * chunk);
                }
                assert_int_equal(atomic_load(&r->bad_thread), 0);
            }
        recsys_exec_release(x);
    }
    free(r);
    fixture_close(&f);
}

/* The last chunk ends at n even where begin + chunk would overflow. */
static void record_range(void *data, int64_t begin, int64_t end, int32_t thread)
{
    (void)thread;
    int64_t *range = data;
    range[0] = begin;
    range[1] = end;
}

static void test_large_bounds(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    int64_t range[2];
    recsys__parallel_for(f.exec, INT64_MAX, INT64_MAX - 1, record_range, range);
    assert_true(range[0] == INT64_MAX - 1 && range[1] == INT64_MAX);
    recsys__parallel_for(f.exec, INT64_MAX, INT64_MAX, record_range, range);
    assert_true(range[0] == 0 && range[1] == INT64_MAX);
    fixture_close(&f);
}

static void count_calls(void *data, int64_t begin, int64_t end, int32_t thread)
{
    (void)begin, (void)end, (void)thread;
    atomic_fetch_add((atomic_int *)data, 1);
}

/* The program's own width stays, and a program may call from inside its own parallel region. */
static void test_openmp_untouched(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 3);
    int width = omp_get_max_threads(), dynamic = omp_get_dynamic(), levels = omp_get_max_active_levels();
    atomic_int calls = 0;
    recsys__parallel_for(f.exec, 100, 1, count_calls, &calls);
    assert_int_equal(atomic_load(&calls), 100);
#pragma omp parallel num_threads(2)
    {
#pragma omp single
        recsys__parallel_for(f.exec, 100, 1, count_calls, &calls);
    }
    assert_int_equal(atomic_load(&calls), 200);
    assert_int_equal(omp_get_max_threads(), width);
    assert_int_equal(omp_get_dynamic(), dynamic);
    assert_int_equal(omp_get_max_active_levels(), levels);
    assert_true(recsys__processors() >= 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_covers_all),
        cmocka_unit_test(test_large_bounds),
        cmocka_unit_test(test_openmp_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
