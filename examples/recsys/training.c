/* training.c - the options of a training by steps, the files that they name, and what is watched.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "plot.h"

/* ---- options that cannot be together ---- */

static recsys_status check_validation(program *p)
{
    const settings *s = &p->settings;
    const struct { const char *option; int given; } need_valid[] = {
        { "eval-every", s->eval_every > 0 },
        { "select", s->select != NULL },
        { "patience", s->patience > 0 },
        { "validation-negatives", s->validation_negatives != 0 },
    };
    for (size_t i = 0; i < sizeof need_valid / sizeof *need_valid && s->valid.count == 0; i++)
        if (need_valid[i].given) return program_usage(p, "--%s needs --valid FILE: events held out of training", need_valid[i].option);
    if (s->validation_negatives != 0 && s->select != NULL && strcmp(s->select, "loss") != 0)
        return program_usage(p, "--validation-negatives belongs to --select loss: %s ranks all items", s->select);
    return RECSYS_OK;
}

static recsys_status check_verified(program *p)
{
    const settings *s = &p->settings;
    int by_share = !isnan(s->verified_share);
    if (by_share && s->verified.count > 0) return program_usage(p, "--verified and --verified-share exclude each other");
    if (by_share && !(s->verified_share > 0.0 && s->verified_share <= 1.0))
        return program_usage(p, "--verified-share: %g is not a share above 0 and up to 1", s->verified_share);
    if ((s->warm_up > 0 || s->fine_tune > 0) && !by_share && s->verified.count == 0)
        return program_usage(p, "--%s needs --verified FILE or --verified-share S: events known to be clean",
                             s->warm_up > 0 ? "warm-up" : "fine-tune");
    return RECSYS_OK;
}

recsys_status training_check(program *p)
{
    const settings *s = &p->settings;
    recsys_status status = check_validation(p);
    if (status == RECSYS_OK) status = check_verified(p);
    if (status != RECSYS_OK) return status;
    if (s->checkpoint_every > 0 && s->checkpoint == NULL) return program_usage(p, "--checkpoint-every needs --checkpoint FILE");
    if (s->start.count > 2) return program_usage(p, "--start may come twice at most");
    if (!isnan(s->popularity) && !(s->popularity >= 0.0 && s->popularity <= 100.0))
        return program_usage(p, "--popularity: %g is not an exponent from 0 to 100", s->popularity);
    if (s->plot != NULL && !plot_knows(s->plot)) return program_usage(p, "--plot: %s must end in .svg, .png or .pdf", s->plot);
    if (s->resume != NULL && access(s->resume, R_OK) != 0)
        return program_fail(p, RECSYS_ERR_FILE_NOT_FOUND, "--resume: %s: %s", s->resume, strerror(errno));
    return RECSYS_OK;
}

/* ---- what they name ---- */

/* "NAME:K=V,K=V" */
static recsys_status make_optimizer(program *p, training *t)
{
    const char *text = p->settings.optimizer;
    recsys_params *params = NULL;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (text == NULL) return RECSYS_OK;
    size_t length = strcspn(text, ":");
    char *name = program_alloc(p, (int64_t)length + 1, 1);
    if (name == NULL) return RECSYS_ERR_NO_MEMORY;
    memcpy(name, text, length);
    name[length] = '\0';
    recsys_status status = recsys_optimizer_params(p->env, name, &params, &error);
    free(name);
    if (status == RECSYS_OK && text[length] == ':') {
        status = recsys_params_set_text(params, text + length + 1);
        if (status != RECSYS_OK) recsys_params_last_error(params, &error);
    }
    if (status == RECSYS_OK) {
        status = recsys_optimizer_create(p->exec, params, &t->optimizer);
        if (status != RECSYS_OK) recsys_exec_last_error(p->exec, &error);
    }
    recsys_params_release(params);
    if (status == RECSYS_OK || status == RECSYS_ERR_NO_MEMORY) return status;
    return program_usage(p, "--optimizer: %s", error.message);
}

static recsys_status read_verified(program *p, training *t, const recsys_dataset *train, int32_t id_type)
{
    const settings *s = &p->settings;
    if (s->verified.count > 0) return data_read(p, &s->verified, id_type, &t->verified);
    if (isnan(s->verified_share)) return RECSYS_OK;
    recsys_status status = recsys_dataset_verified(train, p->exec, s->verified_share, s->seed, &t->verified);
    if (status == RECSYS_ERR_MISSING_DATA)
        return program_fail(p, status, "--verified-share: the training data does not say which events are clean; it needs a column of "
                                       "flags, or --clean RULE");
    return status;
}

/* Verified events that nothing looks at are a mistake; and so is colliding inference without any. */
static recsys_status check_use(program *p, recsys_params *params, const training *t)
{
    double colliding = 0.0;
    const settings *s = &p->settings;
    int can_collide = recsys_params_get_f64(params, "colliding", &colliding) == RECSYS_OK;
    if (t->verified == NULL && can_collide && colliding > 0.0)
        return program_usage(p, "the parameter colliding needs --verified FILE or --verified-share S: events known to be clean");
    if (t->verified == NULL || s->warm_up > 0 || s->fine_tune > 0 || !can_collide || colliding > 0.0) return RECSYS_OK;
    return program_usage(p, "--%s: verified events serve --warm-up, --fine-tune and the parameter colliding, and none of these is given",
                         s->verified.count > 0 ? "verified" : "verified-share");
}

static recsys_status load_start(program *p, training *t)
{
    const words *files = &p->settings.start;
    recsys_status status = RECSYS_OK;
    if (files->count == 0) return RECSYS_OK;
    t->start = program_alloc(p, files->count, sizeof *t->start);
    if (t->start == NULL) return RECSYS_ERR_NO_MEMORY;
    while (status == RECSYS_OK && t->n_start < files->count) {
        status = program_load_path(p, files->word[t->n_start], &t->start[t->n_start]);
        if (status == RECSYS_OK) t->n_start++;
    }
    return status;
}

/* ---- what is watched ---- */

static double add_loss(double sum, double mean, double count)
{
    return count > 0.0 ? sum + mean * count : sum;
}

static void count_step(training *t, const recsys_training_event *e)
{
    curve_row *s = &t->since;
    t->steps_since += (double)e->n_batches;
    s->loss += e->loss * (double)e->n_batches;
    s->kept += e->kept;
    s->dropped += e->dropped;
    s->dropped_clean += e->dropped_clean;
    s->dropped_noisy += e->dropped_noisy;
    s->clean += e->clean;
    s->noisy += e->noisy;
    s->clean_loss = add_loss(s->clean_loss, e->clean_loss, e->clean);
    s->noisy_loss = add_loss(s->noisy_loss, e->noisy_loss, e->noisy);
}

static double mean(double sum, double count)
{
    return count > 0.0 ? sum / count : (double)NAN;
}

static recsys_status add_validation(training *t, const recsys_training_event *e)
{
    curve_row row = t->since;
    row.kind = CURVE_VALIDATION;
    row.step = e->step;
    row.epoch = e->epoch;
    row.loss = mean(row.loss, t->steps_since);
    row.clean_loss = mean(row.clean_loss, row.clean);
    row.noisy_loss = mean(row.noisy_loss, row.noisy);
    row.validation = e->validation;
    row.learning_rate = e->learning_rate;
    row.samples_per_second = e->samples_per_second;
    row.seconds = (double)NAN;
    memset(&t->since, 0, sizeof t->since);
    t->steps_since = 0.0;
    curve_forget_flags(&row);
    return curve_add(t->p, &t->curve, &row);
}

static recsys_status add_epoch(training *t, const recsys_training_event *e)
{
    curve_row row = {
        .step = e->step, .epoch = e->epoch, .kind = CURVE_EPOCH, .loss = e->loss, .validation = (double)NAN,
        .learning_rate = e->learning_rate, .samples_per_second = e->samples_per_second,
        .kept = e->kept, .dropped = e->dropped, .dropped_clean = e->dropped_clean, .dropped_noisy = e->dropped_noisy,
        .clean_loss = e->clean_loss, .noisy_loss = e->noisy_loss, .clean = e->clean, .noisy = e->noisy,
        .seconds = e->seconds - t->epoch_began,
    };
    t->epoch_began = e->seconds;
    progress_epoch(&t->p->progress, row.seconds);
    curve_forget_flags(&row);
    return curve_add(t->p, &t->curve, &row);
}

static void show_step(training *t, const recsys_training_event *e)
{
    progress *at = &t->p->progress;
    int64_t most = t->options.max_steps, n_steps = most > 0 && most < e->n_steps ? most : e->n_steps;
    double left = (double)(e->n_steps - e->step);
    at->at.epoch = e->epoch < e->n_epochs ? e->epoch + 1 : e->n_epochs;
    at->at.n_epochs = e->n_epochs;
    at->at.step = e->step;
    at->at.n_steps = n_steps;
    at->at.loss = e->loss;
    at->at.samples_per_second = e->samples_per_second;
    at->at.left = left > 0.0 ? e->eta_seconds * (double)(n_steps - e->step) / left : 0.0;
}

/* The first event tells after which step a resumed training goes on. */
static recsys_status begin(training *t, const recsys_training_event *e)
{
    t->heard = 1;
    t->first_step = e->step - e->n_batches;
    if (t->first_step > 0) t->checkpoint_step = t->first_step;
    return curve_open(t->p, &t->curve, t->p->settings.log, t->first_step);
}

static int32_t watch(void *user, const recsys_training_event *e)
{
    training *t = user;
    recsys_status status = t->heard ? RECSYS_OK : begin(t, e);
    t->last = *e;
    switch (e->kind) {
    case RECSYS_TRAINING_STEP:
        count_step(t, e);
        show_step(t, e);
        break;
    case RECSYS_TRAINING_EPOCH:
        t->p->progress.at.epoch = e->epoch;
        t->p->progress.at.loss = e->loss;
        t->p->progress.at.samples_per_second = e->samples_per_second;
        if (status == RECSYS_OK) status = add_epoch(t, e);
        break;
    case RECSYS_TRAINING_VALIDATION:
        if (status == RECSYS_OK) status = add_validation(t, e);
        break;
    case RECSYS_TRAINING_CHECKPOINT: t->checkpoint_step = e->step; break;
    default: break;
    }
    t->status = status;
    return status != RECSYS_OK;
}

/* ---- the whole ---- */

static void set_options(program *p, training *t)
{
    const settings *s = &p->settings;
    recsys_training *o = &t->options;
    o->optimizer = t->optimizer;
    o->epochs = s->epochs;
    o->max_steps = s->max_steps;
    o->batch_size = s->batch;
    o->n_negatives = s->n_negatives == NOT_GIVEN ? 0 : s->n_negatives == 0 ? -1 : s->n_negatives;
    o->popularity = isnan(s->popularity) ? 0.0 : s->popularity;
    o->fixed_negatives = s->fixed_negatives;
    o->validation_negatives = s->validation_negatives;
    o->validation = t->valid;
    o->validate_every_steps = s->eval_every;
    o->select = s->select;
    o->patience = s->patience;
    o->watch = watch;
    o->watch_user = t;
    o->start = (const recsys_model *const *)t->start;
    o->n_start = t->n_start;
    o->verified = t->verified;
    o->warm_up_epochs = s->warm_up;
    o->fine_tune_epochs = s->fine_tune;
    o->checkpoint = s->checkpoint;
    o->checkpoint_every = s->checkpoint_every;
    o->resume = s->resume;
}

recsys_status training_open(program *p, training *t, recsys_params *params, const recsys_dataset *train, recsys_dataset *valid)
{
    const settings *s = &p->settings;
    int32_t id_type = data_shared_type(recsys_dataset_users(train), recsys_dataset_items(train));
    *t = (training){ .p = p, .options = RECSYS_TRAINING_INIT, .checkpoint_step = -1 };
    t->valid = recsys_dataset_retain(valid);
    recsys_status status = make_optimizer(p, t);
    if (status == RECSYS_OK && s->valid.count > 0 && valid == NULL) status = data_read(p, &s->valid, id_type, &t->valid);
    if (status == RECSYS_OK) status = read_verified(p, t, train, id_type);
    if (status == RECSYS_OK) status = check_use(p, params, t);
    if (status == RECSYS_OK) status = load_start(p, t);
    progress_end(&p->progress);
    set_options(p, t);
    p->progress.training = 1;
    return status;
}

recsys_status training_end(training *t, recsys_status status)
{
    program *p = t->p;
    const char *file = t->checkpoint_step > t->first_step ? p->settings.checkpoint : p->settings.resume;
    progress_end(&p->progress);
    p->progress.training = 0;
    if (t->status != RECSYS_OK) status = t->status; /* it had the library stop */
    status = curve_close(p, &t->curve, status);
    if (status != RECSYS_ERR_CANCELLED || !t->heard) return status;
    if (t->checkpoint_step >= 0)
        return program_fail(p, status, "cancelled after step %lld of %lld; --resume %s goes on after step %lld", (long long)t->last.step,
                            (long long)p->progress.at.n_steps, file, (long long)t->checkpoint_step);
    return program_fail(p, status, "cancelled after step %lld of %lld; there is no checkpoint", (long long)t->last.step,
                        (long long)p->progress.at.n_steps);
}

static const char *selection(const training *t)
{
    return t->options.select != NULL ? t->options.select : "loss";
}

static void write_epochs(const training *t, json *j)
{
    const curve *c = &t->curve;
    json_begin(j, "epochs", '[');
    for (int64_t i = 0; i < c->count; i++) {
        const curve_row *r = &c->row[i];
        if (r->kind != CURVE_EPOCH || isnan(r->seconds)) continue;
        int looked = i + 1 < c->count && r[1].kind == CURVE_VALIDATION && r[1].step == r->step;
        json_begin(j, NULL, '{');
        json_integer(j, "epoch", r->epoch);
        json_integer(j, "step", r->step);
        json_number(j, "loss", r->loss);
        json_number(j, "seconds", r->seconds);
        json_number(j, "samples_per_second", r->samples_per_second);
        json_number(j, "learning_rate", r->learning_rate);
        json_number(j, "validation", looked ? r[1].validation : (double)NAN);
        json_number(j, "kept", r->kept);
        json_number(j, "dropped", r->dropped);
        json_number(j, "dropped_clean", r->dropped_clean);
        json_number(j, "dropped_noisy", r->dropped_noisy);
        json_number(j, "clean_loss", r->clean_loss);
        json_number(j, "noisy_loss", r->noisy_loss);
        json_end(j, '}');
    }
    json_end(j, ']');
}

recsys_status training_report(training *t, json *j)
{
    program *p = t->p;
    const recsys_training_event *e = &t->last;
    int chosen = t->heard && e->best_step >= 0;
    if (!t->heard) program_say(p, "the checkpoint was at the end of the training: nothing was left to do\n");
    else if (chosen)
        program_say(p, "chosen by %s%s on the validation data: %.6g after step %lld; the training ended after step %lld\n",
                    strcmp(selection(t), "loss") == 0 ? "the " : "", selection(t), e->best, (long long)e->best_step, (long long)e->step);
    else program_say(p, "not chosen by validation: the model after the last step, %lld\n", (long long)e->step);
    if (t->heard) {
        json_integer(j, "steps", e->step);
        json_integer(j, "samples", e->samples);
        json_number(j, "samples_per_second", e->samples_per_second);
    }
    json_text(j, "optimizer", t->optimizer != NULL ? p->settings.optimizer : p->settings.start.count == 2 ? "sgd" : "adam");
    json_text(j, "select", t->valid != NULL ? selection(t) : NULL);
    json_number(j, "best", chosen ? e->best : (double)NAN);
    if (chosen) json_integer(j, "best_step", e->best_step);
    else json_number(j, "best_step", (double)NAN); /* null */
    write_epochs(t, j);
    if (p->settings.plot == NULL) return RECSYS_OK;
    return plot_draw(p, &t->curve, selection(t), chosen ? e->best_step : -1, p->settings.plot);
}

void training_close(training *t)
{
    while (t->n_start > 0) recsys_model_release(t->start[--t->n_start]);
    free(t->start);
    recsys_dataset_release(t->valid);
    recsys_dataset_release(t->verified);
    recsys_optimizer_release(t->optimizer);
    curve_free(&t->curve);
}
