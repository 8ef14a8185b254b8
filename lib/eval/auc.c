/* auc.c - the area under the ROC curve of one user, by counting pairs exactly.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/auc.h"

#include <math.h>

#include "base/sort.h"
#include "eval/keys.h"

uint64_t recsys__auc_key(float score)
{
    return key_of_float(isnan(score) ? -INFINITY : score);
}

void recsys__auc_begin(auc *a)
{
    recsys__sort_u64(a->chosen, a->n_chosen);
    a->n_others = a->twice_above = 0;
}

/* How many of the sorted keys are below `key`. */
static int64_t below(const auc *a, uint64_t key)
{
    int64_t from = 0, to = a->n_chosen;
    while (from < to) {
        int64_t middle = from + (to - from) / 2;
        if (a->chosen[middle] < key) from = middle + 1;
        else to = middle;
    }
    return from;
}

/* Chosen items above the score count twice, those at the score once. */
void recsys__auc_add(auc *a, float score)
{
    uint64_t key = recsys__auc_key(score);
    int64_t lower = below(a, key), not_above = lower;
    if (lower < a->n_chosen && a->chosen[lower] == key) not_above = below(a, key + 1);
    a->n_others++;
    a->twice_above += 2 * a->n_chosen - lower - not_above;
}

double recsys__auc_end(const auc *a)
{
    double pairs = (double)(a->n_chosen + a->n_unseen) * (double)a->n_others;
    return pairs > 0.0 ? (double)a->twice_above / (2.0 * pairs) : (double)NAN;
}
