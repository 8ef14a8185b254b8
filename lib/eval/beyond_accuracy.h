/* beyond_accuracy.h - figures over all lists at once: how many items and users they reach, how evenly, how popular.
 *
 * They all follow from how often each item was listed. The same figures of the training data, from how many users had
 * each item, are what the ratios divide by.
 * I items of the model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_BEYOND_ACCURACY_H
#define EVAL_BEYOND_ACCURACY_H

#include "eval/protocol.h"

/* How evenly `total` choices spread over the items that take part. NaN where there is no choice at all. */
typedef struct spread {
    double total, sum_of_squares; /* of the counts */
    int64_t n_chosen;             /* items with a count above 0 */
    double herfindahl, gini, entropy;
} spread;

/* count[i] choices of each item, none negative; items with excluded[i] (NULL: none) take no part. */
recsys_status recsys__spread(recsys_exec *x, const int64_t *count, const uint8_t *excluded, int64_t I, spread *out);

/* 1 - the mean over all ordered pairs of different lists of (common items) / K, for n_lists lists whose items are spread
 * like `s`. NaN for fewer than two lists. */
double recsys__inter_list_diversity(const spread *s, int64_t n_lists, int64_t K);

/* What the training data says about items. Arrays are NULL if there is none: popularity is unknown then. */
typedef struct popularity {
    double *novelty;    /* I: -log2(count / sum of counts) / I; 0 for an item that nobody had */
    double *relative;   /* I: count / greatest count */
    double mean_novelty, mean_relative; /* over all training users: the same figures of their own histories */
    spread spread;
} popularity;

/* Counts the known data, or else the model's histories. */
recsys_status recsys__popularity_make(recsys_exec *x, const protocol *p, popularity *out);
void recsys__popularity_free(recsys_exec *x, popularity *p);

#endif
