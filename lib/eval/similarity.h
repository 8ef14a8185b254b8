/* similarity.h - DIVERSITY_SIMILARITY: how unlike each other the items of a list are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_SIMILARITY_H
#define EVAL_SIMILARITY_H

#include "eval/evaluator.h"
#include "eval/metrics.h"

/* Writes the user's value at each cut-off: the mean of 1 - similarity over all ordered pairs of different items in the
 * list, NaN for a list of fewer than two. `place_of` (an entry for each item) holds -1 everywhere, before and after; `sum`
 * is room for a number per cut-off. */
void recsys__list_diversity(const recsys_evaluator *v, const outcome *o, int32_t *place_of, double *sum, double *values);

#endif
