/* schedule.c - learning-rate schedules; docs/optimizers.md has them as formulas.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

int recsys__schedule_ends(const schedule *s)
{
    return s->kind == SCHEDULE_COSINE || s->kind == SCHEDULE_LINEAR;
}

/* From 0 at the end of the warm-up to 1 at the end of the training. */
static double progress(const schedule *s, int64_t t)
{
    int64_t length = s->total_steps - s->warmup_steps, done = t - s->warmup_steps;
    if (done <= 0) return 0.0;
    return done >= length ? 1.0 : (double)done / (double)length;
}

static double milestones_passed(const schedule *s, int64_t t)
{
    double passed = 0.0;
    for (int64_t k = 0; k < s->n_milestones; k++) passed += t >= s->milestones[k];
    return passed;
}

static double unwarmed(const schedule *s, int64_t t)
{
    switch (s->kind) {
    case SCHEDULE_EXPONENTIAL: return s->lr * pow(s->decay, (double)(t / s->decay_steps));
    case SCHEDULE_STEP: return s->lr * pow(s->decay, milestones_passed(s, t));
    case SCHEDULE_COSINE: return s->min_lr + (s->lr - s->min_lr) * 0.5 * (1.0 + cos(PI * progress(s, t)));
    case SCHEDULE_LINEAR: return s->lr + (s->min_lr - s->lr) * progress(s, t);
    default: return s->lr;
    }
}

double recsys__schedule_rate(const schedule *s, int64_t t)
{
    double rate = unwarmed(s, t) / (1.0 + (double)t * s->lr_decay);
    if (rate < s->min_lr) rate = s->min_lr;
    return t < s->warmup_steps ? rate * (double)(t + 1) / (double)s->warmup_steps : rate;
}
