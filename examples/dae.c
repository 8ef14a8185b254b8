/* dae.c - a denoising autoencoder on the areas of a web site that visitors went to, against what is popular; and a visitor whom
 * it has never seen.
 *
 * The network is shown a part of what a visitor went to and gives a probability to every area. It scores by the history alone,
 * so someone new needs no training: the history comes with the question.
 *
 * Usage: dae [FOLDER], a folder with train.tsv.gz and items.tsv.gz as in examples/data/msweb.
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
    fprintf(stderr, "dae: %s\n", exec != NULL ? error.message : recsys_status_text(status));
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
        fprintf(stderr, "dae: %s\n", error.message);
        exit(1);
    }
    return params;
}

/* Visitors with at least three areas; a fifth of the areas of each is hidden. */
static void read_data(recsys_exec *exec, const char *folder, recsys_split *split)
{
    char events[1024], items[1024];
    recsys_dataset *all, *core;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    snprintf(events, sizeof events, "%s/train.tsv.gz", folder);
    snprintf(items, sizeof items, "%s/items.tsv.gz", folder);
    format.columns = "user,item,_";
    format.items = items;
    format.duplicates = RECSYS_DUPLICATES_FIRST;
    how.method = RECSYS_SPLIT_RANDOM_PER_USER;
    check(exec, recsys_dataset_read(exec, events, &format, &all));
    check(exec, recsys_dataset_k_core(all, exec, 3, 1, &core));
    check(exec, recsys_dataset_split(core, exec, &how, split));
    recsys_dataset_release(all), recsys_dataset_release(core);
}

/* NDCG@10 of the hidden areas, all areas being ranked. */
static double ndcg(recsys_exec *exec, const recsys_model *model, const recsys_split *split)
{
    double value;
    int64_t cutoff = 10;
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

/* Someone new who has been to two areas. */
static void recommend_to_someone_new(const recsys_model *model, const recsys_dataset *data, recsys_exec *exec)
{
    int64_t history[2] = { 3, 12 }, best[5];
    float score[5];
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_HISTORY;
    query.history = history;
    query.history_count = 2;
    check(exec, recsys_model_topk(model, exec, &query, 1, 5, NULL, best, score));
    printf("After %s and %s:\n", recsys_dataset_item_name(data, 3), recsys_dataset_item_name(data, 12));
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
    read_data(exec, argc > 1 ? argv[1] : "examples/data/msweb", &split);

    recsys_model *model, *popular;
    recsys_params *none = make_params(env, "top-popular", "");
    recsys_params *params = make_params(env, "dae",
                                        "encoder=100,decoder=0,code_activation=tanh,mask=0.3,rescale=1,normalize=l2,"
                                                    "loss=multinomial");
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    by_steps.epochs = 10;
    by_steps.batch_size = 256; /* visitors */
    options.training = &by_steps;
    check(exec, recsys_model_fit(params, split.train, exec, &options, &model));
    check(exec, recsys_model_fit(none, split.train, exec, NULL, &popular));
    recommend_to_someone_new(model, split.train, exec);
    double of_model = ndcg(exec, model, &split), of_popular = ndcg(exec, popular, &split);
    printf("NDCG@10 %.4f, what is popular %.4f\n", of_model, of_popular);

    recsys_model_release(model), recsys_model_release(popular), recsys_params_release(params), recsys_params_release(none);
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return of_model > of_popular ? 0 : 1;
}
