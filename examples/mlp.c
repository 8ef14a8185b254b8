/* mlp.c - MLP with a training loop of one's own: steps, looks at the validation data, an early end.
 *
 * The vectors of a user and an item go through layers that halve in width. recsys_model_fit() would run the whole training; here a
 * recsys_trainer takes one step at a time, and the program decides what comes in between.
 *
 * Usage: mlp [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <recsys/recsys.h>

static void check(const recsys_exec *exec, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_OK) return;
    if (exec != NULL) recsys_exec_last_error(exec, &error);
    fprintf(stderr, "mlp: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

/* Parameters in their text form; they know their own errors. */
static recsys_params *make_params(recsys_env *env, const char *model, const char *text)
{
    recsys_params *params;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    check(NULL, recsys_params_create(env, model, &params, NULL));
    if (recsys_params_set_text(params, text) != RECSYS_OK) {
        recsys_params_last_error(params, &error);
        fprintf(stderr, "mlp: %s\n", error.message);
        exit(1);
    }
    return params;
}

/* Visits to restaurants: clean are those at which the visitor stayed, noisy those that were only looked at. The events of
 * visitors and restaurants with little to learn from are left out, and a part is hidden. */
static void read_data(recsys_exec *exec, const char *folder, recsys_split *split)
{
    char events[1024], items[1024];
    recsys_dataset *all, *marked, *core;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    snprintf(events, sizeof events, "%s/events.tsv.gz", folder);
    snprintf(items, sizeof items, "%s/items.tsv.gz", folder);
    format.columns = "user,item,behaviour,time,session";
    format.items = items;
    format.duplicates = RECSYS_DUPLICATES_LAST;
    how.method = RECSYS_SPLIT_RANDOM_PER_USER;
    how.valid_share = 0.1;
    check(exec, recsys_dataset_read(exec, events, &format, &all));
    check(exec, recsys_dataset_mark(all, exec, "behaviour==end", &marked));
    check(exec, recsys_dataset_k_core(marked, exec, 20, 20, &core));
    check(exec, recsys_dataset_split(core, exec, &how, split));
    recsys_dataset_release(all), recsys_dataset_release(marked), recsys_dataset_release(core);
}

/* NDCG@20 of the chosen restaurants among the hidden ones, all restaurants being ranked. */
static double ndcg(recsys_exec *exec, const recsys_model *model, const recsys_split *split)
{
    double value;
    int64_t cutoff = 20;
    recsys_dataset *chosen;
    recsys_evaluator *evaluator;
    recsys_report *report;
    recsys_evaluator_options protocol = RECSYS_EVALUATOR_OPTIONS_INIT;
    check(exec, recsys_dataset_of_flag(split->test, exec, 1, &chosen));
    protocol.test = chosen;
    protocol.cutoffs = &cutoff;
    protocol.n_cutoffs = 1;
    check(exec, recsys_evaluator_create(exec, &protocol, &evaluator));
    check(exec, recsys_evaluator_run(evaluator, model, exec, &report));
    check(exec, recsys_report_get(report, "NDCG", cutoff, &value));
    recsys_report_release(report), recsys_evaluator_release(evaluator), recsys_dataset_release(chosen);
    return value;
}

/* Steps until the validation loss has not become better for three looks, or until there are no more. */
static void train(recsys_exec *exec, recsys_trainer *trainer, int64_t between)
{
    recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
    double best = 1e30, value;
    int worse = 0;
    do {
        check(exec, recsys_trainer_step(trainer, NULL, 0, &e)); /* NULL: a batch that the library draws */
        if (e.step % between != 0) continue;
        check(exec, recsys_trainer_validate(trainer, &value));
        printf("  step %lld: loss of the batch %.4f, on the validation data %.4f\n", (long long)e.step, e.loss, value);
        worse = value < best ? 0 : worse + 1;
        if (value < best) best = value;
    } while (worse < 3 && e.step < e.n_steps);
}

/* The caller may bring batches too: here the first user says that he does not want the first item. */
static void one_step_of_ones_own(recsys_exec *exec, recsys_trainer *trainer)
{
    int64_t user = 0, item = 0;
    float label = 0.0f;
    recsys_training_event e = RECSYS_TRAINING_EVENT_INIT;
    recsys_batch_input batch[] = { { "users", &user, 1 }, { "items", &item, 1 }, { "labels", &label, 1 } };
    check(exec, recsys_trainer_step(trainer, batch, 3, &e));
    printf("  a batch of one's own: loss %.4f\n", e.loss);
}

int main(int argc, char **argv)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    read_data(exec, argc > 1 ? argv[1] : "examples/data/entree", &split);

    recsys_model *model;
    recsys_trainer *trainer;
    recsys_params *params = make_params(env, "mlp", "dim=8,layers=2,dropout=0.1,loss=r-ce,alpha=0.1");
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    by_steps.epochs = 3;
    by_steps.batch_size = 2048;
    by_steps.validation = split.valid;
    options.training = &by_steps;
    check(exec, recsys_trainer_create(params, split.train, exec, &options, &trainer));
    one_step_of_ones_own(exec, trainer);
    train(exec, trainer, 50);
    check(exec, recsys_trainer_model(trainer, 0, &model)); /* as it is now */
    printf("%s: NDCG@20 %.4f\n", recsys_model_name(model), ndcg(exec, model, &split));

    recsys_model_release(model), recsys_trainer_release(trainer), recsys_params_release(params);
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
