/* auc.h - the area under the ROC curve of one user: how often a chosen item scores above one that was not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_AUC_H
#define EVAL_AUC_H

#include <stdint.h>

/* Collects the scores of one user. */
typedef struct auc {
    uint64_t *chosen;      /* keys of the scores of the chosen items: recsys__auc_begin() sorts them */
    int64_t n_chosen;
    int64_t n_unseen;      /* chosen items without a score: below all others */
    int64_t n_others;
    int64_t twice_above;   /* pairs in which the chosen item scores higher, doubled, and once for each tie */
} auc;

/* The key of a score; of NaN that of -infinity. */
uint64_t recsys__auc_key(float score);

/* After `chosen`, `n_chosen` and `n_unseen` are filled in. */
void recsys__auc_begin(auc *a);

/* One item that was not chosen. */
void recsys__auc_add(auc *a, float score);

/* The share of pairs, a tie being half of one; NaN if there is no pair. */
double recsys__auc_end(const auc *a);

#endif
