/* env_exec.c - tests of environments and execs: options, devices, errors, memory, log, progress, cancelling.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/registry.h"
#include "base/exec.h"
#include "base/scratch.h"
#include "tests/support/support.h"

/* ---- environments ---- */

static void expect_env_error(recsys_env_options *options, recsys_status wanted, const char *words)
{
    recsys_env *env = (recsys_env *)(void *)options; /* anything but NULL */
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_env_create(options, &env, &info), wanted);
    assert_int_equal(info.status, wanted);
    if (!strstr(info.message, words)) fail_msg("\"%s\" does not say \"%s\"", info.message, words);
    assert_null(env);
}

static void test_env_defaults(void **state)
{
    (void)state;
    recsys_env *env;
    assert_int_equal(recsys_env_create(NULL, &env, NULL), RECSYS_OK);
    assert_non_null(env);
    assert_ptr_equal(recsys_env_retain(env), env);
    recsys_env_release(env);
    recsys_env_release(env);
    recsys_env_release(NULL);
    assert_null(recsys_env_retain(NULL));
}

static void test_env_bad_options(void **state)
{
    (void)state;
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_env_create(NULL, NULL, &info), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(info.status, RECSYS_ERR_INVALID_ARGUMENT);

    recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
    options.struct_size = 0;
    expect_env_error(&options, RECSYS_ERR_STRUCT_SIZE, "recsys_env_options: struct_size is 0");
    options.struct_size = sizeof options;
    options.log_level = 5;
    expect_env_error(&options, RECSYS_ERR_INVALID_ARGUMENT, "log_level 5");
    options.log_level = -1;
    expect_env_error(&options, RECSYS_ERR_INVALID_ARGUMENT, "log_level -1");
    options.log_level = 0;

    test_heap heap;
    test_heap_init(&heap);
    options.allocator = &heap.allocator;
    heap.allocator.free = NULL;
    expect_env_error(&options, RECSYS_ERR_INVALID_ARGUMENT, "alloc and free");
    heap.allocator.struct_size = 1;
    expect_env_error(&options, RECSYS_ERR_STRUCT_SIZE, "recsys_allocator");
}

/* Each allocation of making an environment and an exec fails once. */
static void test_failing_memory(void **state)
{
    (void)state;
    recsys_status status = RECSYS_ERR_NO_MEMORY;
    for (int64_t at = 1; status; at++) {
        test_heap heap;
        test_heap_init(&heap);
        test_heap_fail(&heap, at, 0);
        recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
        options.allocator = &heap.allocator;
        recsys_env *env;
        recsys_exec *exec = NULL;
        recsys_error_info info = RECSYS_ERROR_INFO_INIT;
        status = recsys_env_create(&options, &env, &info);
        if (!status) status = recsys_exec_create(env, NULL, &exec, &info);
        if (status) {
            assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
            assert_int_equal(info.status, RECSYS_ERR_NO_MEMORY);
            assert_true(strlen(info.message) > 0);
            assert_null(exec);
        }
        recsys_exec_release(exec);
        recsys_env_release(env);
        assert_int_equal(atomic_load(&heap.blocks), 0);
        assert_int_equal(atomic_load(&heap.broken_frees), 0);
    }
}

static void test_devices(void **state)
{
    fixture *f = *state;
    assert_int_equal(recsys_env_device_count(f->env), 1);
    recsys_device_info info = RECSYS_DEVICE_INFO_INIT;
    assert_int_equal(recsys_env_device(f->env, 0, &info), RECSYS_OK);
    assert_string_equal(info.name, "cpu");
    assert_true(strlen(info.description) > 0);
    assert_true(info.memory_bytes > 0);
    assert_int_equal(recsys_env_device(f->env, 1, &info), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_env_device(f->env, -1, &info), RECSYS_ERR_OUT_OF_RANGE);
    assert_int_equal(recsys_env_device(NULL, 0, &info), RECSYS_ERR_INVALID_ARGUMENT);
    info.struct_size = 20;
    assert_int_equal(recsys_env_device(f->env, 0, &info), RECSYS_ERR_STRUCT_SIZE);
    assert_int_equal(recsys_env_device_count(NULL), 0);
}

/* ---- execs ---- */

static void expect_exec_error(recsys_env *env, const recsys_exec_options *options, recsys_status wanted, const char *words)
{
    recsys_exec *exec = (recsys_exec *)(void *)env; /* anything but NULL */
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_exec_create(env, options, &exec, &info), wanted);
    if (!strstr(info.message, words)) fail_msg("\"%s\" does not say \"%s\"", info.message, words);
    assert_null(exec);
}

static void test_exec_bad_options(void **state)
{
    fixture *f = *state;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.device = "cuda";
    expect_exec_error(f->env, &options, RECSYS_ERR_DEVICE, "device \"cuda\" is not available: ");
    options.device = "";
    expect_exec_error(f->env, &options, RECSYS_ERR_DEVICE, "device \"\"");
    options.device = "cpu";
    options.threads = -1;
    expect_exec_error(f->env, &options, RECSYS_ERR_INVALID_ARGUMENT, "threads is -1");
    options.threads = 1025;
    expect_exec_error(f->env, &options, RECSYS_ERR_INVALID_ARGUMENT, "threads is 1025");
    options.threads = 0;
    options.memory_limit = -5;
    expect_exec_error(f->env, &options, RECSYS_ERR_INVALID_ARGUMENT, "memory_limit is -5");
    options.memory_limit = 0;
    options.reserved = 1;
    expect_exec_error(f->env, &options, RECSYS_ERR_INVALID_ARGUMENT, "reserved");
    options.struct_size = 4;
    expect_exec_error(f->env, &options, RECSYS_ERR_STRUCT_SIZE, "recsys_exec_options");
    expect_exec_error(NULL, NULL, RECSYS_ERR_INVALID_ARGUMENT, "env is NULL");
    assert_int_equal(recsys_exec_create(f->env, NULL, NULL, NULL), RECSYS_ERR_INVALID_ARGUMENT);
}

static void test_exec_defaults(void **state)
{
    fixture *f = *state;
    recsys_exec *x;
    recsys_device_info device = RECSYS_DEVICE_INFO_INIT;
    recsys_memory_info memory_info = RECSYS_MEMORY_INFO_INIT;
    recsys_error_info error_info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_exec_create(f->env, NULL, &x, NULL), RECSYS_OK);
    assert_true(recsys_exec_threads(x) >= 1);
    assert_ptr_equal(recsys_exec_env(x), f->env);
    recsys_env_device(f->env, 0, &device);
    assert_int_equal(recsys_exec_memory(x, &memory_info), RECSYS_OK);
    assert_true(memory_info.used == 0 && memory_info.peak == 0 && memory_info.limit == device.memory_bytes);
    assert_int_equal(recsys_exec_last_error(x, &error_info), RECSYS_OK);
    assert_int_equal(error_info.status, RECSYS_OK);
    assert_ptr_equal(recsys_exec_retain(x), x);
    recsys_exec_release(x);
    recsys_exec_release(x);
    recsys_exec_release(NULL);
}

/* Calls with nothing to work on answer and do not crash. */
static void test_exec_null(void **state)
{
    (void)state;
    recsys_memory_info memory_info = RECSYS_MEMORY_INFO_INIT;
    recsys_error_info error_info = RECSYS_ERROR_INFO_INIT;
    assert_int_equal(recsys_exec_memory(NULL, &memory_info), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_exec_last_error(NULL, &error_info), RECSYS_ERR_INVALID_ARGUMENT);
    assert_int_equal(recsys_exec_threads(NULL), 0);
    assert_null(recsys_exec_env(NULL));
    assert_null(recsys_exec_retain(NULL));
    recsys_exec_cancel(NULL);
    recsys_exec_reset_cancel(NULL);
    recsys_exec_reset_peak(NULL);
}

/* The program may drop the environment first. */
static void test_exec_keeps_env(void **state)
{
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
    options.allocator = &heap.allocator;
    recsys_env *env;
    recsys_exec *x;
    assert_int_equal(recsys_env_create(&options, &env, NULL), RECSYS_OK);
    assert_int_equal(recsys_exec_create(env, NULL, &x, NULL), RECSYS_OK);
    recsys_env_release(env);
    recsys_device_info info = RECSYS_DEVICE_INFO_INIT;
    assert_int_equal(recsys_env_device(recsys_exec_env(x), 0, &info), RECSYS_OK);
    recsys_exec_release(x);
    assert_int_equal(atomic_load(&heap.blocks), 0);
}

static void test_memory_limit(void **state)
{
    fixture *f = *state;
    recsys_exec *x = fixture_exec(f, 1, 10000, 0);
    void *p, *q;
    expect_ok(x, recsys__alloc(x->memory, &x->error, 5000, 1, &p));
    expect_error(x, recsys__alloc(x->memory, &x->error, 5000, 1, &q), RECSYS_ERR_MEMORY_LIMIT, "5064 bytes|limit 10.00 kB");
    recsys__free(x->memory, p);
    recsys_memory_info info = RECSYS_MEMORY_INFO_INIT;
    recsys_exec_memory(x, &info);
    assert_true(info.used == 0 && info.peak == 5064 && info.limit == 10000);
    recsys_exec_reset_peak(x);
    recsys_exec_memory(x, &info);
    assert_int_equal(info.peak, 0);
    info.struct_size = 3;
    assert_int_equal(recsys_exec_memory(x, &info), RECSYS_ERR_STRUCT_SIZE);
    recsys_exec_release(x);
}

static void test_scratch(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    char *a, *b, *c;
    expect_ok(x, recsys__scratch(x, SCRATCH_MODEL_A, 100, 8, &a));
    expect_ok(x, recsys__scratch(x, SCRATCH_MODEL_B, 100, 8, &b));
    assert_ptr_not_equal(a, b);
    long long calls = atomic_load(&f->heap.calls);
    expect_ok(x, recsys__scratch(x, SCRATCH_MODEL_A, 200, 4, &c));
    assert_ptr_equal(a, c);
    assert_int_equal(atomic_load(&f->heap.calls), calls);
    expect_ok(x, recsys__scratch(x, SCRATCH_MODEL_A, 1000, 8, &c));
    memset(c, 1, 8000);
    test_heap_fail(&f->heap, 1, 0);
    expect_error(x, recsys__scratch(x, SCRATCH_MODEL_A, 2000, 8, &c), RECSYS_ERR_NO_MEMORY, NULL);
    assert_null(c);
    expect_ok(x, recsys__scratch(x, SCRATCH_MODEL_A, 1, 8, &c));
    recsys__scratch_free(x);
    assert_int_equal(recsys__memory_used(x->memory), 0);
}

/* ---- log ---- */

typedef struct log_record {
    int32_t count, level;
    char component[32], message[1100];
} log_record;

static void keep_line(void *user, int32_t level, const char *component, const char *message)
{
    log_record *r = user;
    r->count++;
    r->level = level;
    snprintf(r->component, sizeof r->component, "%s", component);
    snprintf(r->message, sizeof r->message, "%s", message);
}

static void test_log_levels(void **state)
{
    (void)state;
    for (int32_t level = RECSYS_LOG_DEFAULT; level <= RECSYS_LOG_TRACE; level++) {
        log_record r = {0};
        recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
        options.log = keep_line;
        options.log_user = &r;
        options.log_level = level;
        recsys_env *env;
        recsys_exec *x;
        assert_int_equal(recsys_env_create(&options, &env, NULL), RECSYS_OK);
        assert_int_equal(recsys_exec_create(env, NULL, &x, NULL), RECSYS_OK);
        r.count = 0;
        for (int32_t k = RECSYS_LOG_ERROR; k <= RECSYS_LOG_TRACE; k++) recsys__log(x, k, "data", "level %d", (int)k);
        int32_t most = level == RECSYS_LOG_DEFAULT ? RECSYS_LOG_WARNING : level;
        char wanted[32];
        snprintf(wanted, sizeof wanted, "level %d", (int)most);
        assert_int_equal(r.count, most);
        assert_int_equal(r.level, most);
        assert_string_equal(r.component, "data");
        assert_string_equal(r.message, wanted);
        recsys_exec_release(x);
        recsys_env_release(env);
    }
}

/* ---- progress and cancelling ---- */

typedef struct progress_record {
    int32_t count, stop_at; /* answers 1 at this call; 0: never */
    recsys_progress last;
} progress_record;

static int32_t keep_progress(void *user, const recsys_progress *progress)
{
    progress_record *r = user;
    r->count++;
    r->last = *progress;
    return r->count == r->stop_at;
}

static recsys_exec *progress_exec(fixture *f, progress_record *r)
{
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.progress = keep_progress;
    options.progress_user = r;
    recsys_exec *x;
    assert_int_equal(recsys_exec_create(f->env, &options, &x, NULL), RECSYS_OK);
    return x;
}

/* However many steps half a second holds: the first report, the last, and about five between. */
static void test_progress_rate(void **state)
{
    progress_record r = {0};
    recsys_exec *x = progress_exec(*state, &r);
    expect_ok(x, recsys__phase(x, "gram"));
    assert_int_equal(r.count, 1);
    assert_string_equal(r.last.phase, "gram");
    assert_int_equal(r.last.done, 0);
    assert_int_equal(r.last.struct_size, sizeof r.last);
    double start = recsys__seconds();
    int64_t step = 0;
    while (recsys__seconds() - start < 0.55) expect_ok(x, recsys__progress(x, ++step, INT64_MAX));
    int32_t between = r.count - 1;
    assert_in_range(between, 1, 6); /* fewer than 5 only where the machine had other work */
    assert_true(r.last.seconds > 0 && r.last.seconds < 60);
    expect_ok(x, recsys__progress(x, step, step));
    assert_int_equal(r.count, between + 2);
    assert_true(r.last.done == step && r.last.total == step);
    recsys_exec_release(x);
}

static void test_progress_cancels(void **state)
{
    progress_record r = {.stop_at = 2};
    recsys_exec *x = progress_exec(*state, &r);
    expect_ok(x, recsys__phase(x, "factor"));
    assert_int_equal(recsys__cancelled(x), 0);
    expect_error(x, recsys__progress(x, 10, 10), RECSYS_ERR_CANCELLED, "cancelled during factor");
    assert_int_equal(recsys__cancelled(x), 1);
    expect_error(x, recsys__phase(x, "rank"), RECSYS_ERR_CANCELLED, "cancelled during rank");
    recsys_exec_reset_cancel(x);
    expect_ok(x, recsys__phase(x, "rank"));
    recsys_exec_release(x);
}

static recsys_exec *signalled; /* what a signal handler can reach */

static void on_signal(int number)
{
    (void)number;
    recsys_exec_cancel(signalled);
}

static void test_cancel_in_signal_handler(void **state)
{
    fixture *f = *state;
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    signalled = f->exec;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    expect_ok(f->exec, recsys__progress(f->exec, 1, 2));
    raise(SIGUSR1);
    expect_error(f->exec, recsys__progress(f->exec, 1, 2), RECSYS_ERR_CANCELLED, "cancelled");
    sigaction(SIGUSR1, &before, NULL);
    signalled = NULL;
}

static void *cancel_soon(void *exec)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    recsys_exec_cancel(exec);
    return NULL;
}

static void test_cancel_from_other_thread(void **state)
{
    fixture *f = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, f->exec), 0);
    double start = recsys__seconds();
    recsys_status s = RECSYS_OK;
    while (!s && recsys__seconds() - start < 30) s = recsys__progress(f->exec, 1, 0);
    pthread_join(thread, NULL);
    assert_int_equal(s, RECSYS_ERR_CANCELLED);
}

/* ---- ---- */

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 2);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env_defaults),
        cmocka_unit_test(test_env_bad_options),
        cmocka_unit_test(test_failing_memory),
        TEST(test_devices),
        TEST(test_exec_bad_options),
        TEST(test_exec_defaults),
        cmocka_unit_test(test_exec_null),
        cmocka_unit_test(test_exec_keeps_env),
        TEST(test_memory_limit),
        TEST(test_scratch),
        cmocka_unit_test(test_log_levels),
        TEST(test_progress_rate),
        TEST(test_progress_cancels),
        TEST(test_cancel_in_signal_handler),
        TEST(test_cancel_from_other_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
