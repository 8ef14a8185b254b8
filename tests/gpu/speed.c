/* speed.c - what the device must reach, measured: a fit of EASE^R, full ranking, an epoch of LightGCN, samples of NeuMF a
 * second, and whether each gives the same bits from run to run. Only the bits decide about `ok`; `met` tells of the target
 * (null: the sizes are others).
 *
 * Sizes are those of Gowalla (29,858 users, 40,981 items, 810,128 interactions) and, for NeuMF, of Adressa (212,231 users,
 * 6,596 items, 419,491 positives).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

enum { FACTORS = 64, TIMES = 3 };

typedef struct outcome {
    recsys_exec *at;                /* the exec that works */
    double first, best, median;     /* seconds */
    double amount;                  /* units in each run; 0: the seconds themselves are the figure */
    uint64_t bits[2];
    char sizes[160];
} outcome;

typedef struct speed_case {
    const char *name, *unit;
    double target;
    int more_is_better;
    recsys_status (*run)(validation *v, outcome *o);
} speed_case;

static int ascending(const void *a, const void *b)
{
    double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

/* The first run warms up: it does not count where there are others. */
static void summarize(outcome *o, const double *seconds, int64_t count)
{
    double sorted[MAX_EPOCHS];
    int64_t n = count > 1 ? count - 1 : count;
    o->first = count > 0 ? seconds[0] : NAN;
    o->best = o->median = NAN;
    if (n == 0) return;
    memcpy(sorted, seconds + (count - n), (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    o->best = sorted[0];
    o->median = sorted[n / 2];
}

static recsys_status gowalla_like(validation *v, outcome *o, int64_t divisor, uint64_t seed, recsys_dataset **out)
{
    int64_t users = validate_size(v, 29858, 64), items = validate_size(v, 40981, 96), events = validate_size(v, 813000, 640);
    o->at = v->cpu;
    recsys_statistics about = RECSYS_STATISTICS_INIT;
    recsys_status s = validate_popular(v, users, items, events / divisor, seed, out);
    if (s >= 0) s = recsys_dataset_statistics(*out, v->cpu, &about);
    if (s >= 0 && divisor == 1)
        snprintf(o->sizes, sizeof o->sizes, "%lld users, %lld items, %lld interactions", (long long)about.n_users,
                 (long long)about.n_items, (long long)about.n_interactions);
    o->at = v->device;
    return s;
}

/* ---- EASE^R ---- */

static recsys_status run_ease(validation *v, outcome *o)
{
    recsys_dataset *data = NULL;
    double seconds[TIMES];
    recsys_status s = gowalla_like(v, o, 1, 3, &data);
    for (int r = 0; s >= 0 && r < TIMES; r++) {
        recsys_model *model = NULL;
        double start = validate_seconds();
        s = validate_fit(v->device, "ease", "l2=500", data, 0, 0, NULL, &model);
        seconds[r] = validate_seconds() - start;
        if (s >= 0 && r < 2) s = validate_hash(v->device, model, &o->bits[r]);
        recsys_model_release(model);
    }
    if (s >= 0) summarize(o, seconds, TIMES);
    recsys_dataset_release(data);
    return s;
}

/* ---- ranking ---- */

static recsys_status random_vectors(validation *v, const recsys_dataset *train, recsys_model **out)
{
    int64_t users = recsys_ids_count(recsys_dataset_users(train)), items = recsys_ids_count(recsys_dataset_items(train));
    int64_t count = (users + items) * FACTORS;
    float *table = malloc((size_t)count * sizeof *table);
    uint64_t state = 6;
    if (table == NULL) return RECSYS_ERR_NO_MEMORY;
    for (int64_t e = 0; e < count; e++) {
        table[e] = 0.0f;
        for (int part = 0; part < 4; part++) /* near normal: a sum of four uniform numbers */
            table[e] += (float)((double)(validate_random(&state) >> 40) * 0x1p-24 - 0.5);
    }
    recsys_status s = recsys_model_from_embeddings(train, v->device, FACTORS, table, table + users * FACTORS, NULL, out);
    free(table);
    return s;
}

/* All metrics that this evaluation has, at each cut-off. */
static uint64_t report_bits(const recsys_report *report, const int64_t *cutoffs, int n)
{
    uint64_t hash = 1;
    for (int64_t m = 0; m < recsys_metric_count(); m++)
        for (int c = 0; c < n; c++) {
            double value;
            if (recsys_report_get(report, recsys_metric_name(m), cutoffs[c], &value) >= 0)
                hash = validate_mix(hash, &value, sizeof value);
        }
    return hash;
}

static recsys_status run_ranking(validation *v, outcome *o)
{
    static const int64_t cutoffs[] = { 5, 10, 20, 100 };
    recsys_dataset *train = NULL, *test = NULL;
    recsys_model *model = NULL;
    recsys_evaluator *evaluator = NULL;
    recsys_evaluator_options how = RECSYS_EVALUATOR_OPTIONS_INIT;
    recsys_report_info info = RECSYS_REPORT_INFO_INIT;
    double seconds[TIMES + 1];
    recsys_status s = gowalla_like(v, o, 1, 1, &train);
    if (s >= 0) s = gowalla_like(v, o, 4, 2, &test);
    if (s >= 0) s = random_vectors(v, train, &model);
    how.test = test;
    how.cutoffs = cutoffs;
    how.n_cutoffs = 4;
    if (s >= 0) s = recsys_evaluator_create(v->device, &how, &evaluator);
    for (int r = 0; s >= 0 && r <= TIMES; r++) {
        recsys_report *report = NULL;
        double start = validate_seconds();
        s = recsys_evaluator_run(evaluator, model, v->device, &report);
        seconds[r] = validate_seconds() - start;
        if (s >= 0) o->bits[r & 1] = report_bits(report, cutoffs, 4);
        if (s >= 0) s = recsys_report_counts(report, &info);
        recsys_report_release(report);
    }
    if (s >= 0) summarize(o, seconds, TIMES + 1);
    o->amount = (double)info.users;
    recsys_evaluator_release(evaluator), recsys_model_release(model);
    recsys_dataset_release(test), recsys_dataset_release(train);
    return s;
}

/* ---- training by steps ---- */

/* Trains twice and times the epochs of the first training. */
static recsys_status time_epochs(validation *v, outcome *o, const char *model_name, const char *params,
                                 const recsys_dataset *data, int64_t epochs, int64_t batch)
{
    history seen = { 0 };
    recsys_status s = RECSYS_OK;
    for (int r = 0; s >= 0 && r < 2; r++) {
        recsys_model *model = NULL;
        s = validate_fit(v->device, model_name, params, data, epochs, batch, r == 0 ? &seen : NULL, &model);
        if (s >= 0) s = validate_hash(v->device, model, &o->bits[r]);
        recsys_model_release(model);
    }
    if (s >= 0) summarize(o, seen.seconds, seen.count);
    return s;
}

/* Few steps where sizes are divided: what takes time there is not what is measured. */
static int64_t batch_size(const validation *v, int64_t full, const recsys_dataset *data)
{
    return v->scale == 1 ? full : recsys_dataset_event_count(data) / 4 + 1;
}

static recsys_status run_lightgcn(validation *v, outcome *o)
{
    recsys_dataset *data = NULL;
    recsys_status s = gowalla_like(v, o, 1, 3, &data);
    if (s >= 0) s = time_epochs(v, o, "lightgcn", "dim=64,layers=3", data, v->scale == 1 ? 5 : 2, batch_size(v, 2048, data));
    recsys_dataset_release(data);
    return s;
}

static recsys_status run_neumf(validation *v, outcome *o)
{
    int64_t users = validate_size(v, 212231, 64), items = validate_size(v, 6596, 96), positives = validate_size(v, 419491, 640);
    recsys_dataset *data = NULL;
    o->at = v->cpu;
    recsys_status s = validate_popular(v, users, items, positives, 4, &data);
    o->at = v->device;
    if (s >= 0) {
        int64_t left = recsys_dataset_event_count(data);
        o->amount = 2.0 * (double)left; /* a negative for each positive */
        snprintf(o->sizes, sizeof o->sizes, "%lld users, %lld items, %lld positives", (long long)users, (long long)items,
                 (long long)left);
        s = time_epochs(v, o, "neumf", "dim=32,layers=3", data, v->scale == 1 ? 20 : 2, batch_size(v, 65536, data));
    }
    recsys_dataset_release(data);
    return s;
}

/* ---- the part ---- */

static const speed_case cases[] = {
    { "ease", "s", 5.0, 0, run_ease },
    { "ranking", "users/s", 300e3, 1, run_ranking },
    { "lightgcn", "s/epoch", 1.0, 0, run_lightgcn },
    { "neumf", "samples/s", 20e6, 1, run_neumf },
};

static void run_case(validation *v, const speed_case *c)
{
    outcome o = { .at = v->device };
    recsys_status s = c->run(v, &o);
    int same = o.bits[0] == o.bits[1], ok = s >= 0 && same;
    double figure = c->more_is_better ? o.amount / o.best : o.best, middle = c->more_is_better ? o.amount / o.median : o.median;
    if (!ok) v->failed++;
    printf("{\"part\": \"speed\", \"case\": \"%s\", \"ok\": %s", c->name, ok ? "true" : "false");
    if (s < 0) {
        validate_print_error(o.at, s);
        return;
    }
    const char *met = (c->more_is_better ? figure >= c->target : figure <= c->target) ? "true" : "false";
    printf(", \"sizes\": \"%s\", \"best\": %.6g, \"median\": %.6g, \"unit\": \"%s\", \"target\": %.6g, \"met\": %s", o.sizes,
           figure, middle, c->unit, c->target, v->scale == 1 ? met : "null");
    printf(", \"seconds_first\": %.6g, \"seconds_best\": %.6g, \"seconds_median\": %.6g, \"same_bits\": %s, "
           "\"bits\": \"%016llx\"}\n",
           o.first, o.best, o.median, same ? "true" : "false", (unsigned long long)o.bits[0]);
    fflush(stdout);
}

int validate_speed(validation *v, const char *only, int list)
{
    int found = 0;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        if (only != NULL && strcmp(only, cases[c].name) != 0) continue;
        found++;
        if (list) printf("speed:%s\n", cases[c].name);
        else run_case(v, &cases[c]);
    }
    return found;
}
