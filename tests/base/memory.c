/* memory.c - tests of memory accounts: limits, counters, overflow, failure, threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

#include "tests/support/support.h"

enum { HEAD = 64 }; /* what each block takes beyond its size */

static memory *open_account(test_heap *heap, int64_t limit)
{
    test_heap_init(heap);
    memory *m = recsys__memory_open(&heap->allocator, limit);
    assert_non_null(m);
    return m;
}

static void close_account(test_heap *heap, memory *m)
{
    assert_int_equal(recsys__memory_used(m), 0);
    recsys__memory_release(m);
    assert_int_equal(atomic_load(&heap->blocks), 0);
    assert_int_equal(atomic_load(&heap->broken_frees), 0);
}

static void test_counts_and_alignment(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 0);
    assert_true(recsys__memory_limit(m) == INT64_MAX);
    void *block[40];
    int64_t used = 0;
    for (int64_t k = 0; k < 40; k++) {
        assert_int_equal(recsys__alloc(m, NULL, k, 3, &block[k]), RECSYS_OK);
        assert_non_null(block[k]);
        assert_int_equal((uintptr_t)block[k] % 64, 0);
        memset(block[k], 1, (size_t)k * 3);
        used += HEAD + 3 * k;
        assert_int_equal(recsys__memory_used(m), used);
    }
    for (int64_t k = 0; k < 40; k++) recsys__free(m, block[k]);
    recsys__free(m, NULL);
    assert_int_equal(recsys__memory_peak(m), used);
    recsys__memory_reset_peak(m);
    assert_int_equal(recsys__memory_peak(m), 0);
    close_account(&heap, m);
}

static void test_zeroed(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 0);
    unsigned char *p, zero[999] = {0};
    assert_int_equal(recsys__alloc_zero(m, NULL, 333, 3, &p), RECSYS_OK);
    assert_memory_equal(p, zero, 999);
    recsys__free(m, p);
    close_account(&heap, m);
}

static void test_overflow(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 0);
    const struct {
        int64_t count;
        size_t size;
    } cases[] = {{-1, 1}, {-1, 0}, {INT64_MAX, 1}, {INT64_MAX, 8}, {(int64_t)1 << 61, 8}, {2, SIZE_MAX / 2}, {1, SIZE_MAX}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        error e = {0};
        void *p = &e;
        assert_int_equal(recsys__alloc(m, &e, cases[k].count, cases[k].size, &p), RECSYS_ERR_TOO_LARGE);
        assert_null(p);
        assert_true(strlen(e.message) > 0);
    }
    assert_int_equal(atomic_load(&heap.calls), 1); /* the account alone */
    close_account(&heap, m);
}

static void test_limit(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 2000000000);
    error e = {0};
    void *p, *q;
    assert_int_equal(recsys__alloc(m, &e, 1000, 1, &p), RECSYS_OK);
    assert_int_equal(recsys__alloc(m, &e, 3360000000, 1, &q), RECSYS_ERR_MEMORY_LIMIT);
    assert_null(q);
    assert_string_equal(e.message, "needs 3.36 GB more (3360000064 bytes), 1.06 kB in use, limit 2.00 GB (2000000000 bytes)");
    assert_int_equal(recsys__memory_used(m), 1064);
    assert_int_equal(recsys__memory_peak(m), 1064);
    recsys__free(m, p);
    close_account(&heap, m);

    m = open_account(&heap, 128); /* the limit itself is allowed */
    assert_int_equal(recsys__alloc(m, &e, 65, 1, &p), RECSYS_ERR_MEMORY_LIMIT);
    assert_int_equal(recsys__alloc(m, &e, 64, 1, &p), RECSYS_OK);
    assert_int_equal(recsys__alloc(m, &e, 0, 1, &q), RECSYS_ERR_MEMORY_LIMIT);
    recsys__free(m, p);
    close_account(&heap, m);
}

static void test_check(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 1000000);
    error e = {0};
    assert_int_equal(recsys__memory_check(m, &e, 1000000 - HEAD, "ease"), RECSYS_OK);
    assert_int_equal(recsys__memory_check(m, &e, 1000000 - HEAD + 1, "ease on 40981 items"), RECSYS_ERR_MEMORY_LIMIT);
    assert_memory_equal(e.message, "ease on 40981 items needs 999.93 kB more (999937 bytes), 0 bytes in use, ", 72);
    assert_int_equal(recsys__memory_check(m, &e, -1, "ease"), RECSYS_ERR_TOO_LARGE);
    assert_int_equal(recsys__memory_check(m, &e, INT64_MAX, "ease"), RECSYS_ERR_TOO_LARGE);
    close_account(&heap, m);
}

static void test_allocator_says_no(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 0);
    error e = {0};
    void *p;
    test_heap_fail(&heap, 1, 0);
    assert_int_equal(recsys__alloc(m, &e, 1 << 20, 1, &p), RECSYS_ERR_NO_MEMORY);
    assert_null(p);
    assert_non_null(strstr(e.message, "1.04 MB (1048640 bytes)"));
    assert_int_equal(recsys__memory_used(m), 0);
    close_account(&heap, m);

    test_heap_init(&heap);
    test_heap_fail(&heap, 1, 0);
    assert_null(recsys__memory_open(&heap.allocator, 0));
}

static void test_resize(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 4096);
    error e = {0};
    unsigned char *p = NULL;
    assert_int_equal(recsys__resize(m, &e, 100, 1, &p), RECSYS_OK);
    for (int k = 0; k < 100; k++) p[k] = (unsigned char)k;
    assert_int_equal(recsys__resize(m, &e, 1000, 1, &p), RECSYS_OK);
    for (int k = 0; k < 100; k++) assert_int_equal(p[k], k);
    assert_int_equal(recsys__memory_used(m), 1000 + HEAD);

    unsigned char *before = p;
    assert_int_equal(recsys__resize(m, &e, 4000, 1, &p), RECSYS_ERR_MEMORY_LIMIT);
    test_heap_fail(&heap, 1, 0);
    assert_int_equal(recsys__resize(m, &e, 2000, 1, &p), RECSYS_ERR_NO_MEMORY);
    assert_ptr_equal(p, before);
    assert_int_equal(p[99], 99);

    assert_int_equal(recsys__resize(m, &e, 50, 1, &p), RECSYS_OK);
    assert_int_equal(p[49], 49);
    assert_int_equal(recsys__memory_used(m), 50 + HEAD);
    recsys__free(m, p);
    close_account(&heap, m);
}

/* A block goes back to its own account, whatever account is named. */
static void test_two_accounts(void **state)
{
    (void)state;
    test_heap heap;
    memory *a = open_account(&heap, 0), *b = recsys__memory_open(&heap.allocator, 0);
    void *p;
    assert_int_equal(recsys__alloc(a, NULL, 10, 1, &p), RECSYS_OK);
    assert_ptr_equal(recsys__memory_retain(a), a);
    recsys__memory_release(a);
    recsys__free(b, p);
    assert_int_equal(recsys__memory_used(a), 0);
    recsys__memory_release(b);
    recsys__memory_release(NULL);
    close_account(&heap, a);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 20000 };

typedef struct worker {
    pthread_t thread;
    memory *account;
    int64_t size, refused, broken;
} worker;

static void *work(void *data)
{
    worker *w = data;
    for (int round = 0; round < ROUNDS; round++) {
        void *p;
        if (recsys__alloc(w->account, NULL, w->size, 1, &p)) w->refused++;
        w->broken += recsys__memory_used(w->account) > recsys__memory_limit(w->account);
        recsys__free(w->account, p);
    }
    return NULL;
}

/* Any two blocks fit, three do not: with four threads some are refused, and never is the limit exceeded. */
static void test_threads_share_the_limit(void **state)
{
    (void)state;
    test_heap heap;
    memory *m = open_account(&heap, 2 * (1000 + HEAD));
    worker workers[THREADS];
    for (int k = 0; k < THREADS; k++) {
        workers[k] = (worker){.account = m, .size = 1000 - k};
        assert_int_equal(pthread_create(&workers[k].thread, NULL, work, &workers[k]), 0);
    }
    for (int k = 0; k < THREADS; k++) {
        pthread_join(workers[k].thread, NULL);
        assert_int_equal(workers[k].broken, 0);
    }
    assert_true(recsys__memory_peak(m) <= recsys__memory_limit(m));
    close_account(&heap, m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_alignment), cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_overflow),             cmocka_unit_test(test_limit),
        cmocka_unit_test(test_check),                cmocka_unit_test(test_allocator_says_no),
        cmocka_unit_test(test_resize),               cmocka_unit_test(test_two_accounts),
        cmocka_unit_test(test_threads_share_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
