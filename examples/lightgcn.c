/* lightgcn.c - LightGCN: embeddings smoothed over the graph of visits, a list for someone new, and neighbours of a restaurant.
 *
 * Every visitor and restaurant is a node of a graph, joined by the visits. The model learns a vector for each node and scores
 * by the mean of what one, two and three steps through the graph bring to it: a restaurant's vector holds what its visitors
 * also like. Someone new joins the graph by his history alone.
 *
 * Usage: lightgcn [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "lightgcn: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

/* Visits to restaurants; visitors and restaurants with little to learn from are left out, and a part is hidden. */
static void read_data(recsys_exec *exec, const char *folder, recsys_split *split)
{
    char events[1024], items[1024];
    recsys_dataset *all, *core;
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
    check(exec, recsys_dataset_k_core(all, exec, 20, 20, &core));
    check(exec, recsys_dataset_split(core, exec, &how, split));
    recsys_dataset_release(all), recsys_dataset_release(core);
}

/* NDCG@20 of the hidden visits, all restaurants being ranked. */
static double ndcg(recsys_exec *exec, const recsys_model *model, const recsys_split *split)
{
    double value;
    int64_t cutoff = 20;
    recsys_evaluator *evaluator;
    recsys_report *report;
    recsys_evaluator_options protocol = RECSYS_EVALUATOR_OPTIONS_INIT;
    protocol.test = split->test;
    protocol.cutoffs = &cutoff;
    protocol.n_cutoffs = 1;
    check(exec, recsys_evaluator_create(exec, &protocol, &evaluator));
    check(exec, recsys_evaluator_run(evaluator, model, exec, &report));
    check(exec, recsys_report_get(report, "NDCG", cutoff, &value));
    recsys_report_release(report), recsys_evaluator_release(evaluator);
    return value;
}

/* The model of the best epoch by NDCG on the validation visits. */
static recsys_model *train(recsys_env *env, recsys_exec *exec, const recsys_split *split, int64_t layers)
{
    recsys_model *model;
    recsys_params *params, *rule;
    recsys_optimizer *adam;
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    check(NULL, recsys_params_create(env, "lightgcn", &params, NULL));
    check(NULL, recsys_params_set_i64(params, "dim", 32));
    check(NULL, recsys_params_set_i64(params, "layers", layers));
    check(NULL, recsys_optimizer_params(env, "adam", &rule, NULL));
    check(NULL, recsys_params_set_f64(rule, "lr", 0.005));
    check(exec, recsys_optimizer_create(exec, rule, &adam));
    by_steps.optimizer = adam;
    by_steps.epochs = 8;
    by_steps.batch_size = 1024;
    by_steps.validation = split->valid;
    by_steps.select = "NDCG@20";
    options.training = &by_steps;
    check(exec, recsys_model_fit(params, split->train, exec, &options, &model));
    recsys_params_release(params), recsys_params_release(rule), recsys_optimizer_release(adam);
    return model;
}

static void print_list(const recsys_dataset *data, const char *title, const int64_t *item, const float *score)
{
    printf("%s\n", title);
    for (int r = 0; r < 5 && item[r] >= 0; r++)
        printf("  %d. %-32s %.3f\n", r + 1, recsys_dataset_item_name(data, item[r]), (double)score[r]);
}

int main(int argc, char **argv)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    read_data(exec, argc > 1 ? argv[1] : "examples/data/entree", &split);

    recsys_model *flat = train(env, exec, &split, 0), *model = train(env, exec, &split, 2);
    printf("NDCG@20: %.4f without propagation, %.4f with two layers\n", ndcg(exec, flat, &split), ndcg(exec, model, &split));

    /* Someone new: the history comes with the query. */
    int64_t history[2] = { 1, 5 }, best[5];
    float score[5];
    char title[160];
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_HISTORY;
    query.history = history;
    query.history_count = 2;
    check(exec, recsys_model_topk(model, exec, &query, 1, 5, NULL, best, score));
    snprintf(title, sizeof title, "After %s and %s:", recsys_dataset_item_name(split.train, 1),
             recsys_dataset_item_name(split.train, 5));
    print_list(split.train, title, best, score);

    /* Neighbours in the propagated space. */
    check(exec, recsys_model_similar_items(model, exec, 1, 5, best, score));
    snprintf(title, sizeof title, "Like %s:", recsys_dataset_item_name(split.train, 1));
    print_list(split.train, title, best, score);

    recsys_model_release(flat), recsys_model_release(model);
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
