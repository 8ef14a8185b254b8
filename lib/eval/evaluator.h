/* evaluator.h - inside of recsys_evaluator: a protocol, checked and copied, waiting for models.
 *
 * The pass itself is in run.c; who is asked what in protocol.c; figures in metrics.c, similarity.c, auc.c and
 * beyond_accuracy.c; what comes out in report.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_EVALUATOR_H
#define EVAL_EVALUATOR_H

#include <recsys/evaluator.h>

#include "base/memory.h"

struct recsys_evaluator {
    memory *memory;
    recsys_dataset *test;
    recsys_dataset *known, *mask, *negatives; /* NULL: not given */
    int64_t *cutoffs;         /* ascending, distinct */
    int64_t n_cutoffs;
    int64_t min_ratings;      /* at least 1 */
    uint8_t *ignored_user;    /* a byte for each user of `test`; NULL: none is ignored */
    int64_t n_ignored_users;  /* distinct ones */
    char *ignored_items;      /* ids, each ended by a zero, one after the other */
    int64_t n_ignored_items;
    int32_t cold, drop_unseen_items, binary_gain, auc, keep_seen, per_user;
    int64_t n_negatives;
    uint64_t seed;
    int64_t *similar_ptr;     /* the caller's similarity by row: NULL if there is none */
    int32_t *similar_item;
    float *similar_value;
    int64_t n_similar;        /* its rows */
};

#endif
