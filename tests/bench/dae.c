/* dae.c - a training step of the denoising autoencoder at the size of MovieLens-1M, against the products of its layers alone.
 *
 * 6,040 users, 3,706 items, about 100 items a user; 420:69, 420; Adam; batches of 1,024 users. FLOPs are those of the dense
 * products, three for each layer but the first; the limit is sgemm's rate on a large product, measured in the same run.
 * tests/bench/torch_autoencoder.py --time-steps measures the same with PyTorch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/bench.h"

enum { USERS = 6040, ITEMS = 3706, MEAN = 100, BATCH = 1024, STEPS_OF_EPOCH = 5 };

typedef struct job {
    const bench *b;
    recsys_trainer *trainer;
} job;

/* The five full batches of an epoch and the small one that ends it. */
static void epoch(void *data)
{
    job *j = data;
    for (int step = 0; step < STEPS_OF_EPOCH + 1; step++) bench_check(j->b, recsys_trainer_step(j->trainer, NULL, 0, NULL));
}

static void one(const bench *b, const recsys_dataset *d, const char *text)
{
    char what[160];
    job j = { .b = b };
    recsys_params *p = NULL;
    recsys_training how = RECSYS_TRAINING_INIT;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    how.batch_size = BATCH;
    how.epochs = 1000;
    fit.training = &how;
    bench_check(b, recsys_params_create(b->env, "dae", &p, NULL));
    bench_check(b, recsys_params_set_text(p, text));
    bench_check(b, recsys_trainer_create(p, d, b->exec, &fit, &j.trainer));
    timing t = bench_time(b, epoch, &j);
    double flops = 3.0 * 2.0 * USERS * (420.0 * 69.0 + 69.0 * 420.0 + 420.0 * ITEMS), share = (double)BATCH / USERS;
    snprintf(what, sizeof what, "step of %d users, %s", (int)BATCH, text);
    t.best *= share, t.median *= share;
    bench_print(b, "dae", what, t, flops * share, "flop", b->limits.sgemm, "sgemm");
    recsys_trainer_release(j.trainer);
    recsys_params_release(p);
}

void bench_dae(bench *b)
{
    recsys_dataset *d = bench_data(b, USERS, ITEMS, MEAN, 1);
    one(b, d, "loss=bce");
    one(b, d, "loss=multinomial");
    one(b, d, "loss=mse,flip=0.01");
    recsys_dataset_release(d);
}
