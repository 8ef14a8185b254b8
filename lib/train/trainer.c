/* trainer.c - training by steps: making a trainer, one step, the whole run, what comes out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "train/trainer.h"

#include <math.h>

#include "backend/run.h"
#include "base/struct.h"
#include "data/align.h"
#include "data/features.h"
#include "model/prepared.h"
#include "tensor/ops.h"

/* ---- options ---- */

static recsys_status bad_option(recsys_trainer *t, const char *what)
{
    return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_training: %s", what);
}

static recsys_status check_options(recsys_trainer *t)
{
    const recsys_training *o = &t->o;
    if (o->epochs < 0 || o->max_steps < 0 || o->batch_size < 0 || o->n_negatives < -1 || o->validate_every_steps < 0
        || o->validate_every_epochs < 0 || o->patience < 0 || o->n_start < 0 || o->warm_up_epochs < 0 || o->fine_tune_epochs < 0
        || o->checkpoint_every < 0 || o->watch_every < 0)
        return bad_option(t, "a count is negative");
    if (o->batch_size > INT32_MAX)
        return bad_option(t, "batch_size exceeds 2147483647");
    if (o->fixed_negatives < 0 || o->fixed_negatives > 1 || o->validation_negatives < 0 || o->validation_negatives > 1)
        return bad_option(t, "fixed_negatives and validation_negatives are 0 or 1");
    if (!(o->popularity >= 0.0 && o->popularity <= 100.0))
        return recsys__fail(&t->x->error, RECSYS_ERR_OUT_OF_RANGE, "recsys_training: popularity is an exponent from 0 to 100");
    if (o->n_start > 0 && o->start == NULL)
        return bad_option(t, "start is NULL");
    if (o->verified == NULL && (o->warm_up_epochs > 0 || o->fine_tune_epochs > 0))
        return recsys__fail(&t->x->error, RECSYS_ERR_MISSING_DATA, "warm-up and fine-tuning need verified positives");
    int chooses = o->validate_every_steps > 0 || o->validate_every_epochs > 0 || o->patience > 0 || o->select != NULL;
    if (o->validation == NULL && chooses)
        return recsys__fail(&t->x->error, RECSYS_ERR_MISSING_DATA, "choosing the best model needs validation data");
    if (o->checkpoint_every > 0 && o->checkpoint == NULL)
        return bad_option(t, "checkpoint_every without a checkpoint file");
    return RECSYS_OK;
}

/* What is asked of negatives where a model draws none of its own for a sample. */
static recsys_status check_negatives(recsys_trainer *t, const sampler_options *kind)
{
    int32_t is_full = kind->kind == SAMPLE_USER_ROWS && !kind->sampled_output, has_popularity = t->o.popularity > 0.0;
    if (is_full && (t->o.n_negatives > 1 || has_popularity || t->o.fixed_negatives))
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "%s draws no negatives with these parameters: its rows hold all items", t->class->name);
    if (kind->kind == SAMPLE_POSITIVES && kind->n_negatives == 0
        && (t->o.n_negatives > 1 || t->o.fixed_negatives || (has_popularity && kind->n_shared == 0)))
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "%s draws no negatives for a sample with these parameters: their number%s and keeping them "
                            "fixed do not apply", t->class->name, kind->n_shared == 0 ? ", their popularity" : "");
    if (kind->needs_negatives && t->o.n_negatives < 0)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "%s compares positives with negatives: each positive needs one at least, and 0 are asked for",
                            t->class->name);
    return RECSYS_OK;
}

static void fill_in_defaults(recsys_trainer *t, const sampler_options *kind)
{
    recsys_training *o = &t->o;
    if (o->epochs == 0)
        o->epochs = 10;
    if (o->batch_size == 0)
        o->batch_size = recsys__default_batch(kind);
    int64_t negatives = kind->default_negatives > 0 ? kind->default_negatives : 1;
    o->n_negatives = o->n_negatives == 0 ? negatives : o->n_negatives < 0 ? 0 : o->n_negatives;
}

static recsys_status take_options(recsys_trainer *t, const recsys_params *p, const recsys_fit_options *given)
{
    recsys_fit_options o;
    sampler_options kind = { 0 };
    recsys_status status = recsys__struct_in(&t->x->error, "recsys_fit_options", given, sizeof(size_t), &o, sizeof o);
    if (status >= 0)
        status = recsys__struct_in(&t->x->error, "recsys_training", o.training, sizeof(size_t), &t->o, sizeof t->o);
    if (status < 0)
        return status;
    t->without_histories = o.without_histories;
    if (o.without_histories < 0 || o.without_histories > 1 || o.reserved != 0)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "recsys_fit_options: without_histories is 0 or 1, reserved 0");
    kind.n_negatives = 1;
    t->class->training->sampling(p, &kind);
    status = check_options(t);
    if (status >= 0)
        status = check_negatives(t, &kind);
    fill_in_defaults(t, &kind);
    return status;
}

/* Data of other maps is brought to those of the training data. */
static recsys_status align(recsys_trainer *t, const recsys_dataset *d, const char *what, recsys_dataset **out)
{
    int64_t dropped;
    if (d == NULL)
        return RECSYS_OK;
    if (t->class->scores_by_history == BY_FEATURES && d->table[SIDE_USERS] != t->train->table[SIDE_USERS])
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "%s: the %s rows must come from one reading, or one split, with the "
                            "training rows, so that all have their features", t->class->name, what);
    recsys_status status = recsys__align(t->x, d, t->train->users, t->train->items, out, &dropped);
    if (status >= 0 && dropped > 0)
        recsys__log(t->x, RECSYS_LOG_WARNING, "train",
                    "%lld of %lld %s positives are of users or items that training does not have; "
                    "they are left out", (long long)dropped, (long long)d->n_events, what);
    if (status >= 0 && (*out)->n_events == 0)
        status = recsys__fail(&t->x->error, RECSYS_ERR_EMPTY,
                              "the %s data has no positives of users and items that training has", what);
    return status;
}

/* ---- the beginning ---- */

static recsys_status start_from(recsys_trainer *t)
{
    recsys_exec *x = t->x;
    recsys_status status = RECSYS_OK;
    for (int64_t i = 0; i < t->o.n_start && status >= 0; i++) {
        if (t->o.start[i] == NULL)
            return bad_option(t, "a model to start from is NULL");
        status = recsys__check_device(x, t->o.start[i]);
        if (status >= 0)
            status = recsys__check_same_ids(x, t->o.start[i]->users, t->o.start[i]->items, t->train, "a model to start from");
    }
    if (status < 0 || t->o.n_start == 0)
        return status;
    if (t->o.n_start == 1 && t->o.start[0]->class == t->class) {
        for (int64_t p = 0; p < t->n_parameters && status >= 0; p++)
            status = recsys__copy_parameter(x, t->m, t->m->tensors.at[p].name, t->o.start[0], t->m->tensors.at[p].name);
        return status;
    }
    if (t->class->training->start == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s starts from one model of its own kind", t->class->name);
    return t->class->training->start(x, t->m, t->o.start, t->o.n_start);
}

static recsys_status make_parameters(recsys_trainer *t, const recsys_params *p)
{
    recsys_exec *x = t->x;
    recsys_status status = recsys__model_create(x, t->class, p, t->train->users, t->train->items, &t->m);
    if (status < 0)
        return status;
    declaration d = { .x = x, .m = t->m, .class = t->class, .params = t->m->params, .n_users = t->m->n_users,
                      .n_items = t->m->n_items,
                      .n_user_features = recsys__feature_columns(t->train, FEATURES_OF_USERS),
                      .n_item_features = recsys__feature_columns(t->train, FEATURES_OF_ITEMS) };
    t->class->training->declare(&d);
    t->n_parameters = t->m->tensors.count;
    status = d.status < 0 ? d.status : start_from(t);
    return status < 0 || t->class->training->prepare == NULL ? status : t->class->training->prepare(x, t->m, t->train);
}

static recsys_status make_default_optimizer(recsys_exec *x, const char *name, recsys_optimizer **out)
{
    recsys_params *p = NULL;
    recsys_error_info said = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_optimizer_params(x->env, name, &p, &said);
    if (status < 0)
        return recsys__fail(&x->error, status, "%s", said.message);
    status = recsys_optimizer_create(x, p, out);
    recsys_params_release(p);
    return status;
}

static recsys_status choose_optimizer(recsys_trainer *t)
{
    if (t->o.optimizer == NULL)
        return make_default_optimizer(t->x, t->o.n_start > 1 ? "sgd" : "adam", &t->optimizer);
    t->optimizer = recsys_optimizer_retain((recsys_optimizer *)(uintptr_t)t->o.optimizer);
    return RECSYS_OK;
}

static recsys_status make_state(recsys_trainer *t)
{
    recsys_exec *x = t->x;
    optimized parameters[MODEL_MAX_TENSORS];
    for (int64_t p = 0; p < t->n_parameters; p++) {
        const model_tensor *m = &t->m->tensors.at[p];
        parameters[p] = (optimized){ .name = m->name, .data = m->data, .n_rows = m->shape[0],
                                     .dim = recsys__tensor_elements(m) / m->shape[0],
                                     .by_rows = recsys__tensor_kind(t->class, m->name)->by_rows };
    }
    recsys_status status = recsys__optimizer_state_create(x, t->optimizer, t->n_parameters, parameters, t->n_steps, &t->state);
    if (status >= 0)
        status = recsys__tape_create(x, &t->g);
    if (status >= 0)
        status = recsys__device_alloc(x, STEPS_AHEAD, sizeof *t->losses, &t->losses_device);
    if (status >= 0)
        recsys__tape_before_read(t->g, recsys__optimizer_before_read, t->state);
    return status;
}

static recsys_status open_trainer(recsys_trainer *t, const recsys_params *p, const recsys_dataset *train,
                                  const recsys_fit_options *o)
{
    recsys_exec *x = t->x;
    recsys_status status = recsys__phase(x, "prepare");
    t->train = recsys_dataset_retain((recsys_dataset *)(uintptr_t)train);
    if (status >= 0)
        status = take_options(t, p, o);
    if (status >= 0)
        status = align(t, t->o.validation, "validation", &t->validation);
    if (status >= 0)
        status = align(t, t->o.verified, "verified", &t->verified);
    if (status >= 0)
        status = choose_optimizer(t);
    if (status >= 0)
        status = recsys__trainer_check_memory(t, p);
    if (status >= 0)
        status = make_parameters(t, p);
    if (status >= 0 && t->class->training->check_data != NULL)
        status = t->class->training->check_data(x, t->m, t->verified);
    if (status >= 0)
        status = recsys__trainer_plan(t);
    if (status >= 0)
        status = recsys__validation_open(t);
    if (status >= 0)
        status = make_state(t);
    if (status >= 0 && t->o.resume != NULL)
        status = recsys__checkpoint_read(t, t->o.resume);
    return status;
}

recsys_status recsys_trainer_create(const recsys_params *p, const recsys_dataset *train, recsys_exec *x,
                                    const recsys_fit_options *options, recsys_trainer **trainer)
{
    if (x == NULL || trainer == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *trainer = NULL;
    if (p == NULL || train == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_trainer_create: an argument is NULL");
    const struct model_class *c = recsys__model_class(recsys_params_model(p));
    if (c == NULL || c->training == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s is not trained by steps",
                            c != NULL ? c->name : "an optimizer");
    recsys_status status = recsys__check_kind_of_data(x, c, train);
    if (status < 0)
        return status;
    if (recsys_dataset_event_count(train) == 0)
        return recsys__fail(&x->error, RECSYS_ERR_EMPTY, "%s: the training data has no events", c->name);
    recsys_trainer *t;
    status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t);
    if (status < 0)
        return status;
    t->x = recsys_exec_retain(x);
    t->class = c;
    t->at = (progress_state){ .best_step = -1, .validation = NAN, .best = NAN };
    t->norm = NAN;
    t->told = 1;
    status = open_trainer(t, p, train, options);
    t->began = recsys__seconds();
    t->settled = t->at.step;
    if (status < 0)
        recsys_trainer_release(t);
    else
        *trainer = t;
    return status;
}

void recsys_trainer_release(recsys_trainer *t)
{
    if (t == NULL)
        return;
    recsys_exec *x = t->x;
    for (int64_t p = 0; p < MODEL_MAX_TENSORS; p++)
        recsys__device_free(x->backend, x->memory, t->best[p]);
    recsys__device_free(x->backend, x->memory, t->losses_device);
    recsys__validation_close(t);
    recsys__trainer_unplan(t);
    recsys__tape_free(t->g);
    recsys__optimizer_state_free(x, t->state);
    recsys_optimizer_release(t->optimizer);
    recsys_model_release(t->m);
    recsys_dataset_release(t->train);
    recsys_dataset_release(t->validation);
    recsys_dataset_release(t->verified);
    recsys__free(x->memory, t);
    recsys_exec_release(x);
}

/* ---- steps ---- */

recsys_status recsys_trainer_step(recsys_trainer *t, const recsys_batch_input *inputs, int64_t n_inputs,
                                  recsys_training_event *event)
{
    if (t == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (n_inputs < 0 || (inputs == NULL) != (n_inputs == 0))
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_trainer_step: inputs are missing or negative");
    if (event != NULL && event->struct_size < sizeof(size_t))
        return recsys__fail(&t->x->error, RECSYS_ERR_STRUCT_SIZE, "recsys_training_event: struct_size is %zu",
                            event->struct_size);
    if (recsys__cancelled(t->x))
        return recsys__fail_cancelled(t->x);
    t->x->phase = "train";
    if (t->fault.status >= 0 && recsys__trainer_is_over(t))
        return recsys__fail(&t->x->error, RECSYS_ERR_EMPTY, "the training is over after %lld steps", (long long)t->at.step);
    recsys_status status = recsys__trainer_make_step(t, inputs, n_inputs);
    if (status >= 0 && event != NULL)
        status = recsys__trainer_settle(t);
    if (status < 0 || event == NULL)
        return status;
    recsys_training_event own = recsys__trainer_event(t, RECSYS_TRAINING_STEP);
    t->told = 1;
    return recsys__struct_out(&t->x->error, "recsys_training_event", &own, sizeof own, event);
}

/* ---- the whole run ---- */

static recsys_status tell(recsys_trainer *t, int32_t kind)
{
    if (t->o.watch == NULL)
        return RECSYS_OK;
    recsys_training_event e = recsys__trainer_event(t, kind);
    return t->o.watch(t->o.watch_user, &e) == 0 ? RECSYS_OK : recsys__fail_cancelled(t->x);
}

static recsys_status tell_step(recsys_trainer *t)
{
    recsys_status status = recsys__trainer_settle(t);
    if (status < 0)
        return status;
    t->told = 1;
    return tell(t, RECSYS_TRAINING_STEP);
}

/* 1 if something that comes every `steps` steps, or else at the end of every `epochs`-th epoch, is due. */
static int is_due(const recsys_trainer *t, int64_t steps, int64_t epochs)
{
    if (steps > 0)
        return t->at.step % steps == 0;
    return recsys__trainer_ends_epoch(t) && recsys__trainer_epochs(t) % (epochs > 0 ? epochs : 1) == 0;
}

static int validates_now(const recsys_trainer *t)
{
    int is_last = t->at.step == t->n_steps;
    return t->validation != NULL && (is_last || is_due(t, t->o.validate_every_steps, t->o.validate_every_epochs));
}

static recsys_status validate_if_due(recsys_trainer *t)
{
    int due = validates_now(t);
    recsys_status status = due ? recsys__validation_round(t) : RECSYS_OK;
    if (status >= 0)
        t->at.validated_step = t->at.step;
    if (status >= 0 && due)
        status = tell(t, RECSYS_TRAINING_VALIDATION);
    return status < 0 || !due ? status : recsys__phase(t->x, "train");
}

static int saves_now(const recsys_trainer *t)
{
    return t->o.checkpoint != NULL && (recsys__trainer_is_over(t) || is_due(t, t->o.checkpoint_every, 1));
}

static recsys_status save_if_due(recsys_trainer *t)
{
    if (!saves_now(t))
        return RECSYS_OK;
    recsys_status status = recsys__checkpoint_write(t, t->o.checkpoint);
    if (status >= 0)
        status = tell(t, RECSYS_TRAINING_CHECKPOINT);
    return status < 0 ? status : recsys__phase(t->x, "train");
}

/* Where nobody asks for each step, the device is not waited for: a watcher hears at times, and before all other news. */
static int tells_now(const recsys_trainer *t)
{
    if (t->o.watch == NULL)
        return 0;
    int64_t every = t->o.watch_every > 0 ? t->o.watch_every : recsys__trainer_steps_ahead(t);
    return t->at.step % every == 0 || recsys__trainer_ends_epoch(t) || recsys__trainer_is_over(t) || validates_now(t)
           || saves_now(t);
}

/* What a step brings with it. A run that was cut off in the middle of this goes on with what is missing. */
static recsys_status finish_step(recsys_trainer *t)
{
    recsys_status status = t->at.validated_step < t->at.step ? validate_if_due(t) : RECSYS_OK;
    return status < 0 ? status : save_if_due(t);
}

recsys_status recsys_trainer_run(recsys_trainer *t)
{
    if (t == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    recsys_status status = recsys__phase(t->x, "train");
    if (status >= 0)
        status = recsys__trainer_settle(t);
    if (status >= 0 && t->at.validated_step < t->at.step)
        status = finish_step(t);
    while (status >= 0 && !recsys__trainer_is_over(t)) {
        status = recsys__trainer_make_step(t, NULL, 0);
        if (status >= 0 && tells_now(t))
            status = tell_step(t);
        if (status >= 0 && recsys__trainer_ends_epoch(t))
            status = tell(t, RECSYS_TRAINING_EPOCH);
        if (status >= 0)
            status = finish_step(t);
        if (status >= 0)
            status = recsys__progress(t->x, t->at.step, recsys__trainer_last_step(t));
    }
    return status;
}

recsys_status recsys_trainer_validate(recsys_trainer *t, double *value)
{
    if (t == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (value == NULL)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_trainer_validate: value is NULL");
    if (t->validation == NULL)
        return recsys__fail(&t->x->error, RECSYS_ERR_MISSING_DATA, "this training has no validation data");
    return recsys__validation_value(t, value);
}

recsys_status recsys_trainer_save(recsys_trainer *t, const char *path)
{
    if (t == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (path == NULL)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_trainer_save: path is NULL");
    return recsys__checkpoint_write(t, path);
}

/* ---- what comes out ---- */

/* Adds what is not trained, and makes it ready for scoring. */
static recsys_status complete(recsys_trainer *t, recsys_model *m)
{
    recsys_fit_options o = RECSYS_FIT_OPTIONS_INIT;
    o.without_histories = t->without_histories;
    const training_class *c = t->class->training;
    recsys_status status = c->derive != NULL ? c->derive(t->x, m) : RECSYS_OK;
    if (status >= 0 && c->finish != NULL)
        status = c->finish(t->x, m, t->verified);
    recsys__prepared_release(m->prepared);
    m->prepared = NULL;
    if (status >= 0)
        status = recsys__model_keep_data(t->x, m, t->train, &o);
    return status < 0 ? status : recsys__model_complete(t->x, m);
}

recsys_status recsys_trainer_model(recsys_trainer *t, int32_t best, recsys_model **model)
{
    if (t == NULL || model == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *model = NULL;
    if (best < 0 || best > 1)
        return recsys__fail(&t->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_trainer_model: best is 0 or 1");
    if (best && t->at.best_step < 0)
        return recsys__fail(&t->x->error, RECSYS_ERR_MISSING_DATA, "no model has been validated yet");
    recsys_model *m;
    recsys_status status = recsys__trainer_snapshot(t, best, &m);
    if (status >= 0)
        status = complete(t, m);
    if (status < 0)
        recsys_model_release(m);
    else
        *model = m;
    return status;
}

/* The trained model, without a further copy: the trainer gives its parameters away. */
static recsys_status hand_over(recsys_trainer *t, recsys_model **model)
{
    recsys_status status = RECSYS_OK;
    if (t->at.best_step >= 0)
        for (int64_t p = 0; p < t->n_parameters && status >= 0; p++)
            status = recsys__device_copy(t->x, t->best[p], t->m->tensors.at[p].data,
                                         recsys__tensor_elements(&t->m->tensors.at[p]));
    else
        status = recsys__optimizer_finish(t->state, t->x);
    recsys__optimizer_state_free(t->x, t->state);
    t->state = NULL;
    if (status >= 0)
        status = complete(t, t->m);
    if (status < 0)
        return status;
    *model = t->m;
    t->m = NULL;
    return RECSYS_OK;
}

recsys_status recsys__train(recsys_exec *x, const recsys_params *p, const recsys_dataset *train, const recsys_fit_options *o,
                            recsys_model **model)
{
    recsys_trainer *t;
    recsys_status status = recsys_trainer_create(p, train, x, o, &t);
    if (status >= 0)
        status = recsys_trainer_run(t);
    if (status >= 0)
        status = hand_over(t, model);
    recsys_trainer_release(t);
    return status;
}
