/* optimizer_use.c - optimizers as a trainer uses them: settings, looking, threads, checkpoints, failures, memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer_case.h"

#include "support/fence.h"

static const char *const rules[][2] = {
    { "adam", "clip_norm=1" }, { "adamw", "lr=0.01" }, { "sgd", "momentum=0.9,nesterov=true" }, { "adagrad", "" },
    { "adam", "weight_decay=0.01" },
};
enum { RULES = sizeof rules / sizeof *rules };

static void take_steps(training *t, int64_t from, int64_t to)
{
    step_gradient g = gradient_new(t->w);
    for (int64_t k = from; k < to; k++) {
        gradient_draw(t->w, &g, k);
        expect_ok(t->x, training_step(t, &g, NULL));
    }
    gradient_free(&g);
}

static void expect_bytes(training *t, const unsigned char *want, size_t size)
{
    size_t have;
    unsigned char *bytes = training_bytes(t, &have);
    assert_int_equal(have, size);
    assert_memory_equal(bytes, want, size);
    free(bytes);
}

/* ---- same bits ---- */

static void test_threads(void **state)
{
    static const world wide = { .N = { 900, 500, 40 }, .D = { 32, 17, 50 }, .E = 2000, .scale = 0.1, .weights = 1, .seed = 2 };
    fixture f;
    fixture_open(&f, 1);
    for (int r = 0; r < RULES; r++) {
        unsigned char *first = NULL;
        size_t size = 0;
        for (int32_t threads = 1; threads <= 8; threads = threads == 1 ? 2 : threads * 4) {
            recsys_exec *x = fixture_exec(&f, threads, 0, 0);
            training t = training_open(x, &wide, rules[r][0], rules[r][1], 0, 0);
            take_steps(&t, 0, 12);
            if (first)
                expect_bytes(&t, first, size);
            else
                first = training_bytes(&t, &size);
            training_close(&t);
            recsys_exec_release(x);
        }
        free(first);
    }
    fixture_close(&f);
    (void)state;
}

/* Looking leaves every byte; what it shows is what finish() makes of the parameters. On memory that the host cannot see. */
static void test_looking(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    fence *w = fence_open(f.exec);
    for (int r = 0; r < RULES; r++) {
        training t = training_open(f.exec, &small, rules[r][0], rules[r][1], 0, 0);
        for (int64_t at = 0; at < 400; at += 133) {
            take_steps(&t, at, at + 133);
            size_t size;
            unsigned char *before = training_bytes(&t, &size);
            for (int p = 0; p < PARAMETERS; p++) free(training_look(&t, p));
            expect_bytes(&t, before, size);
            free(before);
        }
        float *looked = training_look(&t, 0), *now = case_new(200), *some = case_device(f.exec, 3 * 5, sizeof(float));
        int32_t row[] = { 39, -1, 7 }, *rows;
        expect_ok(f.exec, recsys__upload(f.exec, row, sizeof row, &rows));
        expect_ok(f.exec, recsys__optimizer_read_rows(t.state, f.exec, 0, rows, 3, some));
        expect_ok(f.exec, recsys__download(f.exec, now, some, 3 * 5 * 4));
        for (int c = 0; c < 5; c++) assert_true(now[c] == looked[39 * 5 + c] && now[5 + c] == 0.0f && now[10 + c] == looked[35 + c]);
        expect_ok(f.exec, recsys__optimizer_finish(t.state, f.exec));
        expect_ok(f.exec, recsys__download(f.exec, now, t.data[0], 200 * 4));
        assert_memory_equal(now, looked, 200 * 4);
        recsys__device_free(f.exec->backend, f.exec->memory, some);
        recsys__device_free(f.exec->backend, f.exec->memory, rows);
        free(looked), free(now);
        training_close(&t);
    }
    fixture_close(&f);
    fence_close(w);
    (void)state;
}

/* The arrays, t and the parameters are all there is: another state goes on to the same bits, over the end of a chunk. */
static void check_resume(fixture *f, int r, int64_t stop, int64_t end)
{
    training a = training_open(f->exec, &small, rules[r][0], rules[r][1], 0, 0);
    training b = training_open(f->exec, &small, rules[r][0], rules[r][1], 0, 0);
    take_steps(&a, 0, stop);
    for (int p = 0; p < PARAMETERS; p++) {
        float *host = case_new(world_elements(&small, p));
        expect_ok(f->exec, recsys__download(f->exec, host, a.data[p], world_elements(&small, p) * 4));
        expect_ok(f->exec, recsys__copy_in(f->exec, b.data[p], host, world_elements(&small, p) * 4));
        free(host);
    }
    for (int64_t k = 0; k < recsys__optimizer_array_count(a.state); k++) {
        optimizer_array from = recsys__optimizer_array(a.state, k), to = recsys__optimizer_array(b.state, k);
        float *host = case_new(from.count);
        assert_string_equal(from.name, to.name);
        expect_ok(f->exec, recsys__download(f->exec, host, from.data, from.count * 4));
        expect_ok(f->exec, recsys__copy_in(f->exec, to.data, host, to.count * 4));
        free(host);
    }
    expect_ok(f->exec, recsys__optimizer_set_t(b.state, f->exec, stop));
    take_steps(&a, stop, end);
    take_steps(&b, stop, end);
    size_t size;
    unsigned char *want = training_bytes(&a, &size);
    expect_bytes(&b, want, size);
    free(want);
    training_close(&a), training_close(&b);
}

static void test_resume(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    for (int r = 0; r < RULES; r++) check_resume(&f, r, 70, 200);
    check_resume(&f, 0, 4000, 4200);
    check_resume(&f, 1, 4096, 4200); /* at the end of a chunk itself */
    training t = training_open(f.exec, &small, "adam", "", 0, 0);
    assert_string_equal(recsys__optimizer_array(t.state, 0).name, "user_embedding.m");
    assert_string_equal(recsys__optimizer_array(t.state, 2).name, "user_embedding.last");
    assert_int_equal(recsys__optimizer_array_count(t.state), 8);
    assert_int_equal(recsys__optimizer_bytes(t.optimizer, 40, 5, 1), 40 * 5 * 8 + 40 * 4);
    training_close(&t);
    fixture_close(&f);
    (void)state;
}

/* ---- failures ---- */

static void test_broken_gradient(void **state)
{
    static const float broken[] = { NAN, INFINITY };
    fixture f;
    fixture_open(&f, 2);
    for (int r = 0; r < RULES; r++)
        for (int k = 0; k < 2; k++) {
            training t = training_open(f.exec, &small, rules[r][0], rules[r][1], 0, 0);
            step_gradient g = gradient_new(&small);
            take_steps(&t, 0, 2);
            gradient_draw(&small, &g, 2);
            if (k == 0)
                g.dense[2][3] = broken[k];
            else
                g.row[0][4] = 1, g.source[0][4 * 5 + 2] = broken[k];
            expect_error(f.exec, training_step(&t, &g, NULL), RECSYS_ERR_NUMERIC,
                         k == 0 ? "step 3: the gradient of bias" : "step 3: the gradient of user_embedding");
            gradient_free(&g);
            training_close(&t);
        }
    fixture_close(&f);
    (void)state;
}

static void test_allocations(void **state)
{
    fixture f;
    fixture_open(&f, 2);
    for (int r = 0; r < RULES; r++) {
        training t = training_open(f.exec, &small, rules[r][0], rules[r][1], 0, 0);
        optimized about[PARAMETERS];
        optimizer_state *other = NULL;
        recsys_status s = RECSYS_ERR_NO_MEMORY;
        long long held = atomic_load(&f.heap.blocks);
        describe(&t, about);
        for (int64_t at = 1; s; at++) { /* each allocation of a state in turn */
            test_heap_fail(&f.heap, at, 0);
            s = recsys__optimizer_state_create(f.exec, t.optimizer, PARAMETERS, about, 0, &other);
            if (!s) break;
            assert_int_equal(s, RECSYS_ERR_NO_MEMORY);
            assert_null(other);
            assert_int_equal(atomic_load(&f.heap.blocks), held);
        }
        test_heap_fail(&f.heap, 0, 0);
        recsys__optimizer_state_free(f.exec, other);
        recsys__drop_workspace(f.exec);
        step_gradient g = gradient_new(&small);
        gradient_draw(&small, &g, 0);
        s = RECSYS_ERR_NO_MEMORY;
        for (int64_t at = 1; s; at++) { /* and of a first step */
            test_heap_fail(&f.heap, at, 0);
            s = training_step(&t, &g, NULL);
            if (s) assert_int_equal(s, RECSYS_ERR_NO_MEMORY);
        }
        test_heap_fail(&f.heap, 0, 0);
        gradient_free(&g);
        take_steps(&t, 1, 3);
        long long calls = atomic_load(&f.heap.calls);
        take_steps(&t, 3, 50);
        assert_int_equal(atomic_load(&f.heap.calls), calls); /* later steps take nothing */
        training_close(&t);
    }
    fixture_close(&f);
    (void)state;
}

/* ---- settings ---- */

static void test_bad_settings(void **state)
{
    static const char *const single[][3] = {
        { "adam", "lr=0", "lr is 0, but must be greater than 0 and at most 10" }, { "sgd", "lr=1e30", "lr is 1e" },
        { "adam", "lr=nan", "lr" }, { "adagrad", "lr=-1", "lr is -1" }, { "adam", "beta1=1", "beta1" },
        { "adamw", "eps=0", "eps" }, { "sgd", "momentum=1", "momentum" }, { "sgd", "beta1=0.5", "no parameter \"beta1\"" },
        { "adam", "schedule=cosin", "cosine" }, { "adam", "clip_norm=-1", "clip_norm" },
    };
    static const char *const together[][3] = {
        { "sgd", "nesterov=true", "nesterov=true needs a momentum" }, { "adam", "min_lr=0.1", "min_lr is larger than lr" },
        { "adam", "schedule=step", "needs milestones" }, { "adam", "milestones=5", "milestones are for" },
        { "adam", "schedule=step,milestones=5:5", "ascend" }, { "adam", "total_steps=9", "total_steps is for" },
        { "adam", "schedule=linear,total_steps=9,warmup_steps=9", "warmup_steps must be less" },
        { "adamw", "lr=1,weight_decay=1", "lr * weight_decay is 1 or more" },
    };
    fixture f;
    fixture_open(&f, 1);
    recsys_params *p;
    recsys_error_info info = RECSYS_ERROR_INFO_INIT;
    for (size_t k = 0; k < sizeof single / sizeof *single; k++) {
        assert_int_equal(recsys_optimizer_params(f.env, single[k][0], &p, NULL), RECSYS_OK);
        assert_true(recsys_params_set_text(p, single[k][1]) < 0);
        recsys_params_last_error(p, &info);
        if (!strstr(info.message, single[k][2])) fail_msg("\"%s\" does not say \"%s\"", info.message, single[k][2]);
        recsys_params_release(p);
    }
    for (size_t k = 0; k < sizeof together / sizeof *together; k++) {
        recsys_optimizer *o = NULL;
        assert_int_equal(recsys_optimizer_params(f.env, together[k][0], &p, NULL), RECSYS_OK);
        assert_int_equal(recsys_params_set_text(p, together[k][1]), RECSYS_OK);
        expect_error(f.exec, recsys_optimizer_create(f.exec, p, &o), RECSYS_ERR_INVALID_ARGUMENT, together[k][2]);
        assert_null(o);
        recsys_params_release(p);
    }
    assert_int_equal(recsys_optimizer_params(f.env, "adm", &p, &info), RECSYS_ERR_UNKNOWN_KEY);
    assert_non_null(strstr(info.message, "did you mean \"adam\""));
    recsys_optimizer *o;
    assert_int_equal(recsys_params_create(f.env, "ease", &p, NULL), RECSYS_OK);
    expect_error(f.exec, recsys_optimizer_create(f.exec, p, &o), RECSYS_ERR_INVALID_ARGUMENT, "ease, which is no optimizer");
    recsys_params_release(p);
    fixture_close(&f);
    (void)state;
}

static void test_handles(void **state)
{
    fixture f;
    fixture_open(&f, 1);
    assert_int_equal(recsys_optimizer_class_count(), 4);
    for (int64_t k = 0; k < 4; k++) {
        recsys_optimizer_class_info about = RECSYS_OPTIMIZER_CLASS_INFO_INIT;
        assert_int_equal(recsys_optimizer_class_at(k, &about), RECSYS_OK);
        recsys_optimizer *o = case_optimizer(f.exec, about.name, "lr=0.5");
        assert_string_equal(recsys_optimizer_name(o), about.name);
        assert_int_equal(strncmp(recsys_optimizer_text(o), "lr=0.5,", 7), 0);
        assert_ptr_equal(recsys_optimizer_retain(o), o);
        recsys_optimizer_release(o);
        recsys_optimizer_release(o);
    }
    assert_int_equal(recsys_optimizer_class_at(4, NULL), RECSYS_ERR_OUT_OF_RANGE);
    optimizer_state *s;
    recsys_optimizer *o = case_optimizer(f.exec, "adam", "schedule=cosine,warmup_steps=5");
    expect_error(f.exec, recsys__optimizer_state_create(f.exec, o, 0, NULL, 5, &s), RECSYS_ERR_INVALID_ARGUMENT, "has 5 steps");
    recsys_optimizer_release(o);
    fixture_close(&f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),     cmocka_unit_test(test_looking),      cmocka_unit_test(test_resume),
        cmocka_unit_test(test_broken_gradient), cmocka_unit_test(test_allocations), cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
