/* models.h - one small model of each kind and form, for tests of what is done to models of any kind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_IO_MODELS_H
#define TESTS_IO_MODELS_H

#include "support/support.h"

/* EASE^R in its dense and sparse forms, with values and normalisation, popularity, vectors from elsewhere, a graph filter, and models
 * that are trained by steps; ids of both kinds, with histories and without. */
typedef struct model_case {
    const char *name;   /* of the case, good for a file */
    const char *model;
    const char *params; /* text form; NULL for `embeddings` */
    int flags;          /* TEST_* of the dataset */
    int without_histories;
    const char *optimizer;        /* NULL: a model that is not trained by steps */
    const char *optimizer_params; /* text form */
    const char *select;           /* NULL: no validation */
    int verified;                 /* 1: with verified positives, an epoch of warm-up and one of fine-tuning */
} model_case;

enum { MODEL_CASES = 16 };
extern const model_case model_cases[MODEL_CASES];

/* Trains a case on its dataset of `n_users` and `n_items`, by steps for two epochs. The first returns the status of the library's calls. */
recsys_status make_model(recsys_exec *exec, const model_case *c, int64_t n_users, int64_t n_items, recsys_model **model);
recsys_model *model_of(recsys_exec *exec, const model_case *c, int64_t n_users, int64_t n_items);

/* Fails the test unless both models hold the same: kind, parameters, ids, tensors bit for bit, scores bit for bit; and
 * histories if `histories`. */
void expect_same_model(recsys_exec *exec, const recsys_model *a, const recsys_model *b, int histories);

#endif
