/* checkpoint_case.h - trainings to interrupt: data, settings, and a trainer made of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TRAIN_CHECKPOINT_CASE_H
#define TESTS_TRAIN_CHECKPOINT_CASE_H

#include "support/fence.h"
#include "support/support.h"
#include "train/trainer.h"

typedef struct training_case {
    const char *name, *model, *params, *optimizer, *optimizer_params;
    recsys_training o; /* counts only */
} training_case;

#define COUNTS(...) { .struct_size = sizeof(recsys_training), __VA_ARGS__ }

/* 40 users, 30 items, values and flags; the paths of two checkpoints. */
typedef struct world {
    fixture f;
    recsys_dataset *train, *validation, *verified;
    char checkpoint[TEST_PATH_ROOM], other[TEST_PATH_ROOM];
} world;

static inline recsys_dataset *flagged(recsys_exec *x, int64_t per_user, uint64_t seed)
{
    recsys_dataset *plain = test_random_dataset(x, 40, 30, per_user, TEST_VALUES, seed), *result;
    expect_ok(x, recsys_dataset_mark(plain, x, "value>=3", &result));
    recsys_dataset_release(plain);
    return result;
}

static inline void open_world(world *w, fence **device)
{
    fixture_open(&w->f, 1);
    if (device != NULL)
        *device = fence_open(w->f.exec);
    w->train = flagged(w->f.exec, 6, 1);
    w->validation = flagged(w->f.exec, 2, 2);
    w->verified = flagged(w->f.exec, 3, 3);
    fixture_path(&w->f, "ckpt", w->checkpoint);
    fixture_path(&w->f, "other", w->other);
}

static inline void close_world(world *w)
{
    recsys_dataset_release(w->train);
    recsys_dataset_release(w->validation);
    recsys_dataset_release(w->verified);
    fixture_close(&w->f);
}

static inline recsys_training training_of(const world *w, const training_case *c)
{
    recsys_training o = c->o;
    o.validation = w->validation;
    o.verified = w->verified;
    return o;
}

/* A trainer with its parameters and optimizer made for it; the status of the library's calls. */
static inline recsys_status make_trainer(recsys_exec *x, recsys_env *env, const training_case *c, const recsys_dataset *train,
                                  recsys_training o, recsys_trainer **t)
{
    recsys_params *p = NULL, *q = NULL;
    recsys_optimizer *optimizer = NULL;
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    *t = NULL;
    recsys_status status = recsys_params_create(env, c->model, &p, NULL);
    if (status >= 0)
        status = recsys_params_set_text(p, c->params);
    if (status >= 0)
        status = recsys_optimizer_params(env, c->optimizer, &q, NULL);
    if (status >= 0)
        status = recsys_params_set_text(q, c->optimizer_params);
    if (status >= 0)
        status = recsys_optimizer_create(x, q, &optimizer);
    o.optimizer = optimizer;
    fit.training = &o;
    if (status >= 0)
        status = recsys_trainer_create(p, train, x, &fit, t);
    recsys_optimizer_release(optimizer);
    recsys_params_release(q);
    recsys_params_release(p);
    return status;
}

#endif
