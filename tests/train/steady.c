/* steady.c - what training and scoring take from the allocator: nothing once they are under way, and no more than so many
 * times the parameters altogether.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/trainer.h>

typedef struct training_case {
    const char *name, *model, *params, *optimizer, *optimizer_params;
    int64_t batch_size;
    int by_epoch; /* 1: rows differ in length, so that only after an epoch everything has been seen */
} training_case;

static const training_case cases[] = {
    { "gmf", "gmf", "dim=16,loss=t-ce,num_gradual=3", "adam", "lr=0.01,clip_norm=0.1", 128, 0 },
    { "gmf decay", "gmf", "dim=16,loss=r-ce", "sgd", "lr=0.1,momentum=0.9,weight_decay=0.01", 128, 0 },
    { "mlp", "mlp", "dim=8,layers=3,dropout=0.2", "adagrad", "lr=0.01", 128, 0 },
    { "neumf", "neumf", "dim=8,layers=2,dropout=0.1,loss=r-ce", "adam", "lr=0.01", 128, 0 },
    { "cdae", "cdae", "hidden=20,loss=t-ce,num_gradual=0", "adam", "lr=0.01", 20, 1 },
    { "cdae sampled", "cdae", "hidden=20,output=sampled", "adamw", "lr=0.01", 20, 1 },
};
enum { CASES = sizeof cases / sizeof *cases };

static recsys_trainer *trainer_of(recsys_exec *x, const training_case *c, const recsys_dataset *data, const recsys_dataset *valid)
{
    recsys_params *p = NULL, *q = NULL;
    recsys_optimizer *optimizer = NULL;
    recsys_trainer *t = NULL;
    recsys_training o = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    assert_int_equal(recsys_params_create(recsys_exec_env(x), c->model, &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, c->params), RECSYS_OK);
    assert_int_equal(recsys_optimizer_params(recsys_exec_env(x), c->optimizer, &q, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(q, c->optimizer_params), RECSYS_OK);
    expect_ok(x, recsys_optimizer_create(x, q, &optimizer));
    o.optimizer = optimizer;
    o.batch_size = c->batch_size;
    o.validation = valid;
    fit.training = &o;
    expect_ok(x, recsys_trainer_create(p, data, x, &fit, &t));
    recsys_optimizer_release(optimizer);
    recsys_params_release(q);
    recsys_params_release(p);
    return t;
}

/* Steps until `epochs` epochs are over; -1: two steps. */
static void steps(recsys_exec *x, recsys_trainer *t, int64_t epochs)
{
    recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
    for (int64_t n = 0; epochs < 0 ? n < 2 : e.epoch < epochs; n++) expect_ok(x, recsys_trainer_step(t, NULL, 0, &e));
}

/* Every form of query once; the scores of the first user. */
static void ask(recsys_exec *x, const recsys_model *m, float *scores)
{
    int64_t items[2 * 5], candidates[] = { 7, 3, 11 };
    float best[2 * 5], some[3];
    recsys_query q[2] = { RECSYS_QUERY_INIT, RECSYS_QUERY_INIT };
    q[0].parts = q[1].parts = RECSYS_QUERY_USER;
    q[1].user = 4;
    expect_ok(x, recsys_model_topk(m, x, q, 2, 5, NULL, items, best));
    expect_ok(x, recsys_model_score(m, x, q, 1, scores));
    q[0].parts |= RECSYS_QUERY_CANDIDATES;
    q[0].candidates = candidates;
    q[0].candidate_count = 3;
    expect_ok(x, recsys_model_score(m, x, q, 1, some));
}

static void test_nothing_is_taken(void **state)
{
    enum { USERS = 90, ITEMS = 60 };
    fixture f;
    (void)state;
    fixture_open(&f, 2);
    recsys_dataset *data = test_random_dataset(f.exec, USERS, ITEMS, 9, 0, 1), *valid = test_random_dataset(f.exec, USERS, ITEMS, 2, 0, 2);
    for (int c = 0; c < CASES; c++) {
        recsys_exec *x = fixture_exec(&f, 2, 0, 5);
        recsys_trainer *t = trainer_of(x, &cases[c], data, valid);
        recsys_model *m = NULL;
        float scores[ITEMS];
        double value;
        steps(x, t, cases[c].by_epoch ? 1 : -1);
        long long calls = atomic_load(&f.heap.calls);
        steps(x, t, 3);
        if (atomic_load(&f.heap.calls) != calls)
            fail_msg("%s: steps took %lld blocks", cases[c].name, atomic_load(&f.heap.calls) - calls);
        expect_ok(x, recsys_trainer_validate(t, &value));
        calls = atomic_load(&f.heap.calls);
        expect_ok(x, recsys_trainer_validate(t, &value));
        steps(x, t, 4);
        if (atomic_load(&f.heap.calls) != calls)
            fail_msg("%s: validation took %lld blocks", cases[c].name, atomic_load(&f.heap.calls) - calls);
        expect_ok(x, recsys_trainer_model(t, 0, &m));
        ask(x, m, scores);
        calls = atomic_load(&f.heap.calls);
        for (int again = 0; again < 3; again++) ask(x, m, scores);
        if (atomic_load(&f.heap.calls) != calls)
            fail_msg("%s: answers took %lld blocks", cases[c].name, atomic_load(&f.heap.calls) - calls);
        recsys_model_release(m);
        recsys_trainer_release(t);
        recsys_exec_release(x);
    }
    recsys_dataset_release(valid);
    recsys_dataset_release(data);
    fixture_close(&f);
}

/* ---- all together ---- */

/* Most bytes that a training held at once, beyond the datasets. */
static int64_t peak_of(fixture *f, const recsys_dataset *data, const recsys_dataset *valid, int64_t dim)
{
    char text[32];
    recsys_exec *x = fixture_exec(f, 1, 0, 5);
    recsys_params *p = NULL;
    recsys_model *m = NULL;
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    recsys_memory_info memory = RECSYS_MEMORY_INFO_INIT;
    snprintf(text, sizeof text, "dim=%d", (int)dim);
    assert_int_equal(recsys_params_create(f->env, "gmf", &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, text), RECSYS_OK);
    t.validation = valid;
    t.validate_every_steps = valid ? 10 : 0;
    t.max_steps = 20;
    o.training = &t;
    expect_ok(x, recsys_model_fit(p, data, x, &o, &m));
    assert_int_equal(recsys_exec_memory(x, &memory), RECSYS_OK);
    recsys_model_release(m);
    recsys_params_release(p);
    recsys_exec_release(x);
    return memory.peak;
}

/* Adam: the parameters and two moments; with validation the best model too. Whatever else there is does not grow with the
 * parameters: it is the same at a fourth of the width. A batch of 1024 is as wide as they are, and is allowed for. */
static void test_memory(void **state)
{
    enum { USERS = 15000, ITEMS = 5000, DIM = 64 };
    const double parameters = 4.0 * (USERS + ITEMS) * DIM, batch = 4.0 * 1024 * DIM * 4;
    fixture f;
    (void)state;
    fixture_open(&f, 1);
    recsys_dataset *data = test_random_dataset(f.exec, USERS, ITEMS, 4, 0, 1), *valid = test_random_dataset(f.exec, USERS, ITEMS, 1, 0, 2);
    for (int with = 0; with < 2; with++) {
        peak_of(&f, data, with ? valid : NULL, 1); /* views of the data */
        int64_t narrow = peak_of(&f, data, with ? valid : NULL, DIM / 4), wide = peak_of(&f, data, with ? valid : NULL, DIM);
        double times = 3.0 + with, more = (double)(wide - narrow) / (0.75 * parameters);
        print_message("dim %d: %.1f MB, %.2f times the parameters; %.3f times what more width adds\n", (int)DIM, (double)wide / 1e6,
                      (double)wide / parameters, more);
        assert_true((double)(wide - narrow) <= times * 0.75 * parameters + batch);
        assert_true((double)wide <= (times + 0.75) * parameters); /* histories, sampler, row counters: a few bytes an event */
    }
    recsys_dataset_release(valid);
    recsys_dataset_release(data);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_is_taken), cmocka_unit_test(test_memory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
