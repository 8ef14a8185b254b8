/* train.c - training steps of GMF and NeuMF at Adressa's size: samples a second, sampling and shuffling included, and where
 * the time goes.
 *
 * 212,231 users, 6,596 items, 419,491 positives by popularity, width 32, three layers, one negative each, Adam. Times are of
 * the second epoch on, when the optimizer is behind with many rows. Shares come from a second, traced run of the same steps.
 * tests/bench/torch_ncf.py measures the same with PyTorch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "bench/bench.h"

enum { USERS = 212231, ITEMS = 6596, POSITIVES = 419491 };

/* Families of operations, as the results name them. */
static const struct {
    const char *family, *operations;
} families[] = {
    { "sampling", " sample_pairs sample_rows " },
    { "gather_scatter", " row_index gather_rows scatter_rows gather_dot gather_dot_gradient spmm row_numbers read_rows " },
    { "gemm", " matmul linear " },
    { "optimizer", " catch_up optimize gradient_norm " },
    { "loss", " pointwise_loss " },
};

enum { FAMILIES = sizeof families / sizeof *families };

typedef struct shares {
    double seconds[FAMILIES + 1]; /* the last: everything else */
} shares;

/* Adds the time of a traced operation: "name sizes rung 0.000123 s, ...". */
static void on_log(void *user, int32_t level, const char *component, const char *message)
{
    shares *s = user;
    char name[40] = " ";
    const char *end = strstr(message, " s, ");
    size_t length = strcspn(message, " ");
    if (level != RECSYS_LOG_TRACE || strcmp(component, "backend") != 0 || end == NULL || length > sizeof name - 3) return;
    memcpy(name + 1, message, length);
    memcpy(name + 1 + length, " ", 2);
    const char *start = end;
    while (start > message && start[-1] != ' ') start--;
    int f = 0;
    while (f < FAMILIES && strstr(families[f].operations, name) == NULL) f++;
    s->seconds[f] += strtod(start, NULL);
}

static recsys_dataset *adressa_like(const bench *b, recsys_exec *x)
{
    int64_t *users = malloc(POSITIVES * sizeof *users), *items = malloc(POSITIVES * sizeof *items);
    recsys_read_options o = RECSYS_READ_OPTIONS_INIT;
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder;
    recsys_dataset *d;
    uint64_t seed = 3;
    if (users == NULL || items == NULL) exit(1);
    for (int64_t e = 0; e < POSITIVES; e++) {
        double u = (double)(bench_random(&seed) >> 11) * 0x1p-53;
        users[e] = e < USERS ? e : (int64_t)(bench_random(&seed) % USERS);
        items[e] = e < ITEMS ? e : (int64_t)((double)ITEMS * u * u * u);
    }
    o.users = "212231";
    o.items = "6596";
    events.count = POSITIVES;
    events.user_ids = users;
    events.item_ids = items;
    bench_check(b, recsys_dataset_builder_create(x, &o, &builder));
    bench_check(b, recsys_dataset_builder_append(builder, &events));
    bench_check(b, recsys_dataset_builder_finish(builder, &d));
    recsys_dataset_builder_release(builder);
    free(users), free(items);
    return d;
}

/* Trains for some seconds after a first epoch (or a second of it); samples a second of the best part. */
static double run(const bench *b, recsys_exec *x, const recsys_dataset *d, const char *model, int64_t batch, double warm,
                  double seconds, shares *s)
{
    recsys_params *params;
    recsys_trainer *t;
    recsys_training training = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
    training.batch_size = batch;
    training.epochs = 100000;
    fit.training = &training;
    if (recsys_params_create(recsys_exec_env(x), model, &params, NULL) < 0) exit(1);
    bench_check(b, recsys_trainer_create(params, d, x, &fit, &t));
    double best = 0.0, began = recsys__seconds();
    while (e.epoch < 1 && recsys__seconds() - began < warm) bench_check(b, recsys_trainer_step(t, NULL, 0, &e));
    if (s != NULL) *s = (shares){ { 0 } };
    for (began = recsys__seconds(); recsys__seconds() - began < seconds;) {
        double start = recsys__seconds(), now = start;
        int64_t from = e.samples;
        while (now - start < seconds / 6) {
            bench_check(b, recsys_trainer_step(t, NULL, 0, &e));
            now = recsys__seconds();
        }
        double rate = (double)(e.samples - from) / (now - start);
        best = rate > best ? rate : best;
    }
    recsys_trainer_release(t);
    recsys_params_release(params);
    return best;
}

static void one(bench *b, const char *model, int64_t batch, double target)
{
    shares s;
    recsys_env *env;
    recsys_exec *x;
    recsys_env_options eo = RECSYS_ENV_OPTIONS_INIT;
    recsys_exec_options xo = RECSYS_EXEC_OPTIONS_INIT;
    eo.log = on_log;
    eo.log_user = &s;
    eo.log_level = RECSYS_LOG_TRACE;
    xo.threads = b->threads;
    recsys_dataset *d = adressa_like(b, b->exec);
    double rate = run(b, b->exec, d, model, batch, 6.0, 4.0, NULL), sum = 0.0;
    recsys_dataset_release(d);
    if (recsys_env_create(&eo, &env, NULL) < 0 || recsys_exec_create(env, &xo, &x, NULL) < 0) exit(1);
    d = adressa_like(b, x);
    run(b, x, d, model, batch, 4.0, 2.0, &s);
    recsys_dataset_release(d);
    recsys_exec_release(x);
    recsys_env_release(env);
    for (int f = 0; f <= FAMILIES; f++) sum += s.seconds[f];
    printf("{\"bench\": \"train\", \"case\": \"%s batch %lld\", \"samples_per_second\": %.0f, \"target\": %.0f, \"ratio\": %.2f", model,
           (long long)batch, rate, target, rate / target);
    for (int f = 0; f <= FAMILIES; f++)
        printf(", \"%s\": %.2f", f < FAMILIES ? families[f].family : "other", s.seconds[f] / sum);
    printf("}\n");
    fflush(stdout);
}

void bench_train(bench *b)
{
    one(b, "gmf", 1024, 4e6);
    one(b, "gmf", 65536, 4e6);
    one(b, "neumf", 1024, 250e3);
    one(b, "neumf", 65536, 250e3);
}
