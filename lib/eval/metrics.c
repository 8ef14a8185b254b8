/* metrics.c - the table of metrics, and the figures of one user's list at all cut-offs in one walk.
 *
 * The hits of a list are found once (run.c); every accuracy metric follows from their places. All sums run from the top
 * of the list down, in double.
 * K cut-off, n = min(K, length of the list), T test items of the user.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/metrics.h"

#include <math.h>

#include <recsys/evaluator.h>

const metric_class recsys__metrics[METRIC_COUNT] = {
    [METRIC_PRECISION] = { "PRECISION", MEAN_PRECISION, 1 },
    [METRIC_PRECISION_RECALL_MIN_DEN] = { "PRECISION_RECALL_MIN_DEN", MEAN_PRECISION_RECALL_MIN_DEN, 1 },
    [METRIC_RECALL] = { "RECALL", MEAN_RECALL, 1 },
    [METRIC_RECALL_MIN_DEN] = { "RECALL_MIN_DEN", MEAN_RECALL_MIN_DEN, 1 },
    [METRIC_MAP] = { "MAP", MEAN_MAP, 1 },
    [METRIC_MAP_MIN_DEN] = { "MAP_MIN_DEN", MEAN_MAP_MIN_DEN, 1 },
    [METRIC_MRR] = { "MRR", MEAN_MRR, 1 },
    [METRIC_NDCG] = { "NDCG", MEAN_NDCG, 1 },
    [METRIC_F1] = { "F1", NO_MEAN, 1 },
    [METRIC_HIT_RATE] = { "HIT_RATE", MEAN_HIT_RATE, 1 },
    [METRIC_ARHR_ALL_HITS] = { "ARHR_ALL_HITS", MEAN_ARHR_ALL_HITS, 1 },
    [METRIC_NOVELTY] = { "NOVELTY", MEAN_NOVELTY, 1 },
    [METRIC_AVERAGE_POPULARITY] = { "AVERAGE_POPULARITY", MEAN_AVERAGE_POPULARITY, 1 },
    [METRIC_DIVERSITY_MEAN_INTER_LIST] = { "DIVERSITY_MEAN_INTER_LIST", NO_MEAN, 1 },
    [METRIC_DIVERSITY_HERFINDAHL] = { "DIVERSITY_HERFINDAHL", NO_MEAN, 1 },
    [METRIC_COVERAGE_ITEM] = { "COVERAGE_ITEM", NO_MEAN, 1 },
    [METRIC_COVERAGE_ITEM_HIT] = { "COVERAGE_ITEM_HIT", NO_MEAN, 1 },
    [METRIC_ITEMS_IN_GT] = { "ITEMS_IN_GT", NO_MEAN, 0 },
    [METRIC_COVERAGE_USER] = { "COVERAGE_USER", NO_MEAN, 1 },
    [METRIC_COVERAGE_USER_HIT] = { "COVERAGE_USER_HIT", NO_MEAN, 1 },
    [METRIC_USERS_IN_GT] = { "USERS_IN_GT", NO_MEAN, 0 },
    [METRIC_DIVERSITY_GINI] = { "DIVERSITY_GINI", NO_MEAN, 1 },
    [METRIC_SHANNON_ENTROPY] = { "SHANNON_ENTROPY", NO_MEAN, 1 },
    [METRIC_RATIO_DIVERSITY_HERFINDAHL] = { "RATIO_DIVERSITY_HERFINDAHL", NO_MEAN, 1 },
    [METRIC_RATIO_DIVERSITY_GINI] = { "RATIO_DIVERSITY_GINI", NO_MEAN, 1 },
    [METRIC_RATIO_SHANNON_ENTROPY] = { "RATIO_SHANNON_ENTROPY", NO_MEAN, 1 },
    [METRIC_RATIO_AVERAGE_POPULARITY] = { "RATIO_AVERAGE_POPULARITY", NO_MEAN, 1 },
    [METRIC_RATIO_NOVELTY] = { "RATIO_NOVELTY", NO_MEAN, 1 },
    [METRIC_DIVERSITY_SIMILARITY] = { "DIVERSITY_SIMILARITY", MEAN_DIVERSITY_SIMILARITY, 1 },
    [METRIC_AUC] = { "AUC", MEAN_AUC, 0 },
};

int64_t recsys_metric_count(void)
{
    return METRIC_COUNT;
}

const char *recsys_metric_name(int64_t index)
{
    return index >= 0 && index < METRIC_COUNT ? recsys__metrics[index].name : NULL;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A part of something that may be empty: nothing of nothing is 0. */
static double share(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

/* Sums over the list down to some place. */
typedef struct sums {
    int64_t place, hit, ideal_place;
    double precision_at_hits; /* sum of rel_j P@j */
    double reciprocal_ranks;  /* sum of rel_j / j */
    double dcg, ideal_dcg;
    double novelty, popularity;
} sums;

static void add_hits(sums *s, const metric_tables *t, const outcome *o, int64_t n)
{
    for (; s->hit < o->n_hits && o->hit_place[s->hit] < n; s->hit++) {
        int32_t place = o->hit_place[s->hit];
        double rank = (double)place + 1.0;
        s->precision_at_hits += (double)(s->hit + 1) / rank;
        s->reciprocal_ranks += 1.0 / rank;
        s->dcg += o->hit_gain ? o->hit_gain[s->hit] * t->discount[place] : t->discount[place];
    }
}

static void add_items(sums *s, const metric_tables *t, const outcome *o, int64_t n)
{
    if (!t->novelty) return;
    for (; s->place < n; s->place++) {
        s->novelty += t->novelty[o->list[s->place]];
        s->popularity += t->popularity[o->list[s->place]];
    }
}

/* DCG of the best list possible, cut at K: the user's items by falling gain. */
static void add_ideal(sums *s, const metric_tables *t, const outcome *o, int64_t n)
{
    if (!o->test_gain) {
        s->ideal_dcg = t->ideal[n];
        return;
    }
    for (; s->ideal_place < n; s->ideal_place++)
        s->ideal_dcg += o->test_gain[s->ideal_place] * t->discount[s->ideal_place];
}

void recsys__user_metrics(const metric_tables *t, const outcome *o, double *values)
{
    sums s = { 0 };
    for (int64_t c = 0; c < t->n_cutoffs; c++, values += MEAN_COUNT) {
        int64_t K = t->cutoffs[c], n = least(K, o->n_list);
        add_hits(&s, t, o, n);
        add_items(&s, t, o, n);
        add_ideal(&s, t, o, least(K, o->n_test));
        double hits = (double)s.hit, length = (double)n, T = (double)o->n_test;
        double reachable = (double)least(o->n_test, n);
        values[MEAN_PRECISION] = share(hits, length);
        values[MEAN_PRECISION_RECALL_MIN_DEN] = share(hits, reachable);
        values[MEAN_RECALL] = share(hits, T);
        values[MEAN_RECALL_MIN_DEN] = share(hits, (double)least(o->n_test, K));
        values[MEAN_MAP] = share(s.precision_at_hits, length);
        values[MEAN_MAP_MIN_DEN] = share(s.precision_at_hits, reachable);
        values[MEAN_MRR] = s.hit > 0 ? 1.0 / ((double)o->hit_place[0] + 1.0) : 0.0;
        values[MEAN_NDCG] = share(s.dcg, s.ideal_dcg);
        values[MEAN_HIT_RATE] = s.hit > 0 ? 1.0 : 0.0;
        values[MEAN_ARHR_ALL_HITS] = s.reciprocal_ranks;
        values[MEAN_NOVELTY] = t->novelty ? s.novelty : (double)NAN;
        values[MEAN_AVERAGE_POPULARITY] = t->novelty ? share(s.popularity, length) : (double)NAN;
        values[MEAN_DIVERSITY_SIMILARITY] = (double)NAN;
    }
}
