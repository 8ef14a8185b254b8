/* training_case.h - what the tests of training share: parameters from text, trainers, batches as the trainer draws them, models
 * compared, scores read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TRAIN_TRAINING_CASE_H
#define TESTS_TRAIN_TRAINING_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include "backend/run.h"
#include "train/trainer.h"

enum { CASE_USERS = 40, CASE_ITEMS = 30, CASE_BATCH = 512 };

/* ---- making ---- */

/* 40 users, 30 items, flags: 1 where the value is at least 3. */
static inline recsys_dataset *case_data(recsys_exec *x, int64_t per_user, uint64_t seed)
{
    recsys_dataset *plain = test_random_dataset(x, CASE_USERS, CASE_ITEMS, per_user, TEST_VALUES, seed), *flagged;
    expect_ok(x, recsys_dataset_mark(plain, x, "value>=3", &flagged));
    recsys_dataset_release(plain);
    return flagged;
}

/* Integer events over given users and items ("45"); flags may be NULL. */
static inline recsys_dataset *case_events(recsys_exec *x, const char *users, const char *items, const int64_t *user,
                                          const int64_t *item, const uint8_t *flag, int64_t count)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder;
    recsys_dataset *data;
    options.users = users, options.items = items;
    events.count = count, events.user_ids = user, events.item_ids = item, events.flags = flag;
    expect_ok(x, recsys_dataset_builder_create(x, &options, &builder));
    expect_ok(x, recsys_dataset_builder_append(builder, &events));
    expect_ok(x, recsys_dataset_builder_finish(builder, &data));
    recsys_dataset_builder_release(builder);
    return data;
}

static inline recsys_params *case_params(recsys_exec *x, const char *model, const char *text)
{
    recsys_params *p = NULL;
    assert_int_equal(recsys_params_create(x->env, model, &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, text), RECSYS_OK);
    return p;
}

static inline recsys_optimizer *case_optimizer(recsys_exec *x, const char *name, const char *text)
{
    recsys_params *p = NULL;
    recsys_optimizer *o;
    assert_int_equal(recsys_optimizer_params(x->env, name, &p, NULL), RECSYS_OK);
    assert_int_equal(recsys_params_set_text(p, text), RECSYS_OK);
    expect_ok(x, recsys_optimizer_create(x, p, &o));
    recsys_params_release(p);
    return o;
}

/* `how` NULL: all defaults. */
static inline recsys_status case_try(recsys_exec *x, const char *model, const char *text, const recsys_dataset *train,
                                     const recsys_training *how, recsys_trainer **t)
{
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_params *p = case_params(x, model, text);
    fit.training = how;
    recsys_status status = recsys_trainer_create(p, train, x, &fit, t);
    assert_true((status == RECSYS_OK) == (*t != NULL));
    recsys_params_release(p);
    return status;
}

static inline recsys_trainer *case_trainer(recsys_exec *x, const char *model, const char *text, const recsys_dataset *train,
                                           const recsys_training *how)
{
    recsys_trainer *t;
    expect_ok(x, case_try(x, model, text, train, how, &t));
    return t;
}

static inline recsys_model *case_fit(recsys_exec *x, const char *model, const char *text, const recsys_dataset *train,
                                     const recsys_training *how)
{
    recsys_fit_options fit = RECSYS_FIT_OPTIONS_INIT;
    recsys_params *p = case_params(x, model, text);
    recsys_model *m;
    fit.training = how;
    expect_ok(x, recsys_model_fit(p, train, x, &fit, &m));
    recsys_params_release(p);
    return m;
}

static inline recsys_model *case_model(recsys_trainer *t, int32_t best)
{
    recsys_model *m;
    expect_ok(t->x, recsys_trainer_model(t, best, &m));
    return m;
}

/* ---- looking ---- */

/* A tensor's numbers; freed with free(). */
static inline void *case_tensor(recsys_exec *x, const recsys_model *m, const char *name, int64_t *count)
{
    const model_tensor *t = recsys__model_tensor(m, name);
    assert_non_null(t);
    *count = recsys__tensor_elements(t);
    void *data = malloc((size_t)*count * recsys__dtype_size(t->dtype) + 1);
    assert_non_null(data);
    expect_ok(x, recsys_model_read_tensor(m, x, name, 0, t->shape[0], data));
    return data;
}

static inline int case_same(recsys_exec *x, const recsys_model *a, const recsys_model *b)
{
    int same = a->tensors.count == b->tensors.count;
    for (int64_t i = 0; same && i < a->tensors.count; i++) {
        int64_t n, m;
        void *of_a = case_tensor(x, a, a->tensors.at[i].name, &n), *of_b = case_tensor(x, b, b->tensors.at[i].name, &m);
        same = n == m && memcmp(of_a, of_b, (size_t)n * recsys__dtype_size(a->tensors.at[i].dtype)) == 0;
        free(of_a);
        free(of_b);
    }
    return same;
}

/* Scores of all items for a user the model knows. */
static inline void case_scores(recsys_exec *x, const recsys_model *m, int64_t user, float *out)
{
    recsys_query q = RECSYS_QUERY_INIT;
    q.parts = RECSYS_QUERY_USER;
    q.user = user;
    expect_ok(x, recsys_model_score(m, x, &q, 1, out));
}

/* A batch on the host. */
typedef struct case_batch {
    int64_t rows, samples;
    int64_t users[CASE_BATCH], items[CASE_BATCH], row[CASE_BATCH];
    float labels[CASE_BATCH];
    uint8_t clean[CASE_BATCH];
    int has_clean;
} case_batch;

static inline void case_indices(recsys_exec *x, tensor t, int64_t n, int64_t *to)
{
    int32_t narrow[CASE_BATCH];
    assert_true(n <= CASE_BATCH);
    expect_ok(x, recsys__download(x, narrow, t.data, n * 4));
    for (int64_t i = 0; i < n; i++)
        to[i] = narrow[i];
}

/* Rows of an epoch of a sampler, drawn on a tape of its own. */
static inline void case_draw(recsys_exec *x, const sampler *s, int64_t epoch, int64_t position, int64_t count, case_batch *to)
{
    batch b = { 0 };
    tape *g;
    expect_ok(x, recsys__tape_create(x, &g));
    recsys__tape_reset(g, 1, 1);
    recsys__sampler_draw(s, g, epoch, position, count, &b);
    expect_ok(x, recsys__tape_status(g));
    to->rows = b.rows;
    to->samples = b.items.data != NULL ? tensor_elements(&b.items) : 0;
    case_indices(x, b.users, b.rows, to->users);
    if (to->samples > 0) {
        case_indices(x, b.items, to->samples, to->items);
        expect_ok(x, recsys__download(x, to->labels, b.labels.data, to->samples * 4));
    }
    if (b.sample_row.data != NULL)
        case_indices(x, b.sample_row, to->samples, to->row);
    to->has_clean = b.clean != NULL && to->samples > 0;
    if (to->has_clean)
        expect_ok(x, recsys__download(x, to->clean, b.clean, to->samples));
    recsys__tape_free(g);
}

/* The batch that the trainer's next step will draw. */
static inline void case_next(recsys_trainer *t, case_batch *to)
{
    const part *p = recsys__trainer_part(t, t->at.step);
    int64_t step = t->at.step - p->first_step, position = step % p->n_batches * t->o.batch_size;
    int64_t left = recsys__sampler_size(p->sampler) - position;
    case_draw(t->x, p->sampler, step / p->n_batches, position, left < t->o.batch_size ? left : t->o.batch_size, to);
}

static inline int case_has(recsys_exec *x, const recsys_dataset *d, int64_t user, int64_t item)
{
    const csr *m;
    expect_ok(x, recsys__dataset_by_user(x, d, &m));
    for (int64_t e = m->ptr[user]; e < m->ptr[user + 1]; e++)
        if (m->col[e] == item)
            return 1;
    return 0;
}

static inline void case_near(double value, double wanted, double share, const char *what)
{
    if (!(fabs(value - wanted) <= share * (1.0 + fabs(wanted))))
        fail_msg("%s is %.9g, want %.9g", what, value, wanted);
}

/* ---- losses, slowly ---- */

/* What a T-CE batch of pairs is, from logits. */
typedef struct slow_loss {
    double loss, dropped, dropped_clean, dropped_noisy, clean, noisy, clean_loss, noisy_loss;
} slow_loss;

static inline double slow_bce(double logit, double label)
{
    return (logit > 0.0 ? logit : 0.0) - logit * label + log1p(exp(-fabs(logit)));
}

/* Logits are the model's; `rate` 0: plain. */
static inline slow_loss slow_tce(recsys_exec *x, const recsys_model *m, const case_batch *b, double rate)
{
    slow_loss s = { 0 };
    double of[CASE_BATCH];
    int gone[CASE_BATCH] = { 0 };
    float scores[CASE_ITEMS + 1];
    int64_t n = b->samples, keep = (int64_t)((1.0 - rate) * (double)n);
    for (int64_t k = 0; k < n; k++) {
        case_scores(x, m, b->users[k], scores);
        of[k] = slow_bce((double)scores[b->items[k]], (double)b->labels[k]);
        if (b->labels[k] > 0.5f && b->has_clean) {
            s.clean += b->clean[k] == 1, s.noisy += b->clean[k] == 0;
            s.clean_loss += b->clean[k] == 1 ? of[k] : 0.0, s.noisy_loss += b->clean[k] == 0 ? of[k] : 0.0;
        }
    }
    for (; s.dropped < (double)(n - keep); s.dropped++) {
        int64_t worst = -1;
        for (int64_t k = 0; k < n; k++)
            if (!gone[k] && (worst < 0 || of[k] * (double)b->labels[k] >= of[worst] * (double)b->labels[worst]))
                worst = k;
        gone[worst] = 1;
        s.dropped_clean += b->has_clean && b->clean[worst] == 1;
        s.dropped_noisy += b->has_clean && b->clean[worst] == 0;
    }
    for (int64_t k = 0; k < n; k++)
        s.loss += gone[k] ? 0.0 : of[k] / (double)keep;
    return s;
}

#endif
