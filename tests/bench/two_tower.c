/* two_tower.c - training steps of both two-tower models at ml-1m-implicit's size: samples a second, sampling and shuffling
 * included, and the operations that take the time.
 *
 * 6,039 users, 3,628 items, 590,733 positives by popularity. Type 1: layers 10:5:2:2, 1,024 positives and 3 negatives each a
 * batch, Adam. Type 2: the same as pairs, and 1,024 positives of a softmax over the batch. tests/bench/torch_towers.py measures
 * the same with PyTorch. Times of operations come from a second, traced run of the same steps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { USERS = 6039, ITEMS = 3628, POSITIVES = 590733, MOST_OPERATIONS = 64 };

typedef struct tally {
    int count;
    struct { char name[32]; double seconds; } of[MOST_OPERATIONS];
} tally;

/* Adds the time of a traced operation: "name sizes rung 0.000123 s, ...". */
static void on_log(void *user, int32_t level, const char *component, const char *message)
{
    tally *t = user;
    const char *end = strstr(message, " s, ");
    size_t length = strcspn(message, " ");
    if (level != RECSYS_LOG_TRACE || strcmp(component, "backend") != 0 || end == NULL || length >= sizeof t->of[0].name) return;
    const char *start = end;
    while (start > message && start[-1] != ' ') start--;
    int k = 0;
    while (k < t->count && (strncmp(t->of[k].name, message, length) != 0 || t->of[k].name[length] != '\0')) k++;
    if (k == MOST_OPERATIONS) return;
    if (k == t->count) {
        memcpy(t->of[k].name, message, length);
        t->of[k].name[length] = '\0';
        t->of[t->count++].seconds = 0.0;
    }
    t->of[k].seconds += strtod(start, NULL);
}

static recsys_dataset *ml_1m_like(const bench *b, recsys_exec *x)
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
        users[e] = e % USERS;
        items[e] = e < ITEMS ? e : (int64_t)((double)ITEMS * u * u * u);
    }
    o.users = "6039";
    o.items = "3628";
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

typedef struct job {
    const char *what, *model, *params;
    int64_t batch;
    double target; /* samples a second; 0: none */
} job;

/* Samples a second of the best sixth of `seconds`, after a first epoch (or a second of it). */
static double run(const bench *b, recsys_exec *x, const recsys_dataset *d, const job *j, double seconds, tally *t)
{
    recsys_params *params;
    recsys_trainer *trainer;
    recsys_training training = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
    training.batch_size = j->batch;
    training.epochs = 100000;
    fit.training = &training;
    if (recsys_params_create(recsys_exec_env(x), j->model, &params, NULL) < 0 || recsys_params_set_text(params, j->params) < 0)
        exit(1);
    bench_check(b, recsys_trainer_create(params, d, x, &fit, &trainer));
    double best = 0.0, began = recsys__seconds();
    while (e.epoch < 1 && recsys__seconds() - began < 1.0) bench_check(b, recsys_trainer_step(trainer, NULL, 0, &e));
    if (t != NULL) *t = (tally){ 0 };
    for (began = recsys__seconds(); recsys__seconds() - began < seconds;) {
        double start = recsys__seconds(), now = start;
        int64_t from = e.samples;
        while (now - start < seconds / 6) {
            bench_check(b, recsys_trainer_step(trainer, NULL, 0, &e));
            now = recsys__seconds();
        }
        double rate = (double)(e.samples - from) / (now - start);
        best = rate > best ? rate : best;
    }
    recsys_trainer_release(trainer);
    recsys_params_release(params);
    return best;
}

static void print(const job *j, double rate, const tally *t)
{
    double sum = 0.0;
    for (int k = 0; k < t->count; k++) sum += t->of[k].seconds;
    printf("{\"bench\": \"two_tower\", \"case\": \"%s\", \"samples_per_second\": %.0f", j->what, rate);
    if (j->target > 0.0) printf(", \"target\": %.0f, \"ratio\": %.2f", j->target, rate / j->target);
    for (int k = 0; k < t->count; k++)
        if (t->of[k].seconds > 0.02 * sum) printf(", \"%s\": %.2f", t->of[k].name, t->of[k].seconds / sum);
    printf("}\n");
    fflush(stdout);
}

static void one(bench *b, const job *j)
{
    tally t = { 0 };
    recsys_env *env;
    recsys_exec *x;
    recsys_env_options eo = RECSYS_ENV_OPTIONS_INIT;
    recsys_exec_options xo = RECSYS_EXEC_OPTIONS_INIT;
    eo.log = on_log;
    eo.log_user = &t;
    eo.log_level = RECSYS_LOG_TRACE;
    xo.threads = b->threads;
    recsys_dataset *d = ml_1m_like(b, b->exec);
    double rate = run(b, b->exec, d, j, 3.0, NULL);
    recsys_dataset_release(d);
    if (recsys_env_create(&eo, &env, NULL) < 0 || recsys_exec_create(env, &xo, &x, NULL) < 0) exit(1);
    d = ml_1m_like(b, x);
    run(b, x, d, j, 1.0, &t);
    recsys_dataset_release(d);
    recsys_exec_release(x);
    recsys_env_release(env);
    print(j, rate, &t);
}

void bench_two_tower(bench *b)
{
    static const job jobs[] = {
        { "type 1, layers 10:5:2:2, batch 4096", "two-tower-concat", "layers=10:5:2:2", 4096, 3.0 * 1.86e6 },
        { "type 2, layers 10:5:2:2, batch 4096", "two-tower-product", "layers=10:5:2:2", 4096, 0.0 },
        { "type 2, layers 128:64, in-batch softmax, batch 1024", "two-tower-product",
          "layers=128:64,objective=in-batch,output=cosine", 1024, 0.0 },
    };
    for (size_t k = 0; k < sizeof jobs / sizeof *jobs; k++) one(b, &jobs[k]);
}
