/* event.c - where a training stands, in numbers and as the event that a program is told.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "train/trainer.h"

const part *recsys__trainer_part(const recsys_trainer *t, int64_t step)
{
    int32_t p = t->n_parts - 1;
    while (p > 0 && step < t->parts[p].first_step)
        p--;
    return &t->parts[p];
}

int64_t recsys__trainer_epochs(const recsys_trainer *t)
{
    const part *p = recsys__trainer_part(t, t->at.step);
    return p->first_epoch + (t->at.step - p->first_step) / p->n_batches;
}

/* 1 if the last step ended an epoch. */
int recsys__trainer_ends_epoch(const recsys_trainer *t)
{
    const part *p = recsys__trainer_part(t, t->at.step - 1);
    return t->at.step > 0 && (t->at.step - p->first_step) % p->n_batches == 0;
}

/* Steps that the training has, if its patience lasts. */
int64_t recsys__trainer_last_step(const recsys_trainer *t)
{
    return t->o.max_steps > 0 && t->o.max_steps < t->n_steps ? t->o.max_steps : t->n_steps;
}

int recsys__trainer_is_over(const recsys_trainer *t)
{
    return t->at.step >= recsys__trainer_last_step(t) || t->at.stopped;
}

static double ratio(double a, double b)
{
    return b > 0.0 ? a / b : NAN;
}

static void tell_stats(recsys_training_event *e, const pointwise_stats *s)
{
    e->kept = s->kept;
    e->dropped = s->dropped;
    e->dropped_clean = s->dropped_clean;
    e->dropped_noisy = s->dropped_noisy;
    e->clean = s->clean;
    e->noisy = s->noisy;
    e->clean_loss = ratio(s->clean_loss, s->clean);
    e->noisy_loss = ratio(s->noisy_loss, s->noisy);
}

recsys_training_event recsys__trainer_event(const recsys_trainer *t, int32_t kind)
{
    const part *p = recsys__trainer_part(t, t->at.step > 0 ? t->at.step - 1 : 0);
    double done = (double)t->samples, rate = ratio(done, t->spent);
    recsys_training_event e = {
        .struct_size = sizeof e,
        .kind = kind,
        .part = p->kind,
        .epoch = recsys__trainer_epochs(t),
        .n_epochs = t->n_epochs,
        .step = t->at.step,
        .n_steps = recsys__trainer_last_step(t),
        .samples = t->samples,
        .loss = ratio(t->since.loss, (double)t->n_since),
        .seconds = recsys__seconds() - t->began,
        .samples_per_second = rate,
        .learning_rate = t->learning_rate,
        .gradient_norm = t->norm,
        .validation = t->at.validation,
        .best = t->at.best,
        .best_step = t->at.best_step,
        .n_batches = t->n_since,
    };
    int64_t steps = t->at.step - t->first_step;
    e.eta_seconds = steps > 0 ? e.seconds / (double)steps * (double)(recsys__trainer_last_step(t) - t->at.step) : NAN;
    tell_stats(&e, &t->since);
    if (kind == RECSYS_TRAINING_EPOCH) {
        e.n_batches = p->n_batches;
        e.loss = ratio(t->at.epoch.loss, (double)p->n_batches);
        e.samples_per_second = ratio((double)t->epoch_samples, t->epoch_spent);
        tell_stats(&e, &t->at.epoch);
    }
    return e;
}
