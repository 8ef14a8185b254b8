/* protocol.h - an evaluator's options, brought into the terms of one model: who is asked, what is known of him, what may
 * not be recommended, what counts as right.
 *
 * Users are rows of the test data, items are those of the model. U test users, I items of the model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_PROTOCOL_H
#define EVAL_PROTOCOL_H

#include "eval/evaluator.h"
#include "eval/rows.h"
#include "model/model.h"

/* What protocol.test.item_of holds for columns of the test data that are no item of the model. */
enum {
    ITEM_UNSEEN = -1, /* a miss wherever it comes */
    ITEM_DROPPED = -2 /* takes no part */
};

typedef struct protocol {
    const recsys_evaluator *options;
    const recsys_model *model;
    source test; /* row_of NULL: users are its rows */
    source known, mask, negatives;
    int32_t *model_user;    /* U: the user's index in the model, -1: none */
    int32_t *column_item;   /* columns of the test data: item of the model, -1: none, whether it takes part or not */
    int32_t *test_item;     /* the same with ITEM_DROPPED: what test.item_of points to */
    uint8_t *excluded;      /* I: ignored items; NULL: none */
    int32_t *test_column;   /* I: the item's column in the test data, -1: none */
    uint8_t *unseen_column; /* columns of the test data: 1 if training never saw the item */
    int32_t *maps[8];       /* all index maps: owned here, borrowed above */
    int64_t n_maps;

    int64_t n_users;        /* users evaluated */
    int32_t *user;          /* n_users, ascending */
    uint8_t *missed;        /* n_users: 1 if the list stays empty without asking the model */
    int64_t most_test_items; /* of any of them */

    int64_t all_items, all_users;   /* items of the model; users of model and test data; ignored ones excluded */
    int64_t test_items, test_users; /* of these the ones in the test data */
    recsys_report_info counts;      /* all but the times */
} protocol;

/* Makes the protocol; whatever comes of it, recsys__protocol_free() takes it apart. ERR_EMPTY if no user is left,
 * ERR_TYPE, ERR_MISSING_DATA. */
recsys_status recsys__protocol_make(recsys_exec *x, const recsys_evaluator *options, const recsys_model *m, protocol *p);
void recsys__protocol_free(recsys_exec *x, protocol *p);

#endif
