/* report.c - the outcome of an evaluation: life, counts, single figures, values of users.
 *
 * Its written forms are in report_forms.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/report.h"

#include <math.h>
#include <string.h>

#include "base/struct.h"

recsys_status recsys__report_create(recsys_exec *x, const int64_t *cutoffs, int64_t n_cutoffs, recsys_report **report)
{
    recsys_report *r;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *r, &r);
    if (status) return status;
    atomic_init(&r->refs, 1);
    r->memory = recsys__memory_retain(x->memory);
    r->n_cutoffs = n_cutoffs;
    status = recsys__alloc(x->memory, &x->error, n_cutoffs, sizeof *r->cutoffs, &r->cutoffs);
    if (!status) status = recsys__alloc(x->memory, &x->error, n_cutoffs * METRIC_COUNT, sizeof *r->values, &r->values);
    if (status) {
        recsys_report_release(r);
        return status;
    }
    memcpy(r->cutoffs, cutoffs, (size_t)n_cutoffs * sizeof *cutoffs);
    for (int64_t v = 0; v < n_cutoffs * METRIC_COUNT; v++) r->values[v] = (double)NAN;
    *report = r;
    return RECSYS_OK;
}

recsys_report *recsys_report_retain(recsys_report *report)
{
    if (report) atomic_fetch_add_explicit(&report->refs, 1, memory_order_relaxed);
    return report;
}

void recsys_report_release(recsys_report *report)
{
    if (!report || atomic_fetch_sub_explicit(&report->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = report->memory;
    recsys__free(m, report->cutoffs);
    recsys__free(m, report->values);
    recsys__free(m, report->user);
    recsys__free(m, report->user_values);
    recsys__ids_release(report->ids);
    recsys__free(m, report);
    recsys__memory_release(m);
}

recsys_status recsys_report_counts(const recsys_report *report, recsys_report_info *info)
{
    if (!report || !info) return RECSYS_ERR_INVALID_ARGUMENT;
    return recsys__struct_out(NULL, "recsys_report_info", &report->counts, sizeof report->counts, info);
}

/* Finds metric and cut-off, by their numbers in this report. */
static recsys_status find(const recsys_report *r, const char *name, int64_t cutoff, int32_t *metric, int64_t *c)
{
    *metric = 0;
    *c = 0;
    while (*metric < METRIC_COUNT && strcmp(recsys__metrics[*metric].name, name) != 0) ++*metric;
    if (*metric == METRIC_COUNT) return RECSYS_ERR_UNKNOWN_KEY;
    if (!recsys__metrics[*metric].has_cutoff) return cutoff == 0 ? RECSYS_OK : RECSYS_ERR_OUT_OF_RANGE;
    while (*c < r->n_cutoffs && r->cutoffs[*c] != cutoff) ++*c;
    return *c < r->n_cutoffs ? RECSYS_OK : RECSYS_ERR_OUT_OF_RANGE;
}

recsys_status recsys_report_get(const recsys_report *report, const char *metric, int64_t cutoff, double *value)
{
    if (!report || !metric || !value) return RECSYS_ERR_INVALID_ARGUMENT;
    int32_t m;
    int64_t c;
    recsys_status status = find(report, metric, cutoff, &m, &c);
    if (status) return status;
    if (!report->present[m]) return RECSYS_ERR_MISSING_DATA;
    *value = report->values[m * report->n_cutoffs + c];
    return RECSYS_OK;
}

recsys_status recsys_report_per_user(const recsys_report *report, const char *metric, int64_t cutoff, int64_t *users,
                                     double *values, int64_t capacity, int64_t *count)
{
    if (!report || !metric || !count || capacity < 0) return RECSYS_ERR_INVALID_ARGUMENT;
    int32_t m;
    int64_t c;
    recsys_status status = find(report, metric, cutoff, &m, &c);
    if (status) return status;
    if (recsys__metrics[m].mean == NO_MEAN) return RECSYS_ERR_UNSUPPORTED;
    if (!report->present[m] || !report->user_values) return RECSYS_ERR_MISSING_DATA;
    int64_t V = value_count(report->n_cutoffs), v = value_index(report->n_cutoffs, c, recsys__metrics[m].mean);
    int64_t n = report->counts.users < capacity ? report->counts.users : capacity;
    for (int64_t u = 0; users && u < n; u++) users[u] = report->user[u];
    for (int64_t u = 0; values && u < n; u++) values[u] = report->user_values[u * V + v];
    *count = report->counts.users;
    return RECSYS_OK;
}
