/* world.h - small random worlds for tests of the evaluator: data, a model whose scores are known exactly, and the slow
 * answer to every question that a protocol can ask.
 *
 * Users and items are numbers here and ids in the data, so that index maps differ from dataset to dataset. Scores are few
 * different whole numbers: ties everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_EVAL_WORLD_H
#define TESTS_EVAL_WORLD_H

#include "reference/slow_metrics.h"
#include "support/support.h"

/* What a world is made of. */
typedef struct world_plan {
    int users;        /* numbered from 0 */
    int model_users;  /* the first so many are known to the model by id */
    int items;        /* of the model */
    int extra;        /* items that only the test data has, numbered after those of the model */
    int popular;      /* 1: the model is top-popular, which scores by history; 0: embeddings, which score by user */
    int strings;      /* 1: ids are words, and index orders differ; 0: integers */
    int universe;     /* 1: all data knows all ids, with events or without, as the parts of a split do; integers only */
    int values;       /* 1: test data with values */
    int histories;    /* 1: the model keeps its training histories */
    int levels;       /* different scores that the embeddings have */
    uint64_t seed;
} world_plan;

typedef struct world {
    world_plan plan;
    recsys_exec *exec;
    double *score;                        /* users x items, by numbers */
    char *train, *known, *mask, *negatives; /* users x items */
    float *test;                          /* users x (items + extra): value, 0: not chosen */
    recsys_dataset *train_data, *known_data, *mask_data, *negatives_data, *test_data;
    recsys_model *model;
    int *index_of;                        /* items: the model's index of each number */
} world;

world *world_make(recsys_exec *exec, world_plan plan);
void world_free(world *w);

/* Id of user or item `number` as the datasets spell it. */
const char *world_id(const world *w, char kind, int number, char buffer[32]);

/* The slow answer: lists and judged users for the options given, whose datasets are the world's own. */
typedef struct answer {
    slow_data data;
    int64_t users, users_skipped, users_cold, test_items, test_items_unseen;
    int *number;          /* of each user evaluated */
    void *owned[4096];
    int n_owned;
} answer;

/* `similarity` is items x items by index of the model, or NULL. Sampled candidates: only those that are all there are. */
answer *world_answer(const world *w, const recsys_evaluator_options *o, const double *similarity);
void answer_free(answer *a);

/* Compares a report with the slow answer: counts, every metric at every cut-off, every user's value if they were kept. */
void expect_answer(const world *w, const recsys_report *report, const recsys_evaluator_options *o, const answer *a);

/* Evaluates the world's model, compares, and frees everything. */
void expect_world(const world *w, const recsys_evaluator_options *o);

/* One figure of a report; fails the test if it is not there. */
double figure(const recsys_report *report, const char *metric, int64_t cutoff);

/* Evaluates; fails the test on an error. The report is the caller's. */
recsys_report *evaluate(recsys_exec *exec, const recsys_evaluator_options *o, const recsys_model *model);

#endif
