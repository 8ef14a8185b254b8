/* progress.h - shows how far a call of the library has come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_PROGRESS_H
#define RECSYS_PROGRAM_PROGRESS_H

#include <recsys/exec.h>

/* On a terminal a bar that is drawn over and over on one line and vanishes; elsewhere a line for each phase that took
 * a while, when it is over. All goes to standard error. */
typedef struct progress {
    int quiet;           /* 1: nothing is shown */
    int terminal;        /* 1: standard error is a terminal */
    const char *subject; /* what the phases are about: a file, or NULL */
    char phase[32];      /* the phase that runs; empty: none */
    double began, drawn; /* seconds on the monotonic clock */
    int training;        /* 1: the phases are those of a training by steps, and `at` says more of it */
    struct {
        int64_t epoch, n_epochs, step, n_steps; /* the epoch that runs, from 1 on; steps finished */
        double loss, samples_per_second, left;  /* seconds; NaN: not known */
    } at;
} progress;

void progress_init(progress *p, int quiet);

/* Says what the next calls work on; ends the phase that runs. */
void progress_subject(progress *p, const char *subject);

/* The recsys_progress_fn; `user` is the progress. */
int32_t progress_update(void *user, const recsys_progress *event);

/* Ends the phase that runs: call it when the library has returned. */
void progress_end(progress *p);

/* Says what is known at the end of an epoch, on standard error that is no terminal: at most ten lines a second. */
void progress_epoch(progress *p, double seconds);

/* Takes the bar off the line, so that other text can be written. */
void progress_clear(progress *p);

/* Seconds on a clock that only goes forward. */
double clock_seconds(void);

#endif
