/* gf_cf.c - GF-CF: what a fit will take, somebody new, similar items, the spectrum.
 *
 * GF-CF smooths a history over the graph of who has what: two hops along interactions, and a low-pass filter made of the
 * leading singular vectors of the normalised interactions. Nothing is trained by steps, and anyone with a history can be
 * served.
 *
 * Usage: gf_cf [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "gf_cf: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

static void print_list(const recsys_dataset *data, const int64_t *item, const float *score, int count)
{
    for (int r = 0; r < count && item[r] >= 0; r++)
        printf("  %d. %-32s %.3f\n", r + 1, recsys_dataset_item_name(data, item[r]), (double)score[r]);
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
    printf("\nAfter %s and %s:\n", recsys_dataset_item_name(data, 1), recsys_dataset_item_name(data, 5));
    print_list(data, best, score, 5);
    check(exec, recsys_model_similar_items(model, exec, 5, 5, best, score));
    printf("\nLike %s:\n", recsys_dataset_item_name(data, 5));
    print_list(data, best, score, 5);
}

/* The square of a singular value is the share that the linear filter leaves of its direction; the low-pass filter takes the
 * first of them whole and leaves the rest out. */
static void print_spectrum(const recsys_model *model, recsys_exec *exec)
{
    static const int64_t shown[] = { 0, 1, 7, 31, 63 };
    float value;
    printf("\nSquared singular values:");
    for (int i = 0; i < 5; i++) {
        check(exec, recsys_model_read_tensor(model, exec, "singular_values", shown[i], 1, &value));
        printf("  %lld: %.3f", (long long)shown[i] + 1, (double)(value * value));
    }
    printf("\n");
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
    limits.seed = 1; /* of the random start of the decomposition */
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, &limits, &exec, NULL));

    recsys_dataset *data, *once;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    format.columns = "user,item";
    format.items = items;
    check(exec, recsys_dataset_read(exec, events, &format, &data));
    check(exec, recsys_dataset_merge_duplicates(data, exec, RECSYS_DUPLICATES_FIRST, &once));

    recsys_params *params;
    recsys_cost cost = RECSYS_COST_INIT;
    recsys_model *model;
    check(NULL, recsys_params_create(env, "gf-cf", &params, NULL));
    check(NULL, recsys_params_set_text(params, "factors=64,alpha=0.3,power_iterations=7"));
    check(exec, recsys_model_cost(params, once, exec, &cost));
    printf("The fit will hold %.1f MB, the model %.1f MB.\n", (double)cost.peak_bytes / 1e6, (double)cost.model_bytes / 1e6);
    check(exec, recsys_model_fit(params, once, exec, NULL, &model));
    printf("Trained with %s.\n", recsys_model_params(model));

    recommend_to_someone_new(model, once, exec);
    print_spectrum(model, exec);

    recsys_model_release(model), recsys_params_release(params), recsys_dataset_release(once), recsys_dataset_release(data);
    recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
