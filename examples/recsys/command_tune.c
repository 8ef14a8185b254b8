/* command_tune.c - `recsys tune`: trains a kind of model with many settings and keeps the one that ranks validation data best.
 *
 * Every trial is one call of recsys_model_fit() with the same seed and data. A model that is trained by steps is validated
 * while it trains, and counts with its best look; one with a closed form is evaluated when it is done. The file of trials
 * (tune_trials.c) makes a search resumable: trials are told apart by their numbers, and the values of a trial follow from its
 * number (tune_space.c). A model is saved before its row is written: what the best row says is then always in the file, or a
 * run that goes on does that trial again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "tune.h"

enum { DEFAULT_TRIALS = 20, MOST_GRID = 1000 };

static const char DEFAULT_SELECT[] = "NDCG@10";

/* ---- what was asked for ---- */

static recsys_status new_params(program *p, const char *text, recsys_params **params)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_params_create(p->env, p->settings.operands.word[0], params, &error);
    if (status == RECSYS_OK && text != NULL && *text != '\0') {
        status = recsys_params_set_text(*params, text);
        if (status != RECSYS_OK) recsys_params_last_error(*params, &error);
    }
    if (status == RECSYS_OK || status == RECSYS_ERR_NO_MEMORY) return status;
    return program_usage(p, "%s", error.message);
}

/* Whether the model is trained by steps: asked with data of two users, which costs nothing. */
static recsys_status find_kind(search *s, const recsys_params *params)
{
    static const int64_t users[] = { 1, 1, 2 }, items[] = { 1, 2, 3 };
    recsys_exec *exec = s->p->exec;
    recsys_events events = RECSYS_EVENTS_INIT;
    recsys_dataset_builder *builder = NULL;
    recsys_dataset *data = NULL;
    recsys_trainer *trainer = NULL;
    events.count = 3;
    events.user_ids = users;
    events.item_ids = items;
    recsys_status status = recsys_dataset_builder_create(exec, NULL, &builder);
    if (status == RECSYS_OK) status = recsys_dataset_builder_append(builder, &events);
    if (status == RECSYS_OK) status = recsys_dataset_builder_finish(builder, &data);
    if (status == RECSYS_OK) s->by_steps = recsys_trainer_create(params, data, exec, NULL, &trainer) != RECSYS_ERR_UNSUPPORTED;
    recsys_trainer_release(trainer);
    recsys_dataset_release(data);
    recsys_dataset_builder_release(builder);
    return status;
}

/* "NDCG@20" into its two parts. Only metrics of which more is better and which every list has: those that the library takes for
 * trainings by steps. */
static recsys_status read_select(search *s)
{
    static const char *const known[] = {
        "NDCG", "RECALL", "RECALL_MIN_DEN", "PRECISION", "PRECISION_RECALL_MIN_DEN", "MAP",
        "MAP_MIN_DEN", "MRR", "F1", "HIT_RATE", "ARHR_ALL_HITS", NULL
    };
    program *p = s->p;
    char *end;
    int labelled = data_is_labelled(&p->settings);
    s->select = p->settings.select != NULL ? p->settings.select : labelled ? "loss" : DEFAULT_SELECT;
    if (labelled && strcmp(s->select, "loss") != 0)
        return program_usage(p, "--select: labelled rows have no ranked lists that %s could look at; a classifier is chosen by loss",
                             s->select);
    if (strcmp(s->select, "loss") == 0) {
        if (s->by_steps) return RECSYS_OK;
        return program_usage(
            p, "--select loss is for models that are trained by steps, and %s is not; a metric such as NDCG@20 will do",
            s->space.name);
    }
    const char *at = strchr(s->select, '@');
    if (at == NULL || at == s->select || (size_t)(at - s->select) >= sizeof s->metric)
        return program_usage(p, "--select: \"%s\" is neither loss nor a metric with its cut-off, such as NDCG@20", s->select);
    memcpy(s->metric, s->select, (size_t)(at - s->select));
    s->metric[at - s->select] = '\0';
    s->cutoff = strtoll(at + 1, &end, 10);
    if (end == at + 1 || *end != '\0' || s->cutoff < 1 || s->cutoff > INT32_MAX)
        return program_usage(p, "--select: \"%s\" is not a cut-off of at least 1", at + 1);
    for (int i = 0; known[i] != NULL; i++)
        if (strcmp(known[i], s->metric) == 0) return RECSYS_OK;
    const char *nearest = nearest_word(s->metric, known);
    if (nearest == NULL)
        return program_usage(p, "--select: \"%s\" is no metric of which more is better, such as NDCG@20", s->metric);
    return program_usage(p, "--select: \"%s\" is no metric of which more is better; did you mean \"%s\"?", s->metric, nearest);
}

static recsys_status count_trials(search *s)
{
    program *p = s->p;
    int64_t asked = p->settings.trials, all = s->space.n_combinations;
    int is_grid = p->settings.search_method == TUNE_GRID;
    s->n_trials = asked > 0 ? asked : DEFAULT_TRIALS;
    if (is_grid && all < 0) return program_usage(p, "--search: the grid is too large to be counted");
    if (is_grid && all > (asked > 0 ? asked : MOST_GRID))
        return program_usage(p,
                             "--search: the grid has %lld combinations, more than %lld; --trials %lld allows that many, and "
                             "--method random tries some of them",
                             (long long)all, (long long)(asked > 0 ? asked : MOST_GRID), (long long)all);
    if (is_grid) s->n_trials = all;
    if (!is_grid && all > 0 && all <= s->n_trials && !p->settings.quiet)
        fprintf(stderr, "recsys: notice: the search has %lld combinations only; --method grid tries each of them once\n",
                (long long)all);
    return RECSYS_OK;
}

static recsys_status check_options(search *s)
{
    program *p = s->p;
    const settings *o = &p->settings;
    recsys_params *params = NULL;
    s->space = (tune_space){ .name = o->operands.word[0] };
    recsys_status status = new_params(p, o->params, &params);
    if (status == RECSYS_OK && o->train.count == 0) status = program_usage(p, "--train FILE is missing");
    if (status == RECSYS_OK && o->valid.count == 0)
        status = program_usage(p, "--valid FILE is missing: events held out of training, which the trials are compared by");
    if (status == RECSYS_OK && o->search == NULL)
        status = program_usage(p, "--search KEY=VALUES is missing: what to search; `recsys params %s` lists the parameters",
                               s->space.name);
    if (status == RECSYS_OK) status = training_check(p);
    if (status == RECSYS_OK) status = find_kind(s, params);
    if (status == RECSYS_OK && !s->by_steps && o->first_by_steps != NULL)
        status =
            program_usage(p, "--%s is for models that are trained by steps, and %s is not", o->first_by_steps, s->space.name);
    if (status == RECSYS_OK) status = read_select(s);
    recsys_params_release(params);
    return status;
}

/* ---- what the outcome of a trial depends on ---- */

static void hash_bytes(uint64_t *hash, const void *bytes, size_t count)
{
    const unsigned char *b = bytes; /* FNV-1a */
    for (size_t i = 0; i < count; i++) *hash = (*hash ^ b[i]) * 0x100000001B3u;
}

static void hash_ids(uint64_t *hash, const recsys_ids *ids)
{
    char text[256];
    for (int64_t i = 0; i < recsys_ids_count(ids); i++) {
        int64_t length = recsys_ids_text(ids, i, text, (int64_t)sizeof text);
        hash_bytes(hash, &length, sizeof length);
        hash_bytes(hash, text, length < (int64_t)sizeof text ? (size_t)length : sizeof text - 1);
    }
}

/* Sizes of the feature tables: enough to tell that there are others. */
static void hash_tables(uint64_t *hash, const recsys_dataset *data)
{
    recsys_feature_info info = RECSYS_FEATURE_INFO_INIT;
    int64_t n_items = recsys_dataset_feature_count(data), n_users = recsys_dataset_user_feature_count(data);
    for (int64_t t = 0; t < n_items && recsys_dataset_feature_info(data, t, &info) == RECSYS_OK; t++) {
        hash_bytes(hash, &info.n_features, sizeof info.n_features);
        hash_bytes(hash, &info.n_occurrences, sizeof info.n_occurrences);
    }
    for (int64_t t = 0; t < n_users && recsys_dataset_user_feature_info(data, t, &info) == RECSYS_OK; t++) {
        hash_bytes(hash, &info.n_features, sizeof info.n_features);
        hash_bytes(hash, &info.n_occurrences, sizeof info.n_occurrences);
    }
}

/* "users x items, events, hash of ids, matrix and feature tables" */
static recsys_status write_data(program *p, FILE *to, const char *role, const recsys_dataset *data)
{
    uint64_t hash = 0xCBF29CE484222325u;
    int64_t n_users = recsys_ids_count(recsys_dataset_users(data)), room = recsys_ids_count(recsys_dataset_items(data)), count;
    int64_t *items = program_alloc(p, room, sizeof *items);
    float *values = program_alloc(p, room, sizeof *values);
    recsys_status status = items != NULL && values != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    hash_ids(&hash, recsys_dataset_users(data));
    hash_ids(&hash, recsys_dataset_items(data));
    hash_tables(&hash, data);
    for (int64_t u = 0; u < n_users && status == RECSYS_OK; u++) {
        status = recsys_dataset_history(data, p->exec, u, items, values, room, &count);
        if (status != RECSYS_OK) break;
        hash_bytes(&hash, &count, sizeof count);
        hash_bytes(&hash, items, (size_t)count * sizeof *items);
        hash_bytes(&hash, values, (size_t)count * sizeof *values);
    }
    fprintf(to, "; %s=%lldx%lld:%lld:%016llx", role, (long long)n_users, (long long)room,
            (long long)recsys_dataset_event_count(data), (unsigned long long)hash);
    free(items);
    free(values);
    return status;
}

static recsys_status write_params(program *p, FILE *to, const char *key, const recsys_params *params)
{
    int64_t length = recsys_params_text(params, NULL, 0);
    char *text = program_alloc(p, length + 1, 1);
    if (text == NULL) return RECSYS_ERR_NO_MEMORY;
    recsys_params_text(params, text, length + 1);
    fprintf(to, "; %s=%s", key, text);
    free(text);
    return RECSYS_OK;
}

static recsys_status write_step_settings(search *s, FILE *to)
{
    program *p = s->p;
    const settings *o = &p->settings;
    const recsys_training *t = &s->training.options;
    recsys_params *params = NULL;
    recsys_status status = recsys_optimizer_params(p->env, s->space.optimizer, &params, NULL);
    if (status == RECSYS_OK && s->space.optimizer_params != NULL)
        status = recsys_params_set_text(params, s->space.optimizer_params);
    fprintf(to, "; optimizer=%s", s->space.optimizer);
    if (status == RECSYS_OK) status = write_params(p, to, "optimizer params", params);
    recsys_params_release(params);
    fprintf(to,
            "; epochs=%lld; max-steps=%lld; batch=%lld; negatives=%lld; popularity=%.17g; fixed-negatives=%d; eval-every=%lld; "
            "patience=%lld; validation-negatives=%d; warm-up=%lld; fine-tune=%lld",
            (long long)t->epochs, (long long)t->max_steps, (long long)t->batch_size, (long long)t->n_negatives, t->popularity,
            t->fixed_negatives, (long long)t->validate_every_steps, (long long)t->patience, t->validation_negatives,
            (long long)t->warm_up_epochs, (long long)t->fine_tune_epochs);
    for (int64_t i = 0; i < o->start.count; i++) fprintf(to, "; start=%s", o->start.word[i]);
    if (status == RECSYS_OK && s->training.verified != NULL) status = write_data(p, to, "verified", s->training.verified);
    return status;
}

/* All that as text for the caller to free(). */
static recsys_status describe_settings(search *s, const recsys_params *params, char **text)
{
    program *p = s->p;
    size_t length;
    *text = NULL;
    FILE *to = open_memstream(text, &length);
    if (to == NULL) return program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
    fprintf(to, "model=%s; search=%s; method=%s; seed=%llu; select=%s; without-histories=%d", s->space.name, p->settings.search,
            p->settings.search_method == TUNE_GRID ? "grid" : "random", (unsigned long long)p->settings.seed, s->select,
            p->settings.without_histories);
    recsys_status status = write_params(p, to, "params", params);
    if (status == RECSYS_OK && s->by_steps) status = write_step_settings(s, to);
    if (status == RECSYS_OK) status = write_data(p, to, "train", s->train);
    if (status == RECSYS_OK) status = write_data(p, to, "valid", s->training.valid);
    if (fclose(to) != 0 && status == RECSYS_OK) status = program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
    return status;
}

/* ---- one trial ---- */

static int32_t watch(void *user, const recsys_training_event *e)
{
    search *s = user;
    progress *at = &s->p->progress;
    s->training.heard = 1;
    s->training.last = *e;
    if (e->kind == RECSYS_TRAINING_VALIDATION && e->best_step == e->step) s->epoch = e->epoch;
    if (e->kind != RECSYS_TRAINING_STEP) return 0;
    at->at.epoch = e->epoch < e->n_epochs ? e->epoch + 1 : e->n_epochs;
    at->at.n_epochs = e->n_epochs;
    at->at.step = e->step;
    at->at.n_steps = e->n_steps;
    at->at.loss = e->loss;
    at->at.samples_per_second = e->samples_per_second;
    at->at.left = e->eta_seconds;
    return 0;
}

/* The optimizer of a trial; NULL where nothing about it was said. */
static recsys_status trial_optimizer(search *s, const tune_values *values, recsys_optimizer **optimizer)
{
    program *p = s->p;
    recsys_params *params = NULL;
    *optimizer = NULL;
    if (p->settings.optimizer == NULL && p->settings.start.count == 2) {
        int searched = 0;
        for (int64_t k = 0; k < s->space.count; k++) searched |= s->space.key[k].owner == TUNE_OPTIMIZER;
        if (!searched) return RECSYS_OK; /* the library's own choice for two models to start from */
    }
    char *text = tune_space_text(p, &s->space, TUNE_OPTIMIZER, values);
    if (text == NULL) return RECSYS_ERR_NO_MEMORY;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_optimizer_params(p->env, s->space.optimizer, &params, &error);
    if (status == RECSYS_OK && *text != '\0') status = recsys_params_set_text(params, text);
    if (status == RECSYS_OK) status = recsys_optimizer_create(p->exec, params, optimizer);
    recsys_params_release(params);
    free(text);
    return status;
}

static void set_training(search *s, const tune_values *values, const recsys_optimizer *optimizer, recsys_training *t)
{
    const char *batch = tune_space_training(&s->space, "batch", values);
    const char *negatives = tune_space_training(&s->space, "negatives", values);
    const char *popularity = tune_space_training(&s->space, "popularity", values);
    *t = s->training.options;
    t->optimizer = optimizer;
    t->select = s->select;
    t->watch = watch;
    t->watch_user = s;
    if (batch != NULL) t->batch_size = strtoll(batch, NULL, 10);
    if (negatives != NULL) t->n_negatives = strtoll(negatives, NULL, 10) > 0 ? strtoll(negatives, NULL, 10) : -1;
    if (popularity != NULL) t->popularity = strtod(popularity, NULL);
}

/* The metric on the validation events whose users and items training has: as a training by steps looks at them. */
static recsys_status evaluate(search *s, const recsys_model *model, double *value)
{
    program *p = s->p;
    recsys_evaluator *evaluator = NULL;
    recsys_report *report = NULL;
    recsys_evaluator_options options = RECSYS_EVALUATOR_OPTIONS_INIT;
    options.test = s->training.valid;
    options.known = s->train;
    options.cutoffs = &s->cutoff;
    options.n_cutoffs = 1;
    options.drop_unseen_items = 1;
    recsys_status status = recsys_evaluator_create(p->exec, &options, &evaluator);
    if (status == RECSYS_OK) status = recsys_evaluator_run(evaluator, model, p->exec, &report);
    if (status == RECSYS_OK) status = recsys_report_get(report, s->metric, s->cutoff, value);
    recsys_report_release(report);
    recsys_evaluator_release(evaluator);
    return status;
}

/* Trains a trial's model and measures it. */
static recsys_status train_trial(search *s, trial *row, const recsys_params *params, recsys_model **model)
{
    recsys_optimizer *optimizer = NULL;
    recsys_training how;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    recsys_status status = s->by_steps ? trial_optimizer(s, &row->values, &optimizer) : RECSYS_OK;
    options.without_histories = s->p->settings.without_histories;
    s->training.heard = 0;
    s->epoch = -1;
    if (s->by_steps) {
        set_training(s, &row->values, optimizer, &how);
        options.training = &how;
    }
    if (status == RECSYS_OK) status = recsys_model_fit(params, s->train, s->p->exec, &options, model);
    recsys_optimizer_release(optimizer);
    if (status != RECSYS_OK) return status;
    int looked = s->by_steps && s->training.heard && s->training.last.best_step >= 0;
    if (looked) {
        row->metric = s->training.last.best;
        row->epoch = s->epoch;
        row->step = s->training.last.best_step;
    } else if (s->metric[0] != '\0') {
        status = evaluate(s, *model, &row->metric);
    } else {
        status =
            program_usage(s->p, "--max-steps ends the training before the validation data are looked at; give --eval-every N");
    }
    if (status == RECSYS_OK && !isfinite(row->metric))
        status = program_fail(s->p, RECSYS_ERR_MISSING_DATA, "%s is not defined on the validation data", s->select);
    return status;
}

/* 1 for a failure that has to do with the values of the trial, so that others may succeed. */
static int is_of_trial(recsys_status status)
{
    return status == RECSYS_ERR_NUMERIC || status == RECSYS_ERR_MEMORY_LIMIT || status == RECSYS_ERR_NO_MEMORY ||
           status == RECSYS_ERR_OUT_OF_RANGE || status == RECSYS_ERR_INVALID_ARGUMENT || status == RECSYS_ERR_TOO_LARGE;
}

/* Does a trial. One that fails for what it tries is a row too. */
static recsys_status run_trial(search *s, trial *row, recsys_model **model)
{
    program *p = s->p;
    char subject[64];
    int quiet = p->progress.quiet;
    recsys_params *params = NULL;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    *model = NULL;
    row->metric = (double)NAN;
    row->epoch = row->step = -1;
    snprintf(subject, sizeof subject, "trial %lld/%lld", (long long)row->number, (long long)s->n_trials);
    progress_subject(&p->progress, subject);
    p->progress.quiet = quiet || !p->progress.terminal; /* elsewhere one line for each trial will do */
    p->progress.training = s->by_steps;
    double began = clock_seconds();
    char *text = tune_space_text(p, &s->space, TUNE_MODEL, &row->values);
    recsys_status status = text != NULL ? new_params(p, text, &params) : RECSYS_ERR_NO_MEMORY;
    free(text);
    if (status == RECSYS_OK) status = train_trial(s, row, params, model);
    row->seconds = clock_seconds() - began;
    recsys_params_release(params);
    progress_subject(&p->progress, NULL);
    p->progress.training = 0;
    p->progress.quiet = quiet;
    if (status == RECSYS_OK || p->message[0] != '\0' || !is_of_trial(status)) return status;
    recsys_exec_last_error(p->exec, &error);
    row->outcome = TRIAL_FAILED;
    snprintf(row->note, sizeof row->note, "%s", error.message);
    return RECSYS_OK;
}

static recsys_status save_model(search *s, const recsys_model *model)
{
    program *p = s->p;
    recsys_save_options save = RECSYS_SAVE_OPTIONS_INIT;
    save.without_histories = p->settings.without_histories;
    return recsys_model_save(model, p->exec, p->settings.out, &save);
}

/* ---- the search ---- */

/* "dim=16,lr=0.01" */
static void values_text(const search *s, const trial *row, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (int64_t k = 0; k < s->space.count && length < size; k++)
        length += (size_t)snprintf(text + length, size - length, "%s%s=%s", k > 0 ? "," : "", s->space.key[k].name,
                                   row->values.text[k]);
}

/* "trial 3/20: NDCG@20 0.1234, best 0.1300 (trial 1), 2.1 s, about 0:40 left: dim=16,lr=0.01" */
static void say_trial(const search *s, const trial *row)
{
    char values[512];
    const trial *best = trials_best(&s->trials);
    if (s->p->settings.quiet) return;
    values_text(s, row, values, sizeof values);
    fprintf(stderr, "trial %lld/%lld: ", (long long)row->number, (long long)s->n_trials);
    if (row->outcome == TRIAL_FAILED) fprintf(stderr, "failed: %s", row->note);
    else if (row->outcome == TRIAL_REPEAT) fprintf(stderr, "the values of %s", row->note);
    else fprintf(stderr, "%s %.6g", s->select, row->metric);
    if (best != NULL && best->number != row->number)
        fprintf(stderr, ", best %.6g (trial %lld)", best->metric, (long long)best->number);
    if (row->outcome != TRIAL_REPEAT) fprintf(stderr, ", %.1f s", row->seconds);
    int64_t left = 0;
    for (int64_t n = 1; n <= s->n_trials; n++) left += trials_find(&s->trials, n) == NULL;
    double seconds = s->n_done > 0 ? (double)left * s->seconds / (double)s->n_done : 0.0;
    if (seconds >= 1.0) fprintf(stderr, ", about %.0f:%02.0f left", floor(seconds / 60.0), floor(fmod(seconds, 60.0)));
    fprintf(stderr, ": %s\n", values);
}

static recsys_status next_trial(search *s, int64_t number)
{
    trial row = { .number = number, .metric = (double)NAN, .epoch = -1, .step = -1 };
    recsys_model *model = NULL;
    recsys_status status = RECSYS_OK;
    const settings *o = &s->p->settings;
    tune_space_values(&s->space, o->search_method == TUNE_GRID, o->seed, number, &row.values);
    const trial *like = trials_like(&s->trials, &row.values);
    if (like != NULL) {
        row.outcome = TRIAL_REPEAT;
        row.metric = like->metric;
        row.epoch = like->epoch;
        row.step = like->step;
        snprintf(row.note, sizeof row.note, "trial %lld", (long long)like->number);
    } else {
        status = run_trial(s, &row, &model);
        s->seconds += row.seconds;
        s->n_done++;
    }
    if (status == RECSYS_OK && o->out != NULL && trial_is_better(&s->trials, &row, trials_best(&s->trials)))
        status = save_model(s, model);
    recsys_model_release(model);
    if (status == RECSYS_OK) status = trials_add(s->p, &s->trials, &row);
    if (status == RECSYS_OK) say_trial(s, &row);
    return status;
}

/* 1 if the file of --out holds a model with the parameters of the trial. */
static int holds_model(search *s, const trial *best)
{
    program *p = s->p;
    recsys_load_options options = RECSYS_LOAD_OPTIONS_INIT;
    recsys_model *model = NULL;
    recsys_params *params = NULL;
    char *text = tune_space_text(p, &s->space, TUNE_MODEL, &best->values), *full = NULL;
    int same = 0;
    options.verify = RECSYS_VERIFY_HEADER;
    if (access(p->settings.out, R_OK) == 0 && recsys_model_load(p->exec, p->settings.out, &options, &model) == RECSYS_OK &&
        text != NULL && new_params(p, text, &params) == RECSYS_OK) {
        int64_t length = recsys_params_text(params, NULL, 0);
        full = program_alloc(p, length + 1, 1);
        if (full != NULL) recsys_params_text(params, full, length + 1);
        same = full != NULL && strcmp(recsys_model_name(model), s->space.name) == 0 &&
               strcmp(recsys_model_params(model), full) == 0;
    }
    progress_end(&p->progress);
    free(text);
    free(full);
    recsys_params_release(params);
    recsys_model_release(model);
    return same;
}

/* A best trial of an earlier run has its model in the file already, unless somebody took it away. */
static recsys_status restore_model(search *s)
{
    const trial *best = trials_best(&s->trials);
    recsys_model *model = NULL;
    program *p = s->p;
    if (best == NULL || !best->earlier || p->settings.out == NULL || holds_model(s, best)) return RECSYS_OK;
    fprintf(stderr, "recsys: notice: %s does not hold the model of trial %lld: it is trained again\n", p->settings.out,
            (long long)best->number);
    trial again = *best;
    recsys_status status = run_trial(s, &again, &model);
    if (status == RECSYS_OK && model == NULL) status = program_fail(p, RECSYS_ERR_NUMERIC, "%s", again.note);
    if (status == RECSYS_OK) status = save_model(s, model);
    recsys_model_release(model);
    return status;
}

static recsys_status run_search(search *s)
{
    recsys_status status = RECSYS_OK;
    for (int64_t number = 1; number <= s->n_trials && status == RECSYS_OK; number++) {
        if (program_interrupted()) status = RECSYS_ERR_CANCELLED;
        else if (trials_find(&s->trials, number) == NULL) status = next_trial(s, number);
    }
    if (status == RECSYS_OK) status = restore_model(s);
    progress_end(&s->p->progress);
    return status;
}

/* ---- the whole ---- */

/* Says how far a search came that was cancelled, and how it goes on. */
static recsys_status cancelled(search *s)
{
    program *p = s->p;
    int64_t done = s->trials.count;
    recsys_status status = tune_report(s, 0);
    if (status != RECSYS_OK) return status;
    if (p->settings.trials_out == NULL)
        return program_fail(p, RECSYS_ERR_CANCELLED,
                            "cancelled after %lld of %lld trials; there is no --trials-out to go on from", (long long)done,
                            (long long)s->n_trials);
    return program_fail(p, RECSYS_ERR_CANCELLED, "cancelled after %lld of %lld trials; the same command goes on from %s",
                        (long long)done, (long long)s->n_trials, p->settings.trials_out);
}

static recsys_status open_search(search *s)
{
    program *p = s->p;
    recsys_params *params = NULL;
    char *settings_text = NULL;
    recsys_dataset *valid = NULL;
    recsys_status status = data_read_training(p, &s->train, &valid);
    if (status == RECSYS_OK) status = new_params(p, p->settings.params, &params);
    /* Events known to be clean have a use if colliding inference is searched. */
    for (int64_t k = 0; k < s->space.count && status == RECSYS_OK; k++)
        if (s->space.key[k].owner == TUNE_MODEL && strcmp(s->space.key[k].key, "colliding") == 0)
            status = recsys_params_set_f64(params, "colliding", 0.5);
    const char *optimizer = p->settings.optimizer;
    p->settings.optimizer = NULL; /* each trial makes its own: what is fixed may be complete only with what is searched */
    if (status == RECSYS_OK) status = training_open(p, &s->training, params, s->train, valid);
    recsys_dataset_release(valid);
    p->settings.optimizer = optimizer;
    p->progress.training = 0;
    if (status == RECSYS_OK) status = describe_settings(s, params, &settings_text);
    recsys_params_release(params);
    if (status != RECSYS_OK) {
        free(settings_text);
        return status;
    }
    return trials_open(p, &s->trials, &s->space, s->select, settings_text);
}

recsys_status command_tune(program *p)
{
    search s = { .p = p, .trials = { .descriptor = -1 } };
    recsys_status status = check_options(&s);
    if (status == RECSYS_OK) status = tune_space_open(p, &s.space, s.by_steps);
    if (status == RECSYS_OK) status = count_trials(&s);
    if (status == RECSYS_OK) status = open_search(&s);
    int began = status == RECSYS_OK;
    if (status == RECSYS_OK) status = run_search(&s);
    if (status == RECSYS_OK) status = tune_report(&s, 1);
    else if (began && status == RECSYS_ERR_CANCELLED && p->message[0] == '\0') status = cancelled(&s);
    training_close(&s.training);
    trials_close(&s.trials);
    tune_space_close(&s.space);
    recsys_dataset_release(s.train);
    return status;
}
