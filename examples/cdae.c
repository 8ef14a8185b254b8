/* cdae.c - CDAE: a visitor's whole row at once, lists for someone new, and colliding inference.
 *
 * The autoencoder sees a part of what a visitor went to and learns to give all of it back. It scores by the history, so someone new
 * can be served without training. Colliding inference mixes a visitor's scores with those of the visitors most like him, likeness
 * being taken from positives known to be clean.
 *
 * Usage: cdae [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "cdae: %s\n", exec != NULL ? error.message : recsys_status_text(status));
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
        fprintf(stderr, "cdae: %s\n", error.message);
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

/* Someone new who has been to two restaurants: the history comes with the query. */
static void recommend_to_someone_new(const recsys_model *model, const recsys_dataset *data, recsys_exec *exec)
{
    int64_t history[2] = { 1, 5 }, best[5];
    float score[5];
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_HISTORY;
    query.history = history;
    query.history_count = 2;
    check(exec, recsys_model_topk(model, exec, &query, 1, 5, NULL, best, score));
    printf("After %s and %s:\n", recsys_dataset_item_name(data, 1), recsys_dataset_item_name(data, 5));
    for (int r = 0; r < 5 && best[r] >= 0; r++)
        printf("  %d. %-32s %.3f\n", r + 1, recsys_dataset_item_name(data, best[r]), (double)score[r]);
}

int main(int argc, char **argv)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    read_data(exec, argc > 1 ? argv[1] : "examples/data/entree", &split);

    recsys_model *model, *colliding;
    recsys_dataset *verified;
    recsys_params *params = make_params(env, "cdae", "hidden=32,dropout=0.3");
    recsys_params *rule;
    recsys_optimizer *adam;
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    check(NULL, recsys_optimizer_params(env, "adam", &rule, NULL));
    check(NULL, recsys_params_set_f64(rule, "lr", 0.01));
    check(exec, recsys_optimizer_create(exec, rule, &adam));
    by_steps.optimizer = adam;
    by_steps.epochs = 8;
    by_steps.batch_size = 64; /* visitors */
    by_steps.validation = split.valid;
    options.training = &by_steps;
    check(exec, recsys_model_fit(params, split.train, exec, &options, &model));
    recommend_to_someone_new(model, split.train, exec);

    check(exec, recsys_dataset_verified(split.train, exec, 0.5, 1, &verified));
    check(exec, recsys_model_with_colliding(model, exec, "colliding=0.3,neighbours=10", verified, &colliding));
    printf("NDCG@20 %.4f, with colliding inference %.4f\n", ndcg(exec, model, &split), ndcg(exec, colliding, &split));

    recsys_model_release(model), recsys_model_release(colliding), recsys_dataset_release(verified);
    recsys_params_release(params), recsys_params_release(rule), recsys_optimizer_release(adam);
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
