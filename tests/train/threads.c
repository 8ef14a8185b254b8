/* threads.c - training gives the same bits with any number of threads, and beside other trainings.
 *
 * Batches are large enough for the kernels to open parallel regions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/trainer.h>

enum { USERS = 240, ITEMS = 110, ROOM = 1 << 16 };

typedef struct training_case {
    const char *name, *model, *params, *optimizer, *optimizer_params;
    int64_t batch_size;
} training_case;

#define TOWER "dim=8,layers=2,dropout=0.2,"
static const training_case cases[] = {
    { "gmf bce", "gmf", "dim=32", "adam", "lr=0.01", 1024 },
    { "gmf t-ce", "gmf", "dim=24,loss=t-ce,num_gradual=3", "sgd", "lr=0.5,momentum=0.9,nesterov=true", 1000 },
    { "gmf r-ce", "gmf", "dim=33,loss=r-ce", "adagrad", "lr=0.05,clip_norm=0.01", 1024 },
    { "mlp bce", "mlp", TOWER "loss=bce", "adamw", "lr=0.01,weight_decay=0.1", 1024 },
    { "mlp t-ce", "mlp", TOWER "loss=t-ce,num_gradual=0,drop_of=positives", "adam", "lr=0.01,clip_norm=0.1", 999 },
    { "mlp r-ce", "mlp", TOWER "loss=r-ce", "sgd", "lr=0.2", 1024 },
    { "neumf bce", "neumf", TOWER "loss=bce", "adagrad", "lr=0.05", 1024 },
    { "neumf t-ce", "neumf", TOWER "loss=t-ce,num_gradual=2", "adam", "lr=0.01,weight_decay=0.001", 1024 },
    { "neumf r-ce", "neumf", TOWER "loss=r-ce", "sgd", "lr=0.1,momentum=0.5,clip_norm=0.3", 1024 },
    { "cdae bce", "cdae", "hidden=40,dropout=0.4", "adam", "lr=0.01", 100 },
    { "cdae t-ce", "cdae", "hidden=33,dropout=0.3,loss=t-ce,num_gradual=0", "adagrad", "lr=0.1", 90 },
    { "cdae r-ce", "cdae", "hidden=40,dropout=0.4,loss=r-ce", "sgd", "lr=0.5,momentum=0.9", 100 },
    { "cdae sampled bce", "cdae", "hidden=32,dropout=0.4,output=sampled", "adamw", "lr=0.01,clip_norm=1", 100 },
    { "cdae sampled t-ce", "cdae", "hidden=32,output=sampled,loss=t-ce,num_gradual=1", "adam", "lr=0.01", 120 },
    { "cdae sampled r-ce", "cdae", "hidden=32,output=sampled,loss=r-ce", "adagrad", "lr=0.05", 100 },
};
enum { CASES = sizeof cases / sizeof *cases };

/* What comes out of a training: the bits of all tensors and of each epoch's loss. */
typedef struct outcome {
    double loss[4];
    int64_t n_losses, count;
    float values[ROOM];
} outcome;

static int32_t note(void *user, const recsys_training_event *e)
{
    outcome *o = user;
    if (e->kind == RECSYS_TRAINING_EPOCH && o->n_losses < 4) o->loss[o->n_losses++] = e->loss;
    return 0;
}

static recsys_status read_all(recsys_exec *x, const recsys_model *m, outcome *out)
{
    recsys_status status = RECSYS_OK;
    for (int64_t t = 0; t < recsys_model_tensor_count(m) && !status; t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        status = recsys_model_tensor_info(m, t, &info);
        int64_t n = info.shape[0] * info.shape[1];
        if (out->count + n > ROOM) return RECSYS_ERR_TOO_LARGE;
        if (!status) status = recsys_model_read_tensor(m, x, info.name, 0, info.shape[0], out->values + out->count);
        out->count += n;
    }
    return status;
}

/* An epoch on all positives, validation in the middle, one of fine-tuning. May run on any thread, so it fails no test. */
static recsys_status train(recsys_exec *x, const training_case *c, const recsys_dataset *data, const recsys_dataset *valid, outcome *out)
{
    recsys_params *p = NULL, *q = NULL;
    recsys_optimizer *optimizer = NULL;
    recsys_model *m = NULL;
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    memset(out, 0, sizeof *out);
    recsys_status status = recsys_params_create(recsys_exec_env(x), c->model, &p, NULL);
    if (!status) status = recsys_params_set_text(p, c->params);
    if (!status) status = recsys_optimizer_params(recsys_exec_env(x), c->optimizer, &q, NULL);
    if (!status) status = recsys_params_set_text(q, c->optimizer_params);
    if (!status) status = recsys_optimizer_create(x, q, &optimizer);
    t.optimizer = optimizer;
    t.epochs = 1;
    t.batch_size = c->batch_size;
    t.validation = valid;
    t.verified = valid;
    t.fine_tune_epochs = 1;
    t.watch = note;
    t.watch_user = out;
    o.training = &t;
    if (!status) status = recsys_model_fit(p, data, x, &o, &m);
    if (!status) status = read_all(x, m, out);
    recsys_model_release(m);
    recsys_optimizer_release(optimizer);
    recsys_params_release(q);
    recsys_params_release(p);
    return status;
}

static void expect_same(const training_case *c, const outcome *a, const outcome *b, const char *where)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->n_losses, b->n_losses);
    if (memcmp(a->loss, b->loss, sizeof a->loss) != 0) fail_msg("%s: the loss differs %s", c->name, where);
    for (int64_t i = 0; i < a->count; i++)
        if (memcmp(&a->values[i], &b->values[i], sizeof(float)) != 0)
            fail_msg("%s: element %lld is %.9g and %.9g %s", c->name, (long long)i, (double)a->values[i], (double)b->values[i], where);
}

typedef struct world {
    fixture f;
    recsys_dataset *data, *valid;
    outcome *one, *other;
} world;

static void open_world(world *w)
{
    fixture_open(&w->f, 1);
    w->data = test_random_dataset(w->f.exec, USERS, ITEMS, 12, 0, 1);
    w->valid = test_random_dataset(w->f.exec, USERS, ITEMS, 2, 0, 2);
    w->one = malloc(sizeof *w->one);
    w->other = malloc(sizeof *w->other);
    assert_true(w->one && w->other);
}

static void close_world(world *w)
{
    free(w->one);
    free(w->other);
    recsys_dataset_release(w->data);
    recsys_dataset_release(w->valid);
    fixture_close(&w->f);
}

static void test_number_of_threads(void **state)
{
    static const int32_t threads[] = { 1, 2, 3, 8 };
    world w;
    (void)state;
    open_world(&w);
    for (int c = 0; c < CASES; c++)
        for (size_t n = 0; n < sizeof threads / sizeof *threads; n++) {
            char where[32];
            recsys_exec *x = fixture_exec(&w.f, threads[n], 0, 7);
            expect_ok(x, train(x, &cases[c], w.data, w.valid, n == 0 ? w.one : w.other));
            snprintf(where, sizeof where, "with %d threads", (int)threads[n]);
            assert_int_equal(w.one->n_losses, 2);
            if (n > 0) expect_same(&cases[c], w.one, w.other, where);
            recsys_exec_release(x);
        }
    close_world(&w);
}

/* ---- at the same time ---- */

typedef struct client {
    recsys_exec *exec;
    const training_case *c;
    const world *w;
    outcome *got;
    recsys_status status;
} client;

static void *train_client(void *data)
{
    client *k = data;
    k->status = train(k->exec, k->c, k->w->data, k->w->valid, k->got);
    return NULL;
}

static void test_at_the_same_time(void **state)
{
    enum { CLIENTS = 4, ROUNDS = 2 };
    world w, beside;
    (void)state;
    open_world(&w);
    for (int round = 0; round < ROUNDS; round++) {
        client k[CLIENTS];
        pthread_t thread[CLIENTS];
        open_world(&beside); /* new data, whose views the clients make together */
        for (int i = 0; i < CLIENTS; i++) {
            k[i] = (client){ .exec = fixture_exec(&beside.f, 1 + i % 2, 0, 7), .c = &cases[(3 * i + round * 4) % CASES], .w = &beside,
                             .got = malloc(sizeof(outcome)) };
            assert_non_null(k[i].got);
        }
        for (int i = 0; i < CLIENTS; i++) assert_int_equal(pthread_create(&thread[i], NULL, train_client, &k[i]), 0);
        for (int i = 0; i < CLIENTS; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
        for (int i = 0; i < CLIENTS; i++) {
            recsys_exec *x = fixture_exec(&w.f, 1, 0, 7);
            expect_ok(k[i].exec, k[i].status);
            expect_ok(x, train(x, k[i].c, w.data, w.valid, w.one));
            expect_same(k[i].c, w.one, k[i].got, "beside other trainings");
            recsys_exec_release(k[i].exec);
            recsys_exec_release(x);
            free(k[i].got);
        }
        close_world(&beside);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_of_threads),
        cmocka_unit_test(test_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
