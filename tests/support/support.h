/* support.h - what the tests share: a heap that counts and fails on demand, folders, small datasets, checks of errors.
 *
 * A typical test:
 *
 *     fixture f;
 *     fixture_open(&f, 2);                                     environment, exec with 2 threads, a temporary folder
 *     recsys_dataset *d = test_random_dataset(f.exec, 20, 15, 6, TEST_VALUES, 1);
 *     expect_ok(f.exec, recsys_model_fit(...));
 *     expect_error(f.exec, recsys_model_fit(...), RECSYS_ERR_NUMERIC, "l2|-3");
 *     recsys_dataset_release(d);
 *     fixture_close(&f);                                       fails if a block is still held
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <recsys/recsys.h>

#include "support/late.h"

/* A heap on top of the C library's: counts what is held, fills new blocks with a pattern that is no zero, checks that a
 * block comes back with the size and alignment it was taken with, and fails when asked. Must not move once initialised. */
typedef struct test_heap {
    recsys_allocator allocator; /* for recsys_env_options */
    atomic_llong calls;         /* allocations asked for so far */
    atomic_llong refused;       /* of these, how many got NULL */
    atomic_llong blocks, bytes; /* held now */
    atomic_llong fail_at;       /* number (from 1) of the call that gets NULL; 0: none */
    atomic_int fail_after_too;  /* 1: so do all calls after it */
    atomic_int broken_frees;    /* blocks that came back with another size or alignment */
} test_heap;

void test_heap_init(test_heap *heap);

/* Lets the n-th allocation from now fail (1: the next), and if `after_too` all later ones. 0: none. */
void test_heap_fail(test_heap *heap, int64_t n, int after_too);

/* An environment on a heap of its own, an exec in it, and an empty folder. */
typedef struct fixture {
    test_heap heap;
    recsys_env *env;
    recsys_exec *exec;
    struct late *late; /* the device of all execs, if it is the late one; else NULL */
    char folder[64];
} fixture;

/* Opens all three; `threads` as in recsys_exec_options. */
void fixture_open(fixture *f, int32_t threads);

/* Releases all three; fails the test if the library still holds a block or gave one back wrongly. */
void fixture_close(fixture *f);

/* One more exec of the fixture's environment, for other threads, limits or seeds. Released by the caller. */
recsys_exec *fixture_exec(fixture *f, int32_t threads, int64_t memory_limit, uint64_t seed);

/* The path of a file in the fixture's folder, written to `path`; returns it. */
#define TEST_PATH_ROOM 256
const char *fixture_path(const fixture *f, const char *name, char path[TEST_PATH_ROOM]);

/* Number of entries in the fixture's folder, and in any. */
int64_t fixture_entries(const fixture *f);
int64_t test_entries(const char *folder);

/* Whole files; both fail the test on an error. The bytes read are followed by a zero and freed with free(). */
void test_write_file(const char *path, const void *bytes, size_t size);
void test_write_text(const char *path, const char *text);
unsigned char *test_read_file(const char *path, size_t *size);

/* Removes a folder with all that is in it. */
void test_remove_folder(const char *folder);

/* What a random dataset has besides users and items. */
enum {
    TEST_VALUES = 1,   /* 1 to 5 in halves */
    TEST_TIMES = 2,    /* distinct */
    TEST_STRINGS = 4,  /* ids "u3", "i7" instead of 3, 7 */
    TEST_REPEATS = 8,  /* a user may meet an item more than once */
    TEST_BEHAVIOURS = 16 /* "view", "cart", "buy" */
};

/* A dataset of `n_users` users with about `per_user` events each over `n_items` items, in which items of one third of the
 * catalogue go together. A pure function of its arguments. Every item has at least one event if n_users * per_user is a
 * few times n_items. The first returns the status of the library's calls, the second fails the test on an error. */
recsys_status test_make_dataset(recsys_exec *exec, int64_t n_users, int64_t n_items, int64_t per_user, int flags,
                                uint64_t seed, recsys_dataset **dataset);
recsys_dataset *test_random_dataset(recsys_exec *exec, int64_t n_users, int64_t n_items, int64_t per_user, int flags,
                                    uint64_t seed);

/* A dataset of integer ids from arrays; `values` and `times` may be NULL. */
recsys_dataset *test_dataset_of(recsys_exec *exec, const int64_t *users, const int64_t *items, const float *values,
                                const int64_t *times, int64_t count);

/* A small pseudo-random generator, unrelated to the library's. Seed it with any number. */
uint64_t test_random(uint64_t *state);
/* Uniform in [0, 1). */
double test_random_unit(uint64_t *state);

/* Fails the test with the exec's message unless `call` gives RECSYS_OK. */
#define expect_ok(exec, call) test_expect((exec), (call), RECSYS_OK, NULL, #call, __FILE__, __LINE__)

/* Fails the test unless `call` gives the code and the exec's message holds each of `words` ("path|line 3"; NULL: any). */
#define expect_error(exec, call, code, words) test_expect((exec), (call), (code), (words), #call, __FILE__, __LINE__)

void test_expect(const recsys_exec *exec, recsys_status status, recsys_status wanted, const char *words, const char *call,
                 const char *file, int line);

#endif
