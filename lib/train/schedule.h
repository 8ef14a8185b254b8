/* schedule.h - the learning rate over time: a pure function of the number of steps done.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

#include "base/params.h"

/* In the order of the words of the parameter `schedule`. */
enum { SCHEDULE_CONSTANT, SCHEDULE_EXPONENTIAL, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_LINEAR };

typedef struct schedule {
    int64_t kind; /* SCHEDULE_* */
    double lr, decay, min_lr;
    double lr_decay;                     /* lr / (1 + t lr_decay) on top of the kind */
    int64_t decay_steps, warmup_steps, total_steps;
    int64_t n_milestones, milestones[PARAM_LIST_MAX];
} schedule;

/* 1 for kinds that end, and need total_steps. */
int recsys__schedule_ends(const schedule *s);

/* The rate of the step that is made after t steps are finished. */
double recsys__schedule_rate(const schedule *s, int64_t t);

#endif
