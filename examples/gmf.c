/* gmf.c - GMF by steps: the plain loss against T-CE, and what T-CE leaves out.
 *
 * Generalised matrix factorisation scores a user and an item by a weighted inner product of their vectors. Clicks are noisy: many
 * are no sign of liking. T-CE takes a large loss as a sign of noise and trains without the positives that have it, more of them
 * as the training goes on. Where some events are known to be clean, one can watch how much of what it drops is noise.
 *
 * Usage: gmf [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "gmf: %s\n", exec != NULL ? error.message : recsys_status_text(status));
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
        fprintf(stderr, "gmf: %s\n", error.message);
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
    check(exec, recsys_dataset_k_core(marked, exec, 10, 10, &core));
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

/* Called after steps, validations and epochs; a result other than 0 would end the training. */
static int32_t watch(void *user, const recsys_training_event *e)
{
    (void)user;
    if (e->kind != RECSYS_TRAINING_EPOCH) return 0;
    printf("  epoch %lld: loss %.4f, of clean positives %.4f, of noisy ones %.4f", (long long)e->epoch, e->loss, e->clean_loss,
           e->noisy_loss);
    double dropped = e->dropped_clean + e->dropped_noisy;
    if (dropped > 0.0)
        printf(", %.0f dropped, %.0f %% of them noise (of all positives: %.0f %%)", dropped, 100.0 * e->dropped_noisy / dropped,
               100.0 * e->noisy / (e->clean + e->noisy));
    printf("\n");
    return 0;
}

static void train(recsys_env *env, recsys_exec *exec, const recsys_split *split, const char *text)
{
    recsys_model *model;
    recsys_params *params = make_params(env, "gmf", text), *rule;
    recsys_optimizer *optimizer;
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    check(NULL, recsys_optimizer_params(env, "adam", &rule, NULL));
    check(NULL, recsys_params_set_f64(rule, "lr", 0.005));
    check(exec, recsys_optimizer_create(exec, rule, &optimizer));
    by_steps.optimizer = optimizer;
    by_steps.epochs = 4;
    by_steps.validation = split->valid; /* the model of the best epoch is what comes out */
    by_steps.select = "NDCG@20";
    by_steps.watch = watch;
    options.training = &by_steps;
    printf("%s\n", text);
    check(exec, recsys_model_fit(params, split->train, exec, &options, &model));
    printf("  NDCG@20 %.4f\n", ndcg(exec, model, split));
    recsys_model_release(model), recsys_optimizer_release(optimizer);
    recsys_params_release(params), recsys_params_release(rule);
}

int main(int argc, char **argv)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    read_data(exec, argc > 1 ? argv[1] : "examples/data/entree", &split);
    train(env, exec, &split, "dim=16,loss=bce");
    train(env, exec, &split, "dim=16,loss=t-ce,drop_rate=0.05,num_gradual=400");
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
