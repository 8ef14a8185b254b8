/* ease.c - EASE^R: what a fit will take, parameters, new users, similar items, the learned weights.
 *
 * EASE^R learns one weight for each pair of items, in closed form: how much having item j speaks for item i. A user's score
 * for an item is the sum of the weights from his history, so anyone with a history can be served without training again.
 *
 * Usage: ease [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "ease: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

/* Parameters in their text form; they know their own errors. */
static recsys_params *make_params(recsys_env *env, const char *text)
{
    recsys_params *params;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    check(NULL, recsys_params_create(env, "ease", &params, NULL));
    if (recsys_params_set_text(params, text) != RECSYS_OK) {
        recsys_params_last_error(params, &error);
        fprintf(stderr, "ease: %s\n", error.message);
        exit(1);
    }
    return params;
}

static void print_list(const recsys_dataset *data, const int64_t *item, const float *score, int count)
{
    for (int r = 0; r < count && item[r] >= 0; r++)
        printf("  %d. %-32s %.3f\n", r + 1, recsys_dataset_item_name(data, item[r]), (double)score[r]);
}

/* Someone new who has been to two restaurants. Nothing is trained: the history comes with the query. */
static void recommend_to_someone_new(const recsys_model *model, const recsys_dataset *data, recsys_exec *exec)
{
    int64_t history[2] = { 1, 5 }, best[5];
    float score[5];
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_HISTORY;
    query.history = history;
    query.history_count = 2;
    check(exec, recsys_model_topk(model, exec, &query, 1, 5, NULL, best, score));
    printf("\nAfter %s and %s:\n", recsys_dataset_item_name(data, 1), recsys_dataset_item_name(data, 5));
    print_list(data, best, score, 5);
}

static void find_similar(const recsys_model *model, const recsys_dataset *data, recsys_exec *exec)
{
    int64_t best[5];
    float score[5];
    check(exec, recsys_model_similar_items(model, exec, 5, 5, best, score));
    printf("\nLike %s:\n", recsys_dataset_item_name(data, 5));
    print_list(data, best, score, 5);
}

/* Tensors describe themselves. Those called derived are computed when they are read, a few rows at a time. */
static void list_tensors(const recsys_model *model)
{
    printf("\nTensors:\n");
    for (int64_t i = 0; i < recsys_model_tensor_count(model); i++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        if (recsys_model_tensor_info(model, i, &info) != RECSYS_OK) continue;
        printf("  %-14s %lld", info.name, (long long)info.shape[0]);
        for (int32_t d = 1; d < info.rank; d++) printf(" x %lld", (long long)info.shape[d]);
        printf("%s: %s\n", info.derived ? " (derived)" : "", info.doc);
    }
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "examples/data/entree";
    char events[1024], items[1024];
    snprintf(events, sizeof events, "%s/events.tsv.gz", folder);
    snprintf(items, sizeof items, "%s/items.tsv.gz", folder);

    recsys_env *env;
    recsys_exec *exec;
    recsys_exec_options limits = RECSYS_EXEC_OPTIONS_INIT;
    limits.memory_limit = 1000000000; /* a fit that would need more is refused before it begins */
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, &limits, &exec, NULL));

    recsys_dataset *data;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    format.columns = "user,item";
    format.items = items;
    check(exec, recsys_dataset_read(exec, events, &format, &data));

    recsys_params *params = make_params(env, "l2=50");
    recsys_cost cost = RECSYS_COST_INIT;
    recsys_model *model;
    check(exec, recsys_model_cost(params, data, exec, &cost));
    printf("The fit will hold %.1f MB, the model %.1f MB.\n", (double)cost.peak_bytes / 1e6, (double)cost.model_bytes / 1e6);
    check(exec, recsys_model_fit(params, data, exec, NULL, &model));
    printf("Trained with %s.\n", recsys_model_params(model));

    recommend_to_someone_new(model, data, exec);
    find_similar(model, data, exec);
    list_tensors(model);

    recsys_model_release(model), recsys_params_release(params), recsys_dataset_release(data);
    recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
