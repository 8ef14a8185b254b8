/* tune_trials.h - the trials of a search: in memory, and in a file of CSV that a later run goes on from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_TUNE_TRIALS_H
#define RECSYS_PROGRAM_TUNE_TRIALS_H

#include "tune_space.h"

enum { TRIAL_OK, TRIAL_FAILED, TRIAL_REPEAT };

typedef struct trial {
    int64_t number;
    tune_values values;
    int outcome;         /* TRIAL_* */
    double metric;       /* NaN if it failed */
    int64_t epoch, step; /* finished when the metric was best; -1: none */
    double seconds;
    char note[512];      /* why it failed, or whose repetition it is */
    int earlier;         /* 1: the file had it when this run began */
} trial;

typedef struct trials {
    const tune_space *space;
    const char *select;  /* head of the metric's column */
    char *settings;      /* everything that the outcome of a trial depends on: "model=gmf; seed=1; ..." */
    trial **row;         /* in the order in which they were done */
    int64_t count, room;
    int descriptor;      /* of the file; -1: none */
    const char *path;
} trials;

/* Opens the file, if --trials-out names one, and reads what it has; `described`, the settings, then belongs to the trials. A
 * file of another search is refused, and the message says what differs. trials_close() is due in any case. */
recsys_status trials_open(program *p, trials *t, const tune_space *space, const char *select, char *described);

/* Adds a trial: in the file and on the disk when it returns. */
recsys_status trials_add(program *p, trials *t, const trial *row);
void trials_close(trials *t);

/* The trial of this number, the one that had the same values and was really done, and the best one; NULL if there is none. */
const trial *trials_find(const trials *t, int64_t number);
const trial *trials_like(const trials *t, const tune_values *values);
const trial *trials_best(const trials *t);

/* 1 if `a` is a better trial than `b`; of equal ones the earlier is. */
int trial_is_better(const trials *t, const trial *a, const trial *b);

const char *trial_outcome(const trial *row);

#endif
