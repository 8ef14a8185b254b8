/* slow_metrics.c - every metric of an evaluation straight from its formula; see slow_metrics.h.
 *
 * rel_j is 1 if the j-th item of the list (j from 1) is among the user's test items T; n = min(K, length of the list).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "reference/slow_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int smaller(int a, int b) { return a < b ? a : b; }
static int is(const char *name, const char *wanted) { return strcmp(name, wanted) == 0; }

/* ---- one list ---- */

static int rel(const slow_user *u, int j)
{
    for (int t = 0; t < u->n_test; t++)
        if (u->test[t] == u->list[j - 1]) return 1;
    return 0;
}

static int hits(const slow_user *u, int n)
{
    int sum = 0;
    for (int j = 1; j <= n; j++) sum += rel(u, j);
    return sum;
}

static double precision_at(const slow_user *u, int j) { return (double)hits(u, j) / j; }

static double sum_of_precisions(const slow_user *u, int n)
{
    double sum = 0.0;
    for (int j = 1; j <= n; j++) sum += rel(u, j) * precision_at(u, j);
    return sum;
}

static double reciprocal_rank(const slow_user *u, int n)
{
    for (int j = 1; j <= n; j++)
        if (rel(u, j)) return 1.0 / j;
    return 0.0;
}

static double all_reciprocal_ranks(const slow_user *u, int n)
{
    double sum = 0.0;
    for (int j = 1; j <= n; j++) sum += (double)rel(u, j) / j;
    return sum;
}

static double gain_of_test(const slow_user *u, int t)
{
    if (!u->value) return 1.0;
    return u->value[t] > 0.0 ? pow(2.0, u->value[t]) - 1.0 : 0.0;
}

static double gain_at(const slow_user *u, int j)
{
    for (int t = 0; t < u->n_test; t++)
        if (u->test[t] == u->list[j - 1]) return gain_of_test(u, t);
    return 0.0;
}

static int by_falling_gain(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static double ndcg(const slow_user *u, int K)
{
    double *gains = malloc(((size_t)u->n_test + 1) * sizeof *gains), dcg = 0.0, ideal = 0.0;
    for (int t = 0; t < u->n_test; t++) gains[t] = gain_of_test(u, t);
    qsort(gains, (size_t)u->n_test, sizeof *gains, by_falling_gain);
    for (int j = 1; j <= smaller(K, u->n_list); j++) dcg += gain_at(u, j) / (log(j + 1.0) / log(2.0));
    for (int j = 1; j <= smaller(K, u->n_test); j++) ideal += gains[j - 1] / (log(j + 1.0) / log(2.0));
    free(gains);
    return ideal > 0.0 ? dcg / ideal : 0.0;
}

/* ---- popularity ---- */

static int popularity(const slow_data *d, int item)
{
    int sum = 0;
    for (int user = 0; user < d->n_train; user++) sum += d->train[user * d->n_items + item];
    return sum;
}

static double novelty_of(const slow_data *d, const int *list, int n)
{
    double total = 0.0, sum = 0.0;
    for (int i = 0; i < d->n_items; i++) total += popularity(d, i);
    for (int j = 0; j < n; j++)
        if (popularity(d, list[j]) > 0) sum += -log(popularity(d, list[j]) / total) / log(2.0);
    return sum / d->n_items;
}

static double popularity_of(const slow_data *d, const int *list, int n)
{
    double most = 0.0, sum = 0.0;
    for (int i = 0; i < d->n_items; i++) most = fmax(most, popularity(d, i));
    for (int j = 0; j < n; j++) sum += popularity(d, list[j]) / most;
    return n > 0 ? sum / n : 0.0;
}

/* The mean over all training users of a figure of their histories. */
static double mean_of_histories(const slow_data *d, double (*figure)(const slow_data *, const int *, int))
{
    double sum = 0.0;
    int *history = malloc((size_t)d->n_items * sizeof *history);
    for (int user = 0; user < d->n_train; user++) {
        int n = 0;
        for (int i = 0; i < d->n_items; i++)
            if (d->train[user * d->n_items + i]) history[n++] = i;
        sum += figure(d, history, n);
    }
    free(history);
    return sum / d->n_train;
}

/* ---- means over users ---- */

static double diversity(const slow_data *d, const slow_user *u, int n)
{
    double sum = 0.0;
    if (n < 2) return (double)NAN;
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++)
            if (a != b) sum += 1.0 - d->similarity[u->list[a] * d->n_items + u->list[b]];
    return sum / ((double)n * (n - 1));
}

static int chose(const slow_user *u, int item)
{
    for (int t = 0; t < u->n_test; t++)
        if (u->test[t] == item) return 1;
    return 0;
}

/* Pairs of a chosen item and another candidate; a chosen item that the model does not have loses all of its pairs. */
static double auc(const slow_data *d, const slow_user *u)
{
    double won = 0.0, pairs = 0.0;
    if (!u->score) return 0.0;
    for (int t = 0; t < u->n_test; t++) {
        int unseen = u->test[t] >= d->n_items;
        if (!unseen && !u->candidate[u->test[t]]) continue;
        for (int i = 0; i < d->n_items; i++) {
            if (!u->candidate[i] || chose(u, i)) continue;
            pairs += 1.0;
            if (unseen) continue;
            double a = u->score[u->test[t]], b = u->score[i];
            won += a > b ? 1.0 : a < b ? 0.0 : 0.5;
        }
    }
    return pairs > 0.0 ? won / pairs : (double)NAN;
}

double slow_user_metric(const slow_data *d, const slow_user *u, const char *name, int K)
{
    int n = smaller(K, u->n_list), reachable = smaller(u->n_test, n);
    if (is(name, "PRECISION")) return n ? (double)hits(u, n) / n : 0.0;
    if (is(name, "PRECISION_RECALL_MIN_DEN")) return reachable ? (double)hits(u, n) / reachable : 0.0;
    if (is(name, "RECALL")) return (double)hits(u, n) / u->n_test;
    if (is(name, "RECALL_MIN_DEN")) return (double)hits(u, n) / smaller(u->n_test, K);
    if (is(name, "MAP")) return n ? sum_of_precisions(u, n) / n : 0.0;
    if (is(name, "MAP_MIN_DEN")) return reachable ? sum_of_precisions(u, n) / reachable : 0.0;
    if (is(name, "MRR")) return reciprocal_rank(u, n);
    if (is(name, "NDCG")) return ndcg(u, K);
    if (is(name, "HIT_RATE")) return hits(u, n) > 0 ? 1.0 : 0.0;
    if (is(name, "ARHR_ALL_HITS")) return all_reciprocal_ranks(u, n);
    if (is(name, "NOVELTY")) return novelty_of(d, u->list, n);
    if (is(name, "AVERAGE_POPULARITY")) return popularity_of(d, u->list, n);
    if (is(name, "DIVERSITY_SIMILARITY")) return diversity(d, u, n);
    if (is(name, "AUC")) return auc(d, u);
    return (double)NAN;
}

static double mean(const slow_data *d, const char *name, int K)
{
    double sum = 0.0, n = 0.0;
    for (int u = 0; u < d->n_users; u++) {
        double value = slow_user_metric(d, &d->users[u], name, K);
        if (isnan(value)) continue;
        sum += value;
        n += 1.0;
    }
    return n > 0.0 ? sum / n : (double)NAN;
}

/* ---- over the whole ---- */

static int takes_part(const slow_data *d, int item) { return !d->ignored || !d->ignored[item]; }

static int items_taking_part(const slow_data *d)
{
    int sum = 0;
    for (int i = 0; i < d->n_items; i++) sum += takes_part(d, i);
    return sum;
}

/* How often the item stands in lists, or only where it is right. */
static int listed(const slow_data *d, int item, int K, int only_hits)
{
    int sum = 0;
    for (int u = 0; u < d->n_users; u++)
        for (int j = 1; j <= smaller(K, d->users[u].n_list); j++)
            sum += d->users[u].list[j - 1] == item && (!only_hits || rel(&d->users[u], j));
    return sum;
}

/* Counts of all items that take part: in lists at K, or in training at K = 0. Returns their number. */
static int counts(const slow_data *d, int K, double *count)
{
    int n = 0;
    for (int i = 0; i < d->n_items; i++)
        if (takes_part(d, i)) count[n++] = K ? listed(d, i, K, 0) : popularity(d, i);
    return n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { HERFINDAHL, GINI, ENTROPY };

static double spread(const slow_data *d, int K, int what)
{
    double *count = malloc((size_t)d->n_items * sizeof *count), total = 0.0, sum = 0.0;
    int n = counts(d, K, count);
    qsort(count, (size_t)n, sizeof *count, ascending);
    for (int i = 0; i < n; i++) total += count[i];
    for (int i = 1; i <= n; i++) {
        double p = count[i - 1] / total;
        if (what == HERFINDAHL) sum += p * p;
        if (what == GINI) sum += (n + 1.0 - i) / (n + 1.0) * p;
        if (what == ENTROPY && p > 0.0) sum -= p * (log(p) / log(2.0));
    }
    free(count);
    if (!(total > 0.0)) return (double)NAN;
    return what == HERFINDAHL ? 1.0 - sum : what == GINI ? 2.0 * sum : sum;
}

static double inter_list(const slow_data *d, int K)
{
    double sum = 0.0, pairs = 0.0;
    for (int a = 0; a < d->n_users; a++)
        for (int b = 0; b < d->n_users; b++) {
            if (a == b) continue;
            int common = 0;
            for (int i = 0; i < smaller(K, d->users[a].n_list); i++)
                for (int j = 0; j < smaller(K, d->users[b].n_list); j++)
                    common += d->users[a].list[i] == d->users[b].list[j];
            sum += (double)common / K;
            pairs += 1.0;
        }
    return pairs > 0.0 ? 1.0 - sum / pairs : (double)NAN;
}

static double item_coverage(const slow_data *d, int K, int only_hits)
{
    int n = 0;
    for (int i = 0; i < d->n_items; i++) n += listed(d, i, K, only_hits) > 0;
    return (double)n / items_taking_part(d);
}

static double user_coverage(const slow_data *d, int K, int only_hits)
{
    int n = 0;
    for (int u = 0; u < d->n_users; u++)
        n += only_hits ? hits(&d->users[u], smaller(K, d->users[u].n_list)) > 0 : d->users[u].n_list > 0;
    return (double)n / d->all_users;
}

static double items_in_test(const slow_data *d)
{
    int n = 0;
    for (int i = 0; i < d->n_items; i++) n += takes_part(d, i) && d->in_test[i];
    return (double)n / items_taking_part(d);
}

static double f1(const slow_data *d, int K)
{
    double p = mean(d, "PRECISION", K), r = mean(d, "RECALL", K);
    return p + r > 0.0 ? 2.0 * p * r / (p + r) : 0.0;
}

static double ratio(double a, double b) { return b > 0.0 ? a / b : (double)NAN; }

double slow_metric(const slow_data *d, const char *name, int K)
{
    if (is(name, "F1")) return f1(d, K);
    if (is(name, "DIVERSITY_MEAN_INTER_LIST")) return inter_list(d, K);
    if (is(name, "DIVERSITY_HERFINDAHL")) return spread(d, K, HERFINDAHL);
    if (is(name, "DIVERSITY_GINI")) return spread(d, K, GINI);
    if (is(name, "SHANNON_ENTROPY")) return spread(d, K, ENTROPY);
    if (is(name, "COVERAGE_ITEM")) return item_coverage(d, K, 0);
    if (is(name, "COVERAGE_ITEM_HIT")) return item_coverage(d, K, 1);
    if (is(name, "COVERAGE_USER")) return user_coverage(d, K, 0);
    if (is(name, "COVERAGE_USER_HIT")) return user_coverage(d, K, 1);
    if (is(name, "ITEMS_IN_GT")) return items_in_test(d);
    if (is(name, "USERS_IN_GT")) return (double)d->test_users / d->all_users;
    if (is(name, "RATIO_DIVERSITY_HERFINDAHL")) return ratio(spread(d, K, HERFINDAHL), spread(d, 0, HERFINDAHL));
    if (is(name, "RATIO_DIVERSITY_GINI")) return ratio(spread(d, K, GINI), spread(d, 0, GINI));
    if (is(name, "RATIO_SHANNON_ENTROPY")) return ratio(spread(d, K, ENTROPY), spread(d, 0, ENTROPY));
    if (is(name, "RATIO_AVERAGE_POPULARITY"))
        return ratio(mean(d, "AVERAGE_POPULARITY", K), mean_of_histories(d, popularity_of));
    if (is(name, "RATIO_NOVELTY")) return ratio(mean(d, "NOVELTY", K), mean_of_histories(d, novelty_of));
    return mean(d, name, K);
}
