/* slow_metrics.h - every metric of an evaluation straight from its formula, one list, pair or item at a time.
 *
 * Shares no code with the library and knows nothing of blocks, counts or cut-offs taken together: each call computes one
 * figure from the beginning. Items are 0 to n_items - 1; a test item beyond that is one that the model does not have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_REFERENCE_SLOW_METRICS_H
#define TESTS_REFERENCE_SLOW_METRICS_H

/* One evaluated user. */
typedef struct slow_user {
    const int *list;      /* the recommended items, best first */
    int n_list;
    const int *test;      /* the items that the user chose, each once */
    const double *value;  /* their values; NULL: gain 1 each */
    int n_test;
    const double *score;  /* scores of all items, for AUC; NULL: the model had nothing to say about the user */
    const char *candidate; /* a byte for each item, 1: the user might have got it; for AUC */
} slow_user;

typedef struct slow_data {
    int n_users;             /* evaluated */
    const slow_user *users;
    int n_items;
    const char *ignored;     /* a byte for each item; NULL: none */
    int all_users;           /* users that coverage is a share of */
    int n_train;             /* training users */
    const char *train;       /* n_train x n_items bytes, 1: the user had the item; NULL: unknown */
    const double *similarity; /* n_items x n_items; NULL: not given */
    int test_users;          /* users with test data, skipped ones included */
    const char *in_test;     /* a byte for each item: 1 if it is somewhere in the test data */
} slow_data;

/* The figure of one user for a metric that is a mean over users. NaN: undefined. */
double slow_user_metric(const slow_data *d, const slow_user *u, const char *name, int cutoff);

/* The figure of all. `cutoff` 0 for a metric without one. NaN: undefined. */
double slow_metric(const slow_data *d, const char *name, int cutoff);

#endif
