/* run.c - tests of running operations on an exec: workspace, limits, trace, cancelling, device memory.
 *
 * The backend here does as it is told and keeps what it saw; what real kernels compute is tested in tests/op.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/run.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/support.h"

#include "backend/op/gradient_norm.h"
#include "backend/op/optimize.h"

typedef struct script {
    backend table;
    /* What to do. */
    size_t workspace;
    int wraps;
    recsys_status refuse, fail, fail_copy;
    /* What was seen. */
    int runs, cancelled;
    op_context seen;
    unsigned char *workspace_seen;
} script;

static recsys_status script_alloc(void *self, memory *account, error *e, size_t bytes, void **out)
{
    (void)self;
    return recsys__alloc(account, e, (int64_t)bytes, 1, out);
}

static void script_free(void *self, memory *account, void *p)
{
    (void)self;
    recsys__free(account, p);
}

static recsys_status script_copy(void *self, void *queue, error *e, void *to, const void *from, size_t bytes)
{
    const script *s = self;
    (void)queue;
    if (s->fail_copy) return recsys__fail(e, s->fail_copy, "no copy");
    memcpy(to, from, bytes);
    return RECSYS_OK;
}

static recsys_status script_wrap(void *self, error *e, const void *host, size_t bytes, void **out)
{
    (void)e, (void)bytes;
    const script *s = self;
    *out = NULL;
    if (s->wraps) memcpy(out, &host, sizeof host);
    return RECSYS_OK;
}

static recsys_status script_supports(void *self, error *e, const op *o)
{
    const script *s = self;
    return s->refuse ? recsys__fail(e, s->refuse, "%s: not here", recsys__op_name(o->number)) : RECSYS_OK;
}

static size_t script_workspace(void *self, const op *o, int32_t threads)
{
    (void)o;
    const script *s = self;
    return s->workspace * (size_t)threads;
}

static recsys_status script_run(void *self, op_context *c, const op *o)
{
    (void)o;
    script *s = self;
    s->runs++;
    s->seen = *c;
    s->cancelled = c->cancelled(c->host);
    if (c->workspace_bytes > 0) memset(c->workspace, 7, c->workspace_bytes);
    c->rung = "scripted";
    if (s->fail == RECSYS_ERR_CANCELLED) return s->fail; /* a kernel leaves the words to its caller */
    if (s->fail) return recsys__fail(c->error, s->fail, "row 3 is not positive definite");
    return c->progress(c->host, 1, 1);
}

static void write_script(script *s, recsys_exec *x)
{
    memset(s, 0, sizeof *s);
    s->table = (backend){.struct_size = sizeof s->table,
                         .abi = BACKEND_ABI,
                         .name = "scripted",
                         .self = s,
                         .alloc = script_alloc,
                         .free = script_free,
                         .copy_in = script_copy,
                         .copy_out = script_copy,
                         .wrap = script_wrap,
                         .supports = script_supports,
                         .workspace = script_workspace,
                         .run = script_run};
    x->backend = &s->table;
}

/* Room for the largest descriptor, all sizes 0. */
typedef union any_op {
    op op;
    op_optimize optimize;
    unsigned char room[4096];
} any_op;
_Static_assert(sizeof(op_optimize) <= 4096 && sizeof(op_gradient_norm) <= 4096, "the longest descriptors are lists of parameters");

static any_op op_of(int32_t number)
{
    any_op o;
    memset(&o, 0, sizeof o);
    o.op.number = number;
    o.op.size = sizeof o;
    return o;
}

static void test_context(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    script s;
    write_script(&s, x);
    x->simd = 1;
    s.workspace = 1000;
    any_op o = op_of(OP_GRAM);
    expect_ok(x, recsys__run(x, &o.op));
    assert_int_equal(s.runs, 1);
    assert_int_equal(s.seen.struct_size, sizeof s.seen);
    assert_true(s.seen.threads == 2 && s.seen.simd == 1 && s.seen.memory == x->memory && s.seen.error == &x->error);
    assert_int_equal(s.seen.workspace_bytes, 2000);
    assert_int_equal((uintptr_t)s.seen.workspace % 64, 0);
    assert_int_equal(recsys__run_workspace(x, &o.op), 2000);
    assert_int_equal(s.cancelled, 0);
}

/* A larger operation grows the workspace; after that nothing is taken from the allocator. */
static void test_steady_state(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    script s;
    write_script(&s, x);
    any_op o = op_of(OP_DOT_RANK);
    const size_t sizes[] = {0, 100, 5000, 300};
    for (int round = 0; round < 2; round++) {
        long long calls = atomic_load(&f->heap.calls);
        for (size_t k = 0; k < 4; k++) {
            s.workspace = sizes[k];
            expect_ok(x, recsys__run(x, &o.op));
            assert_int_equal(s.seen.workspace_bytes, 2 * sizes[k]);
            assert_int_equal(s.seen.workspace != NULL, sizes[k] > 0);
        }
        assert_int_equal(atomic_load(&f->heap.calls) - calls, round == 0 ? 2 : 0);
    }
    assert_int_equal(recsys__memory_used(x->memory), 10000 + 64);
    recsys__drop_workspace(x);
    assert_int_equal(recsys__memory_used(x->memory), 0);
    expect_ok(x, recsys__run(x, &o.op));
}

/* The old workspace is gone before the new one is taken: the larger one alone has to fit. */
static void test_workspace_limit(void **state)
{
    fixture *f = *state;
    recsys_exec *x = fixture_exec(f, 1, 1000, 0);
    script s;
    write_script(&s, x);
    any_op o = op_of(OP_GRAM);
    s.workspace = 500;
    expect_ok(x, recsys__run(x, &o.op));
    s.workspace = 900;
    expect_ok(x, recsys__run(x, &o.op));
    s.workspace = 1000;
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_MEMORY_LIMIT, "limit 1.00 kB");
    s.workspace = (size_t)PTRDIFF_MAX + 5;
    assert_true(recsys__run(x, &o.op) < 0);
    assert_int_equal(s.runs, 2);
    s.workspace = 900;
    test_heap_fail(&f->heap, 1, 0);
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_NO_MEMORY, NULL);
    expect_ok(x, recsys__run(x, &o.op));
    recsys_exec_release(x);
}

static void test_failures(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    script s;
    write_script(&s, x);
    any_op o = op_of(OP_SPD_INVERSE);
    s.refuse = RECSYS_ERR_UNSUPPORTED;
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_UNSUPPORTED, "spd_inverse: not here");
    assert_int_equal(s.runs, 0);
    s.refuse = 0;
    s.fail = RECSYS_ERR_NUMERIC;
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_NUMERIC, "row 3");
    s.fail = RECSYS_ERR_CANCELLED;
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_CANCELLED, "cancelled");
    s.fail = 0;
    s.runs = 0;
    recsys_exec_cancel(x);
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_CANCELLED, "cancelled");
    assert_int_equal(s.runs, 0);
    recsys_exec_reset_cancel(x);
    expect_ok(x, recsys__run(x, &o.op));
}

static int32_t stop(void *user, const recsys_progress *progress)
{
    (void)progress;
    return *(int *)user;
}

/* A callback that asks to stop while an operation runs: the operation's own progress call says so. */
static void test_stop_from_callback(void **state)
{
    fixture *f = *state;
    int wanted = 0;
    recsys_exec_options options = RECSYS_EXEC_OPTIONS_INIT;
    options.progress = stop;
    options.progress_user = &wanted;
    recsys_exec *x;
    assert_int_equal(recsys_exec_create(f->env, &options, &x, NULL), RECSYS_OK);
    script s;
    write_script(&s, x);
    any_op o = op_of(OP_GRAM);
    expect_ok(x, recsys__phase(x, "gram"));
    wanted = 1;
    expect_error(x, recsys__run(x, &o.op), RECSYS_ERR_CANCELLED, "cancelled during gram");
    recsys_exec_release(x);
}

static void keep_line(void *user, int32_t level, const char *component, const char *message)
{
    assert_int_equal(level, RECSYS_LOG_TRACE);
    assert_string_equal(component, "backend");
    snprintf(user, 1024, "%s", message);
}

static void test_trace(void **state)
{
    (void)state;
    char line[1024] = "";
    recsys_env_options options = RECSYS_ENV_OPTIONS_INIT;
    options.log = keep_line;
    options.log_user = line;
    options.log_level = RECSYS_LOG_TRACE;
    recsys_env *env;
    recsys_exec *x;
    assert_int_equal(recsys_env_create(&options, &env, NULL), RECSYS_OK);
    assert_int_equal(recsys_exec_create(env, NULL, &x, NULL), RECSYS_OK);
    script s;
    write_script(&s, x);
    any_op o = op_of(OP_GRAM);
    expect_ok(x, recsys__run(x, &o.op));
    assert_memory_equal(line, "gram U=0 I=0 scripted:scripted 0.", 33);
    assert_non_null(strstr(line, " s, workspace 0 bytes, 0 bytes in use"));
    recsys_exec_release(x);
    recsys_env_release(env);
}

static void test_names_and_shapes(void **state)
{
    (void)state;
    assert_string_equal(recsys__op_name(OP_GRAM), "gram");
    assert_string_equal(recsys__op_name(0), "unknown");
    assert_string_equal(recsys__op_name(-1), "unknown");
    assert_string_equal(recsys__op_name(OP_COUNT_), "unknown");
    char shape[128];
    for (int32_t number = 1; number < OP_COUNT_; number++) {
        any_op o = op_of(number);
        recsys__op_shape(&o.op, shape, sizeof shape);
        if (!strchr(shape, '=')) fail_msg("%s does not tell its sizes: add it to lib/backend/names.c", recsys__op_name(number));
    }
    any_op none = op_of(OP_COUNT_);
    recsys__op_shape(&none.op, shape, sizeof shape);
    assert_string_equal(shape, "?");
}

/* ---- device memory ---- */

static void test_device_memory(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    script s;
    write_script(&s, x);
    const int64_t host[4] = {1, -2, 3, INT64_MIN};
    int64_t back[4] = {0}, *p;
    expect_ok(x, recsys__upload(x, host, sizeof host, &p));
    expect_ok(x, recsys__download(x, back, p, sizeof back));
    assert_memory_equal(back, host, sizeof host);
    assert_int_equal(recsys__memory_used(x->memory), 32 + 64);
    recsys__device_free(x->backend, x->memory, p);
    recsys__device_free(x->backend, x->memory, NULL);
    expect_ok(x, recsys__device_alloc(x, 0, 8, &p));
    assert_non_null(p);
    recsys__device_free(x->backend, x->memory, p);
    expect_ok(x, recsys__download(x, back, NULL, 0));

    expect_error(x, recsys__device_alloc(x, -1, 8, &p), RECSYS_ERR_TOO_LARGE, NULL);
    assert_null(p);
    expect_error(x, recsys__device_alloc(x, INT64_MAX, 8, &p), RECSYS_ERR_TOO_LARGE, "9223372036854775807");
    test_heap_fail(&f->heap, 1, 0);
    expect_error(x, recsys__upload(x, host, sizeof host, &p), RECSYS_ERR_NO_MEMORY, NULL);
    s.fail_copy = RECSYS_ERR_DEVICE;
    expect_error(x, recsys__upload(x, host, sizeof host, &p), RECSYS_ERR_DEVICE, "no copy");
    assert_null(p);
    assert_int_equal(recsys__memory_used(x->memory), 0);
}

static void test_share(void **state)
{
    fixture *f = *state;
    recsys_exec *x = f->exec;
    script s;
    write_script(&s, x);
    const char host[] = "as it stands";
    char *p;
    int copied;
    s.wraps = 1;
    expect_ok(x, recsys__share(x, host, sizeof host, &p, &copied));
    assert_true((const char *)p == host && copied == 0);
    s.wraps = 0;
    expect_ok(x, recsys__share(x, host, sizeof host, &p, &copied));
    assert_true((const char *)p != host && copied == 1);
    assert_string_equal(p, host);
    recsys__device_free(x->backend, x->memory, p);
    test_heap_fail(&f->heap, 1, 0);
    expect_error(x, recsys__share(x, host, sizeof host, &p, &copied), RECSYS_ERR_NO_MEMORY, NULL);
    assert_true(p == NULL && copied == 0);
}

static int open_fixture(void **state)
{
    static fixture f;
    fixture_open(&f, 2);
    *state = &f;
    return 0;
}

/* The exec gets its own backend back to be released on. */
static int close_fixture(void **state)
{
    fixture *f = *state;
    f->exec->backend = f->env->cpu;
    fixture_close(f);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_context),
        TEST(test_steady_state),
        TEST(test_workspace_limit),
        TEST(test_failures),
        TEST(test_stop_from_callback),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_names_and_shapes),
        TEST(test_device_memory),
        TEST(test_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
