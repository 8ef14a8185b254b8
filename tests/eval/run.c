/* run.c - the pass itself: the same bits whatever the threads and blocks, progress, cancelling, failing allocations, and
 * EASE^R by its own lists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t cutoffs[] = { 3, 10 };

static recsys_evaluator_options options(const recsys_dataset *test)
{
    recsys_evaluator_options o = RECSYS_EVALUATOR_OPTIONS_INIT;
    o.test = test;
    o.cutoffs = cutoffs;
    o.n_cutoffs = 2;
    o.cold = RECSYS_COLD_MISS;
    o.per_user = 1;
    return o;
}

/* Everything a report says but the time: its two CSV forms. Freed with free(). */
static char *contents(recsys_exec *exec, const recsys_report *r)
{
    int64_t a = 0, b = 0, none;
    expect_ok(exec, recsys_report_write(r, exec, RECSYS_REPORT_CSV, NULL, 0, &a));
    expect_ok(exec, recsys_report_write(r, exec, RECSYS_REPORT_PER_USER_CSV, NULL, 0, &b));
    char *s = malloc((size_t)(a + b) + 1);
    assert_non_null(s);
    expect_ok(exec, recsys_report_write(r, exec, RECSYS_REPORT_CSV, s, a + 1, &none));
    expect_ok(exec, recsys_report_write(r, exec, RECSYS_REPORT_PER_USER_CSV, s + a, b + 1, &none));
    return s;
}

/* Numbers are written so that they read back equal: the same text means the same bits. */
static void expect_same_bits(fixture *f, const recsys_evaluator_options *o, const recsys_model *m)
{
    char *first = NULL;
    for (int n = 0; n < 5; n++) {
        const int32_t threads[] = { 1, 2, 3, 8, 2 };
        recsys_exec *exec = fixture_exec(f, threads[n], n == 4 ? 900000 : 0, 7);
        recsys_report *r = evaluate(exec, o, m);
        char *now = contents(exec, r);
        if (first) assert_string_equal(now, first);
        else first = strcpy(malloc(strlen(now) + 1), now);
        free(now);
        recsys_report_release(r);
        recsys_exec_release(exec);
    }
    free(first);
}

/* The last exec has so little memory left that it works in small blocks. */
static void same_bits(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 700, 120, 9, TEST_VALUES, 3);
    recsys_split parts = RECSYS_SPLIT_INIT;
    expect_ok(f.exec, recsys_dataset_split(d, f.exec, NULL, &parts));
    recsys_model *m = NULL;
    recsys_params *p = NULL;
    expect_ok(f.exec, recsys_params_create(f.env, "top-popular", &p, NULL));
    expect_ok(f.exec, recsys_model_fit(p, parts.train, f.exec, NULL, &m));
    recsys_evaluator_options o = options(parts.test);
    expect_same_bits(&f, &o, m);
    o.auc = 1;
    expect_same_bits(&f, &o, m);
    o.n_negatives = 20;
    o.seed = 5;
    expect_same_bits(&f, &o, m);
    recsys_params_release(p);
    recsys_model_release(m);
    recsys_split_release(&parts);
    recsys_dataset_release(d);
    fixture_close(&f);
}

/* ---- progress and cancelling ---- */

struct watch {
    int64_t calls, last, total, stop_after;
};

static int32_t watch_progress(void *user, const recsys_progress *p)
{
    struct watch *w = user;
    assert_string_equal(p->phase, "evaluate");
    w->calls++;
    if (p->total > 0) {
        assert_true(p->done >= w->last && p->done <= p->total);
        w->last = p->done;
        w->total = p->total;
    }
    return w->stop_after > 0 && w->calls >= w->stop_after;
}

static const world_plan plain = { .users = 60, .model_users = 50, .items = 40, .extra = 4, .values = 1, .histories = 1,
                                  .levels = 6, .seed = 2 };

static void progress(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world *w = world_make(f.exec, plain);
    struct watch seen = { 0 };
    recsys_exec_options x = RECSYS_EXEC_OPTIONS_INIT;
    x.progress = watch_progress;
    x.progress_user = &seen;
    recsys_exec *exec = NULL;
    assert_int_equal(recsys_exec_create(f.env, &x, &exec, NULL), RECSYS_OK);
    for (int auc = 0; auc < 2; auc++) {
        recsys_evaluator_options o = options(w->test_data);
        o.auc = auc;
        seen = (struct watch){ 0 };
        recsys_report *r = evaluate(exec, &o, w->model);
        recsys_report_info info = RECSYS_REPORT_INFO_INIT;
        assert_int_equal(recsys_report_counts(r, &info), RECSYS_OK);
        assert_int_equal(seen.total, info.users);
        assert_int_equal(seen.last, info.users);
        recsys_report_release(r);

        recsys_evaluator *e = NULL;
        expect_ok(exec, recsys_evaluator_create(exec, &o, &e));
        for (int64_t stop = 1; stop <= 2; stop++) {
            seen = (struct watch){ .stop_after = stop };
            expect_error(exec, recsys_evaluator_run(e, w->model, exec, &r), RECSYS_ERR_CANCELLED, "cancelled|evaluate");
            assert_null(r);
            recsys_exec_reset_cancel(exec);
        }
        seen = (struct watch){ 0 };
        expect_ok(exec, recsys_evaluator_run(e, w->model, exec, &r));
        recsys_report_release(r);
        recsys_evaluator_release(e);
    }
    recsys_exec_release(exec);
    world_free(w);
    fixture_close(&f);
}

static void cancelled_before(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world *w = world_make(f.exec, plain);
    recsys_evaluator_options o = options(w->test_data);
    recsys_evaluator *e = NULL;
    recsys_report *r = NULL;
    expect_ok(f.exec, recsys_evaluator_create(f.exec, &o, &e));
    recsys_exec_cancel(f.exec);
    expect_error(f.exec, recsys_evaluator_run(e, w->model, f.exec, &r), RECSYS_ERR_CANCELLED, NULL);
    assert_null(r);
    recsys_exec_reset_cancel(f.exec);
    expect_ok(f.exec, recsys_evaluator_run(e, w->model, f.exec, &r));
    recsys_report_release(r);
    recsys_evaluator_release(e);
    world_free(w);
    fixture_close(&f);
}

/* ---- memory ---- */

/* Makes, runs and writes; the first failure ends it. */
static recsys_status attempt(recsys_exec *exec, const recsys_evaluator_options *o, const recsys_model *m)
{
    recsys_evaluator *e = NULL;
    recsys_report *r = NULL;
    int64_t length = 0;
    recsys_status status = recsys_evaluator_create(exec, o, &e);
    if (!status) status = recsys_evaluator_run(e, m, exec, &r);
    for (int32_t form = RECSYS_REPORT_TEXT; form <= RECSYS_REPORT_PER_USER_CSV && !status; form++)
        status = recsys_report_write(r, exec, form, NULL, 0, &length);
    recsys_report_release(r);
    recsys_evaluator_release(e);
    return status;
}

static void failing_allocations(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    world_plan p = plain;
    p.users = p.model_users = 12;
    p.items = 10;
    world *w = world_make(f.exec, p);
    const char *ignored[] = { "3" };
    const int64_t nobody[] = { 1 }, ptr[11] = { 0 };
    recsys_similarity s = { sizeof s, 10, ptr, NULL, NULL };
    for (int kind = 0; kind < 3; kind++) {
        recsys_evaluator_options o = options(w->test_data);
        o.auc = 1;
        o.known = w->known_data;
        o.mask = w->mask_data;
        o.negatives = kind == 1 ? w->negatives_data : NULL;
        o.n_negatives = kind == 2 ? 4 : 0;
        o.ignored_items = ignored;
        o.ignored_users = nobody;
        o.n_ignored_items = o.n_ignored_users = 1;
        o.similarity = &s;
        expect_ok(f.exec, attempt(f.exec, &o, w->model)); /* the datasets have made their views */
        int64_t n = 1;
        for (recsys_status status = RECSYS_ERR_NO_MEMORY; status != RECSYS_OK; n++) {
            long long blocks = f.heap.blocks;
            recsys_exec *exec = fixture_exec(&f, 2, 0, 0);
            test_heap_fail(&f.heap, n, 0);
            status = attempt(exec, &o, w->model);
            test_heap_fail(&f.heap, 0, 0);
            if (status != RECSYS_OK) assert_int_equal(status, RECSYS_ERR_NO_MEMORY);
            recsys_exec_release(exec);
            assert_int_equal(f.heap.blocks, blocks);
        }
        assert_true(n > 40);
    }
    world_free(w);
    fixture_close(&f);
}

/* ---- EASE^R ---- */

/* Recall of one list. */
static double recall(const int64_t *list, int64_t n, const int64_t *test, int64_t n_test)
{
    double hits = 0.0;
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < n_test; b++) hits += list[a] == test[b];
    return hits / (double)n_test;
}

static int64_t row(const recsys_dataset *d, recsys_exec *exec, int64_t user, int64_t *items)
{
    int64_t n = 0;
    expect_ok(exec, recsys_dataset_history(d, exec, user, items, NULL, 200, &n));
    return n;
}

/* The lists that are judged are those that recsys_model_topk() gives for the same history and deny-list. */
static void ease_by_its_lists(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, 2);
    recsys_dataset *d = test_random_dataset(f.exec, 60, 40, 12, 0, 4);
    recsys_split_options split = RECSYS_SPLIT_OPTIONS_INIT;
    split.test_share = split.valid_share = 0.3;
    recsys_split parts = RECSYS_SPLIT_INIT;
    expect_ok(f.exec, recsys_dataset_split(d, f.exec, &split, &parts));
    recsys_params *p = NULL;
    recsys_model *m = NULL;
    expect_ok(f.exec, recsys_params_create(f.env, "ease", &p, NULL));
    expect_ok(f.exec, recsys_params_set_text(p, "l2=5"));
    expect_ok(f.exec, recsys_model_fit(p, parts.train, f.exec, NULL, &m));

    recsys_evaluator_options o = options(parts.test);
    o.known = parts.train;
    o.mask = parts.valid;
    o.cold = RECSYS_COLD_SKIP;
    recsys_report *r = evaluate(f.exec, &o, m);
    int64_t users[60], n_users = 0, history[200], chosen[200], deny[200], list[10];
    double values[60];
    assert_int_equal(recsys_report_per_user(r, "RECALL", 10, users, values, 60, &n_users), RECSYS_OK);
    assert_true(n_users > 30);
    for (int64_t u = 0; u < n_users; u++) {
        recsys_query q = RECSYS_QUERY_INIT;
        recsys_topk_options t = RECSYS_TOPK_OPTIONS_INIT;
        q.parts = RECSYS_QUERY_HISTORY;
        q.history = history;
        q.history_count = row(parts.train, f.exec, users[u], history);
        t.deny = deny;
        t.deny_count = row(parts.valid, f.exec, users[u], deny);
        expect_ok(f.exec, recsys_model_topk(m, f.exec, &q, 1, 10, &t, list, NULL));
        assert_true(fabs(values[u] - recall(list, 10, chosen, row(parts.test, f.exec, users[u], chosen))) < 1e-15);
    }
    recsys_report_release(r);
    recsys_model_release(m);
    recsys_params_release(p);
    recsys_split_release(&parts);
    recsys_dataset_release(d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits),        cmocka_unit_test(progress),            cmocka_unit_test(cancelled_before),
        cmocka_unit_test(failing_allocations), cmocka_unit_test(ease_by_its_lists),
    };
    return cmocka_run_group_tests_name("eval/run", tests, NULL, NULL);
}
