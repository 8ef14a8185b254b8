/* figures.c - from sums to figures: means over users, and everything over the whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "eval/pass.h"

/* Whether what a mean needs was given. */
static int is_known(const pass *s, int32_t mean)
{
    switch (mean) {
    case NO_MEAN: return 0;
    case MEAN_NOVELTY:
    case MEAN_AVERAGE_POPULARITY: return s->popularity.novelty != NULL;
    case MEAN_DIVERSITY_SIMILARITY: return s->options->similar_ptr != NULL;
    case MEAN_AUC: return s->options->auc;
    default: return 1;
    }
}

static void enter_means(const pass *s, recsys_report *r)
{
    for (int32_t m = 0; m < METRIC_COUNT; m++) {
        const metric_class *class = &recsys__metrics[m];
        if (!is_known(s, class->mean)) continue;
        for (int64_t c = 0; c < (class->has_cutoff ? r->n_cutoffs : 1); c++) {
            int64_t v = value_index(r->n_cutoffs, c, class->mean);
            report_enter(r, m, c, s->defined[v] > 0 ? s->total[v] / (double)s->defined[v] : (double)NAN);
        }
    }
}

static double figure(const recsys_report *r, int32_t metric, int64_t c)
{
    return r->values[metric * r->n_cutoffs + c];
}

static double ratio(double a, double b)
{
    return b > 0.0 ? a / b : (double)NAN;
}

/* Figures against those of the training data. */
static void enter_ratios(const pass *s, recsys_report *r, int64_t c)
{
    const popularity *p = &s->popularity;
    if (!p->novelty) return;
    report_enter(r, METRIC_RATIO_DIVERSITY_HERFINDAHL, c,
                 ratio(figure(r, METRIC_DIVERSITY_HERFINDAHL, c), p->spread.herfindahl));
    report_enter(r, METRIC_RATIO_DIVERSITY_GINI, c, ratio(figure(r, METRIC_DIVERSITY_GINI, c), p->spread.gini));
    report_enter(r, METRIC_RATIO_SHANNON_ENTROPY, c, ratio(figure(r, METRIC_SHANNON_ENTROPY, c), p->spread.entropy));
    report_enter(r, METRIC_RATIO_AVERAGE_POPULARITY, c, ratio(figure(r, METRIC_AVERAGE_POPULARITY, c), p->mean_relative));
    report_enter(r, METRIC_RATIO_NOVELTY, c, ratio(figure(r, METRIC_NOVELTY, c), p->mean_novelty));
}

static void enter_users(const pass *s, recsys_report *r, int64_t c)
{
    double users = (double)s->protocol.all_users;
    double right = s->total[value_index(r->n_cutoffs, c, MEAN_HIT_RATE)];
    double precision = figure(r, METRIC_PRECISION, c), recall = figure(r, METRIC_RECALL, c);
    report_enter(r, METRIC_F1, c, precision + recall > 0.0 ? 2.0 * precision * recall / (precision + recall) : 0.0);
    report_enter(r, METRIC_COVERAGE_USER, c, ratio((double)s->users_listed, users));
    report_enter(r, METRIC_COVERAGE_USER_HIT, c, ratio(right, users));
}

/* Everything that follows from how often each item was listed down to cut-off c. */
static void enter_items(const pass *s, recsys_report *r, int64_t c, const spread *listed, int64_t n_right)
{
    double items = (double)s->protocol.all_items;
    report_enter(r, METRIC_DIVERSITY_MEAN_INTER_LIST, c,
                 recsys__inter_list_diversity(listed, s->protocol.n_users, r->cutoffs[c]));
    report_enter(r, METRIC_DIVERSITY_HERFINDAHL, c, listed->herfindahl);
    report_enter(r, METRIC_DIVERSITY_GINI, c, listed->gini);
    report_enter(r, METRIC_SHANNON_ENTROPY, c, listed->entropy);
    report_enter(r, METRIC_COVERAGE_ITEM, c, ratio((double)listed->n_chosen, items));
    report_enter(r, METRIC_COVERAGE_ITEM_HIT, c, ratio((double)n_right, items));
}

/* The counts of places add up from cut-off to cut-off. `listed` and `right` are room for a number per item, all 0. */
static recsys_status enter_whole(const pass *s, recsys_report *r, int64_t *listed, uint8_t *right)
{
    int64_t n_right = 0;
    for (int64_t c = 0; c < r->n_cutoffs; c++) {
        for (int64_t i = 0; i < s->I; i++) {
            listed[i] += s->listed[c * s->I + i];
            if (right[i] || s->hit[c * s->I + i] == 0) continue;
            right[i] = 1;
            n_right++;
        }
        spread of_lists;
        recsys_status status = recsys__spread(s->x, listed, s->protocol.excluded, s->I, &of_lists);
        if (status) return status;
        enter_users(s, r, c);
        enter_items(s, r, c, &of_lists, n_right);
        enter_ratios(s, r, c);
    }
    report_enter(r, METRIC_ITEMS_IN_GT, 0, ratio((double)s->protocol.test_items, (double)s->protocol.all_items));
    report_enter(r, METRIC_USERS_IN_GT, 0, ratio((double)s->protocol.test_users, (double)s->protocol.all_users));
    return RECSYS_OK;
}

recsys_status recsys__figures_enter(const pass *s, recsys_report *r)
{
    int64_t *listed = NULL;
    uint8_t *right = NULL;
    recsys_status status = recsys__alloc_zero(s->x->memory, &s->x->error, s->I, sizeof *listed, &listed);
    if (!status) status = recsys__alloc_zero(s->x->memory, &s->x->error, s->I, 1, &right);
    if (!status) {
        enter_means(s, r);
        status = enter_whole(s, r, listed, right);
    }
    recsys__free(s->x->memory, listed);
    recsys__free(s->x->memory, right);
    return status;
}
