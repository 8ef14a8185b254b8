/* report.h - inside of recsys_report: the figures of an evaluation.
 *
 * C cut-offs, U users evaluated, V values of a user (metrics.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_REPORT_H
#define EVAL_REPORT_H

#include <stdatomic.h>

#include <recsys/evaluator.h>

#include "data/ids.h"
#include "eval/metrics.h"

struct recsys_report {
    atomic_int refs;
    memory *memory;
    recsys_report_info counts;
    int64_t n_cutoffs;
    int64_t *cutoffs;                /* C, ascending */
    double *values;                  /* METRIC_COUNT x C; one without cut-off is in column 0. NaN: undefined */
    uint8_t present[METRIC_COUNT];   /* 0: was not asked for, or the data for it is missing */
    recsys_ids *ids;                 /* of the test data's users; NULL: no values of users were kept */
    int32_t *user;                   /* U indices into them, ascending */
    double *user_values;             /* U x V */
};

/* An empty report with room for its figures: all NaN, none present. */
recsys_status recsys__report_create(recsys_exec *x, const int64_t *cutoffs, int64_t n_cutoffs, recsys_report **report);

/* Enters a figure; `c` is the position of the cut-off. */
static inline void report_enter(recsys_report *r, int32_t metric, int64_t c, double value)
{
    r->values[metric * r->n_cutoffs + c] = value;
    r->present[metric] = 1;
}

#endif
