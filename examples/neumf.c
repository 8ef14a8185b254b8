/* neumf.c - NeuMF from a GMF and an MLP that were trained before, and fine-tuning on what is known to be clean.
 *
 * NeuMF joins both models under one last layer. Trained from random numbers it is slower to learn than from its two parts. In the
 * end it is trained a little on verified positives alone, as if someone had looked through a fifth of the clean events.
 *
 * Usage: neumf [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "neumf: %s\n", exec != NULL ? error.message : recsys_status_text(status));
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
        fprintf(stderr, "neumf: %s\n", error.message);
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

static recsys_optimizer *make_optimizer(recsys_env *env, recsys_exec *exec, const char *name, const char *text)
{
    recsys_params *rule;
    recsys_optimizer *optimizer;
    check(NULL, recsys_optimizer_params(env, name, &rule, NULL));
    check(NULL, recsys_params_set_text(rule, text));
    check(exec, recsys_optimizer_create(exec, rule, &optimizer));
    recsys_params_release(rule);
    return optimizer;
}

static recsys_model *train(recsys_env *env, recsys_exec *exec, const recsys_split *split, const char *name, const char *text,
                           const recsys_training *by_steps)
{
    recsys_model *model;
    recsys_params *params = make_params(env, name, text);
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    options.training = by_steps;
    check(exec, recsys_model_fit(params, split->train, exec, &options, &model));
    printf("%-6s NDCG@20 %.4f\n", name, ndcg(exec, model, split));
    recsys_params_release(params);
    return model;
}

int main(int argc, char **argv)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    read_data(exec, argc > 1 ? argv[1] : "examples/data/entree", &split);

    recsys_optimizer *adam = make_optimizer(env, exec, "adam", "lr=0.01");
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    by_steps.epochs = 6;
    by_steps.optimizer = adam;
    by_steps.validation = split.valid;
    recsys_model *gmf = train(env, exec, &split, "gmf", "dim=4", &by_steps);
    recsys_model *mlp = train(env, exec, &split, "mlp", "dim=4,layers=2", &by_steps);

    recsys_dataset *verified;
    /* Adam's moments would mean nothing at the start. */
    recsys_optimizer *sgd = make_optimizer(env, exec, "sgd", "lr=0.5,momentum=0.9");
    const recsys_model *parts[] = { gmf, mlp };
    check(exec, recsys_dataset_verified(split.train, exec, 0.2, 1, &verified));
    by_steps.optimizer = sgd;
    by_steps.start = parts;
    by_steps.n_start = 2;
    by_steps.verified = verified;
    by_steps.fine_tune_epochs = 1;
    recsys_model *both = train(env, exec, &split, "neumf", "dim=4,layers=2", &by_steps);

    recsys_model_release(both), recsys_model_release(gmf), recsys_model_release(mlp);
    recsys_optimizer_release(adam), recsys_optimizer_release(sgd), recsys_dataset_release(verified);
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
