/* command_train.c - `recsys train`: from files of events to a model file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>

#include "data.h"
#include "json.h"
#include "table.h"
#include "training.h"

/* Parameters of the model that is named, with those of --params set. They know best what was wrong. */
static recsys_status make_params(program *p, recsys_params **params)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_params_create(p->env, p->settings.operands.word[0], params, &error);
    if (status == RECSYS_OK && p->settings.params != NULL) {
        status = recsys_params_set_text(*params, p->settings.params);
        if (status != RECSYS_OK) recsys_params_last_error(*params, &error);
    }
    if (status == RECSYS_OK || status == RECSYS_ERR_NO_MEMORY) return status;
    return program_usage(p, "%s", error.message);
}

/* Most memory that the process ever held, as the system counts it (in KiB). */
static int64_t resident_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

static recsys_status print_cost(program *p, const recsys_params *params, const recsys_dataset *train)
{
    char peak[24], size[24];
    json j;
    recsys_cost cost = RECSYS_COST_INIT;
    recsys_status status = recsys_model_cost(params, train, p->exec, &cost);
    if (status == RECSYS_OK) status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    size_text(peak, cost.peak_bytes), size_text(size, cost.model_bytes);
    if (cost.flops > 0.0)
        program_say(p, "the training would hold %s beyond the data and compute %.3g floating-point operations; the model takes %s\n",
                    peak, cost.flops, size);
    else
        program_say(p, "the training would hold about %s beyond the data, with batches of the default size; the model takes %s\n",
                    peak, size);
    json_integer(&j, "peak_bytes", cost.peak_bytes);
    json_integer(&j, "model_bytes", cost.model_bytes);
    json_number(&j, "flops", cost.flops);
    return json_close(p, &j, status);
}

/* `by_steps` is NULL for a model that has a closed form. */
static recsys_status print_outcome(program *p, const recsys_model *model, const recsys_statistics *s, double seconds, training *by_steps)
{
    char peak[24];
    json j;
    recsys_memory_info memory = RECSYS_MEMORY_INFO_INIT;
    recsys_status status = recsys_exec_memory(p->exec, &memory);
    if (status == RECSYS_OK) status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    program_say(p, "%s: %s, trained on %lld users x %lld items with %lld interactions in %.2f s, peak memory %s\n", p->settings.out,
                recsys_model_name(model), (long long)s->n_users, (long long)s->n_items, (long long)s->n_interactions, seconds,
                size_text(peak, memory.peak));
    json_text(&j, "model", recsys_model_name(model));
    json_text(&j, "params", recsys_model_params(model));
    json_integer(&j, "users", s->n_users);
    json_integer(&j, "items", s->n_items);
    json_integer(&j, "interactions", s->n_interactions);
    json_number(&j, "seconds", seconds);
    json_integer(&j, "peak_bytes", memory.peak);
    json_integer(&j, "rss_bytes", resident_bytes());
    json_integer(&j, "threads", recsys_exec_threads(p->exec));
    if (by_steps != NULL) status = training_report(by_steps, &j);
    return json_close(p, &j, status);
}

/* Trains by steps if the model is one that is trained so, else by its closed form: then `*by_steps` becomes 0. */
static recsys_status fit(program *p, const recsys_params *params, const recsys_dataset *train, training *t, int *by_steps,
                         recsys_model **model)
{
    const char *name = p->settings.operands.word[0], *given = p->settings.first_by_steps;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    options.without_histories = p->settings.without_histories;
    options.training = &t->options;
    recsys_status status = training_end(t, recsys_model_fit(params, train, p->exec, &options, model));
    *by_steps = status != RECSYS_ERR_UNSUPPORTED;
    p->usage = status == RECSYS_ERR_UNKNOWN_KEY; /* --select */
    if (*by_steps) return status;
    if (given != NULL) return program_usage(p, "--%s is for models that are trained by steps, and %s is not", given, name);
    options.training = NULL;
    status = recsys_model_fit(params, train, p->exec, &options, model);
    p->usage = status == RECSYS_ERR_UNSUPPORTED; /* the model that was named is of a kind that is not trained */
    return status;
}

static recsys_status fit_and_save(program *p, recsys_params *params, const recsys_dataset *train, recsys_dataset *valid)
{
    int by_steps = 0;
    training t;
    recsys_model *model = NULL;
    recsys_save_options save = RECSYS_SAVE_OPTIONS_INIT;
    recsys_statistics statistics = RECSYS_STATISTICS_INIT;
    recsys_status status = training_open(p, &t, params, train, valid);
    if (status == RECSYS_OK) status = recsys_dataset_statistics(train, p->exec, &statistics);
    save.without_histories = p->settings.without_histories;
    double began = clock_seconds();
    if (status == RECSYS_OK) status = fit(p, params, train, &t, &by_steps, &model);
    double seconds = clock_seconds() - began;
    progress_subject(&p->progress, p->settings.out);
    if (status == RECSYS_OK) status = recsys_model_save(model, p->exec, p->settings.out, &save);
    progress_subject(&p->progress, NULL);
    if (status == RECSYS_OK) status = print_outcome(p, model, &statistics, seconds, by_steps ? &t : NULL);
    recsys_model_release(model);
    training_close(&t);
    return status;
}

recsys_status command_train(program *p)
{
    const settings *s = &p->settings;
    recsys_params *params = NULL;
    recsys_dataset *train = NULL, *valid = NULL;
    recsys_status status = make_params(p, &params);
    if (status == RECSYS_OK && s->train.count == 0) status = program_usage(p, "--train FILE is missing");
    if (status == RECSYS_OK && s->out == NULL && !s->dry_run)
        status = program_usage(p, "--out FILE is missing: where the model goes");
    if (status == RECSYS_OK) status = training_check(p);
    if (status == RECSYS_OK) status = data_read_training(p, &train, &valid);
    if (status == RECSYS_OK) status = s->dry_run ? print_cost(p, params, train) : fit_and_save(p, params, train, valid);
    recsys_dataset_release(valid);
    recsys_dataset_release(train);
    recsys_params_release(params);
    return status;
}
