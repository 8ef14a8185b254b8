/* tune.h - a search for parameters: what its parts share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_TUNE_H
#define RECSYS_PROGRAM_TUNE_H

#include "training.h"
#include "tune_trials.h"

typedef struct search {
    program *p;
    int by_steps;
    const char *select;
    char metric[48];              /* of `select`; empty: the loss */
    int64_t cutoff;
    tune_space space;
    training training;            /* what the options name: validation data, events known to be clean, models to start from */
    recsys_dataset *train;
    trials trials;
    int64_t n_trials, n_done;     /* asked for; done in this run */
    double seconds;               /* of this run's trials */
    int64_t epoch;                /* of the trial that runs, at its best look */
} search;

/* Shows the best trials and how to train the best one by itself. A search that was cut off (`is_whole` is 0) shows how far it
 * came; JSON is written of whole ones. Fails if all trials of a whole search failed. */
recsys_status tune_report(search *s, int is_whole);

#endif
