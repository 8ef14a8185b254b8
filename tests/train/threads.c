/* threads.c - training gives the same bits with any number of threads, and beside other trainings.
 *
 * Batches are large enough for the kernels to open parallel regions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "support/features.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/trainer.h>

enum { USERS = 240, ITEMS = 110, COLUMNS = 7, ROOM = 1 << 16 };

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
    { "lightgcn", "lightgcn", "dim=32,layers=3,dropout=0.2", "adam", "lr=0.01", 1024 },
    { "lightgcn directed", "lightgcn", "dim=33,layers=2,dropout=0.1,dropout_of=directed", "sgd", "lr=0.5,momentum=0.9", 700 },
    { "dae bce", "dae", "encoder=32:8,decoder=24,mask=0.3,flip=0.01,loss=bce", "adam", "lr=0.01", 100 },
    { "dae multinomial", "dae", "encoder=40:9,decoder=33,activation=tanh,normalize=l2,mask=0.5,rescale=1,loss=multinomial",
      "adamw", "lr=0.01,weight_decay=0.1", 120 },
    { "dae mse", "dae", "encoder=33,decoder=0,loss=mse", "adagrad", "lr=0.05,clip_norm=0.1", 90 },
    { "concat", "two-tower-concat", "layers=32:16:8", "adam", "lr=0.01", 1024 },
    { "concat t-ce", "two-tower-concat", "layers=16:9,features=0,loss=t-ce,num_gradual=2", "adagrad", "lr=0.05", 999 },
    { "product", "two-tower-product", "layers=32:16:8", "adam", "lr=0.01,weight_decay=0.001", 1024 },
    { "product in-batch", "two-tower-product", "layers=32:24,objective=in-batch,output=cosine", "adam", "lr=0.01", 512 },
    { "product shared", "two-tower-product", "layers=32:17,objective=shared,output=dot,shared_negatives=300", "sgd",
      "lr=0.1", 600 },
    { "classifier", "mlp-classifier", "layers=64:32,standardize=1", "adam", "lr=0.01", 200 },
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
        int64_t n = info.shape[0] * info.shape[1] * (info.dtype == RECSYS_I64 ? 2 : 1); /* words of 4 bytes */
        if (out->count + n > ROOM) return RECSYS_ERR_TOO_LARGE;
        if (!status) status = recsys_model_read_tensor(m, x, info.name, 0, info.shape[0], out->values + out->count);
        out->count += n;
    }
    return status;
}

/* Interactions, with features of users and items; and for a classifier rows of features with a label each. */
typedef struct world {
    fixture f;
    recsys_dataset *data, *valid, *rows;
    outcome *one, *other;
} world;

/* An epoch on all positives, validation in the middle, one of fine-tuning (classifier: one more). May run on any thread, so it
 * fails no test. */
static recsys_status train(recsys_exec *x, const training_case *c, const world *w, outcome *out)
{
    recsys_params *p = NULL, *q = NULL;
    recsys_optimizer *optimizer = NULL;
    recsys_model *m = NULL;
    recsys_training t = RECSYS_TRAINING_INIT;
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    int is_classifier = strcmp(c->model, "mlp-classifier") == 0;
    memset(out, 0, sizeof *out);
    recsys_status status = recsys_params_create(recsys_exec_env(x), c->model, &p, NULL);
    if (!status) status = recsys_params_set_text(p, c->params);
    if (!status) status = recsys_optimizer_params(recsys_exec_env(x), c->optimizer, &q, NULL);
    if (!status) status = recsys_params_set_text(q, c->optimizer_params);
    if (!status) status = recsys_optimizer_create(x, q, &optimizer);
    t.optimizer = optimizer;
    t.epochs = is_classifier ? 2 : 1;
    t.batch_size = c->batch_size;
    t.validation = is_classifier ? w->rows : w->valid; /* whose rows all come from one reading */
    t.verified = is_classifier ? NULL : w->valid;
    t.fine_tune_epochs = is_classifier ? 0 : 1;
    t.watch = note;
    t.watch_user = out;
    o.training = &t;
    if (!status) status = recsys_model_fit(p, is_classifier ? w->rows : w->data, x, &o, &m);
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
            fail_msg("%s: element %lld is %.9g and %.9g %s", c->name, (long long)i, (double)a->values[i], (double)b->values[i],
                     where);
}

static void open_world(world *w)
{
    float features[USERS * COLUMNS];
    int64_t row[USERS], label[USERS];
    uint64_t seed = 5;
    for (int k = 0; k < USERS * COLUMNS; k++) features[k] = (float)(2.0 * test_random_unit(&seed) - 1.0);
    for (int k = 0; k < USERS; k++) row[k] = k, label[k] = (k * k + k / 7) % 5;
    fixture_open(&w->f, 1);
    w->rows = test_dataset_of(w->f.exec, row, label, NULL, NULL, USERS);
    test_attach_features(w->f.exec, w->rows, SIDE_USERS, features, COLUMNS, 1);
    w->data = test_random_dataset(w->f.exec, USERS, ITEMS, 12, 0, 1);
    w->valid = test_random_dataset(w->f.exec, USERS, ITEMS, 2, 0, 2);
    test_attach_features(w->f.exec, w->data, SIDE_USERS, features, COLUMNS, 0);
    test_attach_features(w->f.exec, w->data, SIDE_ITEMS, features, COLUMNS, 0);
    w->one = malloc(sizeof *w->one);
    w->other = malloc(sizeof *w->other);
    assert_true(w->one && w->other);
}

static void close_world(world *w)
{
    free(w->one);
    free(w->other);
    recsys_dataset_release(w->rows);
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
            expect_ok(x, train(x, &cases[c], &w, n == 0 ? w.one : w.other));
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
    k->status = train(k->exec, k->c, k->w, k->got);
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
            k[i] = (client){ .exec = fixture_exec(&beside.f, 1 + i % 2, 0, 7), .c = &cases[(3 * i + round * 4) % CASES],
                             .w = &beside,
                             .got = malloc(sizeof(outcome)) };
            assert_non_null(k[i].got);
        }
        for (int i = 0; i < CLIENTS; i++) assert_int_equal(pthread_create(&thread[i], NULL, train_client, &k[i]), 0);
        for (int i = 0; i < CLIENTS; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
        for (int i = 0; i < CLIENTS; i++) {
            recsys_exec *x = fixture_exec(&w.f, 1, 0, 7);
            expect_ok(k[i].exec, k[i].status);
            expect_ok(x, train(x, k[i].c, &w, w.one));
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
