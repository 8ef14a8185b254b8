/* trainer.h - inside of recsys_trainer: where a training stands and what it works with.
 *
 * A training is a list of parts (warm-up, main, fine-tuning), each of which repeats epochs of batches of one sampler. Steps and
 * epochs are numbered over all parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include <recsys/evaluator.h>
#include <recsys/trainer.h>

#include "backend/op/pointwise_loss.h"
#include "model/training.h"
#include "train/optimizer.h"
#include "train/sampler.h"

enum { MAX_PARTS = 3, SELECT_ROOM = 64 };

typedef struct part {
    int32_t kind; /* RECSYS_PART_* */
    sampler *sampler;
    int64_t n_epochs, n_batches;   /* batches in an epoch */
    int64_t first_epoch, first_step; /* of this part, counted over all */
} part;

/* All of it that changes and is no array: with the arrays, what a checkpoint holds. */
typedef struct progress_state {
    int64_t step;            /* finished */
    int64_t n_validations;   /* done: fresh negatives for each */
    int64_t n_stale;         /* validations since the best one */
    int64_t best_step;       /* -1: none */
    double validation, best; /* NaN: none */
    pointwise_stats epoch;   /* sums over the epoch's batches so far */
    int64_t stopped;         /* 1: patience has run out */
    int64_t validated_step;  /* the last step after which validation was done, if it was due */
} progress_state;

struct recsys_trainer {
    recsys_exec *x;
    const struct model_class *class;
    recsys_training o;       /* struct_size is ours; strings and arrays are the caller's */
    int32_t without_histories;
    recsys_dataset *train, *validation, *verified; /* in the ids of `train`; the last two may be NULL */
    recsys_model *m;         /* its tensors are the parameters */
    int64_t n_parameters;
    recsys_optimizer *optimizer;
    optimizer_state *state;
    tape *g;
    part parts[MAX_PARTS];
    int32_t n_parts;
    int64_t n_epochs, n_steps; /* of the whole training */
    progress_state at;
    float *best[MODEL_MAX_TENSORS]; /* device copies of the parameters of the best model; NULL: none yet */

    sampler *validation_sampler;    /* select = "loss" */
    int32_t *validation_users;      /* for user rows: those with validation positives, ascending; else NULL */
    recsys_evaluator *evaluator;    /* a metric */
    char metric[SELECT_ROOM];       /* "" : loss */
    int64_t cutoff;

    double began, spent;            /* clock; seconds of it in steps */
    double epoch_spent;
    int64_t samples, epoch_samples; /* since it began */
    int64_t first_step;             /* steps that were finished when it began: those of the checkpoint */
    double learning_rate, norm;     /* of the last step */

    int64_t settled;                     /* steps whose outcome the host knows: at.step, or fewer on a device with a queue */
    pointwise_stats losses[STEPS_AHEAD]; /* of the steps since */
    pointwise_stats *losses_device;      /* the same there; of losses that are only a number, floats */
    pointwise_stats since;               /* sums over n_since batches, from the first after the last STEP event on */
    int64_t n_since;
    int32_t told;                        /* 1: such an event has come, and the next batch begins new sums */
    error fault;                         /* what settling found wrong; status RECSYS_OK: nothing so far */
};

/* step.c: one step, with the caller's batch or the next one (inputs NULL); the device is not waited for, but every
 * recsys__trainer_steps_ahead() steps, after an epoch and at the end. Settling waits, and finds what went wrong: before
 * anything that depends on what the steps did is shown or kept. */
recsys_status recsys__trainer_make_step(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs);
int64_t recsys__trainer_steps_ahead(const recsys_trainer *t);
recsys_status recsys__trainer_settle(recsys_trainer *t);

/* event.c: epochs finished; whether the last step ended one; steps after which it ends, unless patience runs out before; whether it
 * has ended. */
int64_t recsys__trainer_epochs(const recsys_trainer *t);
int recsys__trainer_ends_epoch(const recsys_trainer *t);
int64_t recsys__trainer_last_step(const recsys_trainer *t);
int recsys__trainer_is_over(const recsys_trainer *t);
/* The part that a step belongs to. */
const part *recsys__trainer_part(const recsys_trainer *t, int64_t step);
/* The event that tells where the training stands. */
recsys_training_event recsys__trainer_event(const recsys_trainer *t, int32_t kind);

/* plan.c: rows of a batch where the caller does not say. */
int64_t recsys__default_batch(const sampler_options *o);
/* plan.c: ERR_MEMORY_LIMIT if the training cannot fit, before anything large is taken; samplers and counts of all parts, from
 * the options. */
recsys_status recsys__trainer_check_memory(recsys_trainer *t, const recsys_params *p);
recsys_status recsys__trainer_plan(recsys_trainer *t);
void recsys__trainer_unplan(recsys_trainer *t);

/* validation.c */
recsys_status recsys__validation_open(recsys_trainer *t);
void recsys__validation_close(recsys_trainer *t);
/* What `select` names, now. */
recsys_status recsys__validation_value(recsys_trainer *t, double *value);
/* Computes it, and keeps the parameters if it is the best so far. */
recsys_status recsys__validation_round(recsys_trainer *t);
/* A model with copies of the parameters, of now or of the best (1). Without histories; not complete. */
recsys_status recsys__trainer_snapshot(recsys_trainer *t, int32_t best, recsys_model **out);

/* batches.c: a batch of the caller's; and the rows that a model of user rows sees and is asked for in validation: nothing for
 * models of pairs. */
recsys_status recsys__caller_batch(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs, batch *b);
void recsys__validation_rows(recsys_trainer *t, int64_t position, batch *b);

/* checkpoint.c: writes and reads everything; after reading, the training goes on where it was. ERR_FILE_FORMAT, ERR_CHECKSUM,
 * ERR_FILE_VERSION for a damaged file; ERR_INVALID_ARGUMENT, naming what differs, for one of another training. */
recsys_status recsys__checkpoint_write(recsys_trainer *t, const char *path);
recsys_status recsys__checkpoint_read(recsys_trainer *t, const char *path);

#endif
