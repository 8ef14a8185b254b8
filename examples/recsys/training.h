/* training.h - what `recsys train` gives to a model that is trained by steps, and what it hears from it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_TRAINING_H
#define RECSYS_PROGRAM_TRAINING_H

#include "curve.h"
#include "json.h"

typedef struct training {
    program *p;
    recsys_training options; /* for the library; it refers to what follows */
    recsys_optimizer *optimizer;
    recsys_dataset *valid, *verified;
    recsys_model **start;
    int64_t n_start;

    curve curve;
    int heard;                  /* 1: `last` is an event */
    recsys_training_event last;
    int64_t first_step;         /* steps that the checkpoint had behind it */
    int64_t checkpoint_step;    /* of the last checkpoint that was written or resumed from; -1: none */
    curve_row since;            /* sums of all steps since the last validation */
    double steps_since, epoch_began;
    recsys_status status;       /* of the program's own work while the library trains */
} training;

/* Looks for options that cannot be together, before anything is read. */
recsys_status training_check(program *p);

/* Reads what the options name. `valid` is NULL, or the data of --valid where they were read with those of --train.
 * training_close() is due in any case. */
recsys_status training_open(program *p, training *t, recsys_params *params, const recsys_dataset *train, recsys_dataset *valid);

/* Ends the log and the progress. `status` is that of the training: where it was cancelled, the message says where the
 * checkpoint is. Returns the first failure. */
recsys_status training_end(training *t, recsys_status status);

/* Says how it went, and draws it. */
recsys_status training_report(training *t, json *j);

void training_close(training *t);

#endif
