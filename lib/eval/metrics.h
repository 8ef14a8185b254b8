/* metrics.h - the table of metrics, and the figures of one user's list.
 *
 * Two kinds: a *mean* has a value for each user and is averaged; the others are computed over all lists at once
 * (beyond_accuracy.h). docs/evaluation.md has every formula.
 * I items, K cut-off, C cut-offs, T test items of a user.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_METRICS_H
#define EVAL_METRICS_H

#include <stdint.h>

/* The metrics in the order of reports. */
enum {
    METRIC_PRECISION, METRIC_PRECISION_RECALL_MIN_DEN, METRIC_RECALL, METRIC_RECALL_MIN_DEN, METRIC_MAP, METRIC_MAP_MIN_DEN,
    METRIC_MRR, METRIC_NDCG, METRIC_F1, METRIC_HIT_RATE, METRIC_ARHR_ALL_HITS, METRIC_NOVELTY, METRIC_AVERAGE_POPULARITY,
    METRIC_DIVERSITY_MEAN_INTER_LIST, METRIC_DIVERSITY_HERFINDAHL, METRIC_COVERAGE_ITEM, METRIC_COVERAGE_ITEM_HIT,
    METRIC_ITEMS_IN_GT, METRIC_COVERAGE_USER, METRIC_COVERAGE_USER_HIT, METRIC_USERS_IN_GT, METRIC_DIVERSITY_GINI,
    METRIC_SHANNON_ENTROPY, METRIC_RATIO_DIVERSITY_HERFINDAHL, METRIC_RATIO_DIVERSITY_GINI, METRIC_RATIO_SHANNON_ENTROPY,
    METRIC_RATIO_AVERAGE_POPULARITY, METRIC_RATIO_NOVELTY, METRIC_DIVERSITY_SIMILARITY, METRIC_AUC,
    METRIC_COUNT
};

/* The means with a cut-off: places among a user's values at one cut-off. */
enum {
    MEAN_PRECISION, MEAN_PRECISION_RECALL_MIN_DEN, MEAN_RECALL, MEAN_RECALL_MIN_DEN, MEAN_MAP, MEAN_MAP_MIN_DEN, MEAN_MRR,
    MEAN_NDCG, MEAN_HIT_RATE, MEAN_ARHR_ALL_HITS, MEAN_NOVELTY, MEAN_AVERAGE_POPULARITY, MEAN_DIVERSITY_SIMILARITY,
    MEAN_COUNT,
    MEAN_AUC = MEAN_COUNT, /* a mean without cut-off: the last of all values of a user */
    NO_MEAN = -1
};

typedef struct metric_class {
    const char *name;
    int32_t mean;        /* MEAN_*, or NO_MEAN: computed over the whole */
    int32_t has_cutoff;  /* 0: one figure for all lists */
} metric_class;

extern const metric_class recsys__metrics[METRIC_COUNT];

/* The values of one user: MEAN_COUNT for each cut-off in turn, then AUC. */
static inline int64_t value_count(int64_t n_cutoffs) { return n_cutoffs * MEAN_COUNT + 1; }
static inline int64_t value_index(int64_t n_cutoffs, int64_t c, int32_t mean)
{
    return mean == MEAN_AUC ? n_cutoffs * MEAN_COUNT : c * MEAN_COUNT + mean;
}

/* What is the same for all users. */
typedef struct metric_tables {
    const int64_t *cutoffs;    /* C, ascending */
    int64_t n_cutoffs;
    const double *discount;    /* of the list's places from 0 on: 1 / log2(place + 2) */
    const double *ideal;       /* ideal[n]: the sum of the first n discounts */
    const double *novelty;     /* I; NULL: the popularity of items is unknown */
    const double *popularity;  /* I; NULL likewise */
} metric_tables;

/* One user's list, compared with the T items that he chose. */
typedef struct outcome {
    const int32_t *list;       /* n_list items, best first */
    int64_t n_list;
    int64_t n_test;            /* T, those included that the model does not have */
    const int32_t *hit_place;  /* n_hits places in the list, ascending */
    const double *hit_gain;    /* their gains; NULL: 1 each */
    int64_t n_hits;
    const double *test_gain;   /* T gains, descending; NULL: 1 each */
} outcome;

/* Writes the user's values at all cut-offs but those of DIVERSITY_SIMILARITY and AUC. NaN: unknown. */
void recsys__user_metrics(const metric_tables *t, const outcome *o, double *values);

#endif
