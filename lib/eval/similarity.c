/* similarity.c - how unlike each other the items of a list are, at all cut-offs in one walk.
 *
 * Each listed item's row of the similarity is read once; what it says about another listed item goes to the first cut-off
 * that has both. This costs the length of these rows, not the square of the list.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eval/similarity.h"

#include <math.h>

/* The first cut-off whose list reaches `place`. */
static int64_t cutoff_of(const recsys_evaluator *v, int64_t place)
{
    int64_t c = 0;
    while (v->cutoffs[c] <= place) c++;
    return c;
}

void recsys__list_diversity(const recsys_evaluator *v, const outcome *o, int32_t *place_of, double *sum, double *values)
{
    for (int64_t c = 0; c < v->n_cutoffs; c++) sum[c] = 0.0;
    for (int64_t place = 0; place < o->n_list; place++) place_of[o->list[place]] = (int32_t)place;
    for (int64_t place = 0; place < o->n_list; place++) {
        int32_t i = o->list[place];
        for (int64_t e = v->similar_ptr[i]; e < v->similar_ptr[i + 1]; e++) {
            int32_t other = place_of[v->similar_item[e]];
            if (other < 0 || other == place) continue;
            sum[cutoff_of(v, other > place ? other : place)] += (double)v->similar_value[e];
        }
    }
    for (int64_t place = 0; place < o->n_list; place++) place_of[o->list[place]] = -1;

    double similar = 0.0;
    for (int64_t c = 0; c < v->n_cutoffs; c++) {
        double n = (double)(v->cutoffs[c] < o->n_list ? v->cutoffs[c] : o->n_list);
        similar += sum[c];
        values[c * MEAN_COUNT + MEAN_DIVERSITY_SIMILARITY] = n < 2.0 ? (double)NAN : 1.0 - similar / (n * (n - 1.0));
    }
}
