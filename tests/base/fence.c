/* fence.c - the fence backend itself: what it lets through, what it stops, and that it counts memory as the CPU does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/fence.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/op/gather_rows.h"
#include "backend/run.h"

/* ---- what is let through ---- */

static void test_copies(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    fence *w = fence_open(f.exec);
    backend *b = f.exec->backend;
    unsigned char host[1000], again[1000];
    for (int i = 0; i < 1000; i++) host[i] = (unsigned char)i;
    for (int64_t bytes = 0; bytes <= 1000; bytes += 37) {
        void *p;
        expect_ok(f.exec, recsys__upload(f.exec, host, bytes, &p));
        assert_int_equal((uintptr_t)p % 64, 0);
        memset(again, 0, sizeof again);
        expect_ok(f.exec, recsys__download(f.exec, again, p, bytes));
        assert_memory_equal(host, again, (size_t)bytes);
        expect_ok(f.exec, b->fill(b->self, NULL, &f.exec->error, p, 0x11, (size_t)bytes));
        expect_ok(f.exec, recsys__download(f.exec, again, p, bytes));
        for (int64_t i = 0; i < bytes; i++) assert_int_equal(again[i], 0x11);
        recsys__device_free(b, f.exec->memory, p);
    }
    void *wrapped = host;
    expect_ok(f.exec, b->wrap(b->self, &f.exec->error, host, 10, &wrapped));
    assert_null(wrapped);
    fixture_close(&f);
    fence_close(w);
}

static void test_unwritten(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 1);
    fence *w = fence_open(f.exec);
    float host[33] = { 0.0f }, *p;
    expect_ok(f.exec, recsys__device_alloc(f.exec, 33, sizeof *p, &p));
    expect_ok(f.exec, recsys__download(f.exec, host, p, sizeof host));
    for (int i = 0; i < 33; i++) assert_true(isnan(host[i]));
    recsys__device_free(f.exec->backend, f.exec->memory, p);
    fixture_close(&f);
    fence_close(w);
}

/* The same blocks from the account, and the same failures, as on the device that is fenced in. */
static void test_accounts(void **state)
{
    (void)state;
    for (int fenced = 0; fenced < 2; fenced++) {
        fixture f;
        fixture_open(&f, 1);
        recsys_exec *x = fixture_exec(&f, 1, 10000, 0);
        fence *w = fenced ? fence_open(x) : NULL;
        int64_t used = recsys__memory_used(x->memory);
        long long calls = atomic_load(&f.heap.calls), blocks = atomic_load(&f.heap.blocks);
        void *p, *q;
        expect_ok(x, recsys__device_alloc(x, 5000, 1, &p));
        assert_int_equal(recsys__memory_used(x->memory) - used, 5064);
        assert_int_equal(atomic_load(&f.heap.calls) - calls, 1);
        assert_int_equal(atomic_load(&f.heap.blocks) - blocks, 1); /* a block that is not given back is found */
        expect_error(x, recsys__device_alloc(x, 5000, 1, &q), RECSYS_ERR_MEMORY_LIMIT, "limit");
        assert_null(q);
        test_heap_fail(&f.heap, 1, 0);
        expect_error(x, recsys__device_alloc(x, 50, 1, &q), RECSYS_ERR_NO_MEMORY, "");
        assert_null(q);
        test_heap_fail(&f.heap, 0, 0);
        if (w) assert_int_equal(fence_blocks(w), 1);
        recsys__device_free(x->backend, x->memory, p);
        assert_int_equal(recsys__memory_used(x->memory), used);
        if (w) assert_int_equal(fence_blocks(w), 0);
        recsys_exec_release(x);
        fixture_close(&f);
        if (w) fence_close(w);
    }
}

/* ---- what is stopped ---- */

typedef struct case_of_touch {
    fixture f;
    fence *w;
    volatile unsigned char *block, *gone;
} case_of_touch;

enum { TOUCH_NOTHING, TOUCH_READ, TOUCH_WRITE, TOUCH_BEHIND, TOUCH_GONE };

static int touch(const case_of_touch *c, int how)
{
    switch (how) {
    case TOUCH_READ: return c->block[0];
    case TOUCH_WRITE: c->block[99] = 1; return 0;
    case TOUCH_BEHIND: return c->block[128];
    case TOUCH_GONE: return c->gone[0];
    default: return 0;
    }
}

/* As a kernel would, while the memory is open: what runs on the device is copied from where `how` says. */
static void touch_inside(const case_of_touch *c, int how)
{
    unsigned char byte;
    const unsigned char *at = (const unsigned char *)(how == TOUCH_GONE ? c->gone : c->block + 128);
    backend *b = c->f.exec->backend;
    (void)b->copy_out(b->self, NULL, &c->f.exec->error, &byte, at, 1);
}

/* The signal that ends a child which touches memory in this way; 0 if none does. */
static int signal_of(const case_of_touch *c, int how, int inside)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        if (inside) touch_inside(c, how);
        else _exit(touch(c, how) & 0);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_touching(void **state)
{
    (void)state;
    case_of_touch c;
    unsigned char host[100] = { 1 };
    void *p, *gone, *behind;
    fixture_open(&c.f, 1);
    c.w = fence_open(c.f.exec);
    expect_ok(c.f.exec, recsys__upload(c.f.exec, host, 100, &gone));
    expect_ok(c.f.exec, recsys__upload(c.f.exec, host, 100, &p));
    expect_ok(c.f.exec, recsys__upload(c.f.exec, host, 100, &behind));
    recsys__device_free(c.f.exec->backend, c.f.exec->memory, gone);
    c.block = p, c.gone = gone;
    assert_int_equal(signal_of(&c, TOUCH_NOTHING, 0), 0);
    assert_int_equal(signal_of(&c, TOUCH_READ, 0), SIGSEGV);
    assert_int_equal(signal_of(&c, TOUCH_WRITE, 0), SIGSEGV);
    for (int inside = 0; inside < 2; inside++) {
        assert_true(signal_of(&c, TOUCH_BEHIND, inside) != 0);
        assert_true(signal_of(&c, TOUCH_GONE, inside) != 0);
    }
    recsys__device_free(c.f.exec->backend, c.f.exec->memory, p);
    recsys__device_free(c.f.exec->backend, c.f.exec->memory, behind);
    fixture_close(&c.f);
    fence_close(c.w);
}

/* A table of 4 x 5 on the device, rows 0 to 2 to be gathered into a block of `room` floats at `shift` floats from it. */
static recsys_status gather(recsys_exec *x, int64_t room, int64_t shift, const int32_t *host_rows, float *out_host)
{
    float table[20], *device = NULL, *out = NULL;
    const int32_t rows[3] = { 2, 0, 1 };
    int32_t *row = NULL;
    for (int i = 0; i < 20; i++) table[i] = (float)i;
    expect_ok(x, recsys__upload(x, table, sizeof table, &device));
    expect_ok(x, recsys__upload(x, rows, sizeof rows, &row));
    expect_ok(x, recsys__device_alloc(x, room, sizeof *out, &out));
    op_gather_rows o = { .op = { OP_GATHER_ROWS, sizeof o }, .count = 3, .dim = 5, .table = device,
                         .row = host_rows ? host_rows : row, .out = out + shift };
    recsys_status status = recsys__run(x, &o.op);
    if (!status) expect_ok(x, recsys__download(x, out_host, out, 15 * (int64_t)sizeof *out));
    recsys__device_free(x->backend, x->memory, device);
    recsys__device_free(x->backend, x->memory, row);
    recsys__device_free(x->backend, x->memory, out);
    return status;
}

static void test_overruns(void **state)
{
    (void)state;
    const int32_t rows[3] = { 2, 0, 1 };
    float out[15];
    fixture f;
    fixture_open(&f, 2);
    fence *w = fence_open(f.exec);
    expect_ok(f.exec, gather(f.exec, 15, 0, NULL, out));
    assert_true(out[0] == 10.0f && out[14] == 9.0f);
    assert_int_equal(fence_runs(w, OP_GATHER_ROWS), 1);
    assert_string_equal(fence_take_fault(w), "");

    expect_error(f.exec, gather(f.exec, 14, 0, NULL, out), RECSYS_ERR_INTERNAL, "gather_rows|behind a block of 56 bytes");
    assert_string_not_equal(fence_take_fault(w), "");
    expect_error(f.exec, gather(f.exec, 15, -1, NULL, out), RECSYS_ERR_INTERNAL, "gather_rows|before a block of 60 bytes");
    assert_string_not_equal(fence_take_fault(w), "");
    expect_error(f.exec, gather(f.exec, 15, 0, rows, out), RECSYS_ERR_INTERNAL, "host memory is passed at byte 32 of gather_rows");
    (void)fence_take_fault(w); /* what the failing runs left is seen again when their blocks are given back */
    expect_ok(f.exec, gather(f.exec, 15, 0, NULL, out));
    assert_string_equal(fence_take_fault(w), "");
    fixture_close(&f);
    fence_close(w);
}

/* ---- several at once ---- */

typedef struct worker {
    recsys_exec *exec;
    int wrong;
} worker;

static void *work(void *data)
{
    worker *k = data;
    float host[300], again[300];
    for (int i = 0; i < 300; i++) host[i] = (float)i;
    for (int round = 0; round < 200; round++) {
        void *p;
        k->wrong += recsys__upload(k->exec, host, sizeof host, &p) != RECSYS_OK;
        memset(again, 0, sizeof again);
        k->wrong += recsys__download(k->exec, again, p, sizeof again) != RECSYS_OK;
        k->wrong += memcmp(host, again, sizeof host) != 0;
        recsys__device_free(k->exec->backend, k->exec->memory, p);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    fixture f;
    fixture_open(&f, 1);
    fence *w = fence_open(f.exec);
    worker k[THREADS];
    pthread_t thread[THREADS];
    for (int t = 0; t < THREADS; t++) {
        k[t] = (worker){ fixture_exec(&f, 1, 0, 0), 0 };
        fence_add(w, k[t].exec);
        assert_int_equal(pthread_create(&thread[t], NULL, work, &k[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(thread[t], NULL), 0);
        assert_int_equal(k[t].wrong, 0);
        recsys_exec_release(k[t].exec);
    }
    fixture_close(&f);
    fence_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),   cmocka_unit_test(test_unwritten), cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_touching), cmocka_unit_test(test_overruns),  cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
