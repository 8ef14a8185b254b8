/* embeddings.c - vectors of your own in the same house: evaluated, served and saved like any model.
 *
 * Here they come from the restaurants' features (cuisine, style, price): an item's vector marks its features, a user's is
 * the mean of what he visited. Any other source will do: two arrays of floats, a row for each user and each item.
 *
 * Usage: embeddings [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <recsys/recsys.h>

static void check(const recsys_exec *exec, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_OK) return;
    if (exec != NULL) recsys_exec_last_error(exec, &error);
    fprintf(stderr, "embeddings: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

static float *new_table(int64_t rows, int64_t dim)
{
    float *table = calloc((size_t)(rows * dim), sizeof *table);
    if (table == NULL) exit(1);
    return table;
}

/* One column for each feature, rows of length 1: inner products are cosines then. */
static float *item_vectors(const recsys_dataset *data, int64_t n_items, int64_t dim)
{
    enum { MOST = 64 };
    float *table = new_table(n_items, dim);
    for (int64_t i = 0; i < n_items; i++) {
        int64_t feature[MOST], count;
        check(NULL, recsys_dataset_item_features(data, 0, i, feature, NULL, MOST, &count));
        for (int64_t f = 0; f < count && f < MOST; f++)
            table[i * dim + feature[f]] = 1.0f / sqrtf((float)(count < MOST ? count : MOST));
    }
    return table;
}

static float *user_vectors(const recsys_dataset *train, recsys_exec *exec, const float *items, int64_t n_users, int64_t dim)
{
    enum { MOST = 1024 };
    float *table = new_table(n_users, dim);
    for (int64_t u = 0; u < n_users; u++) {
        int64_t item[MOST], count;
        check(exec, recsys_dataset_history(train, exec, u, item, NULL, MOST, &count));
        for (int64_t e = 0; e < count && e < MOST; e++)
            for (int64_t c = 0; c < dim; c++) table[u * dim + c] += items[item[e] * dim + c] / (float)count;
    }
    return table;
}

static void evaluate(const recsys_model *model, const recsys_dataset *test, recsys_exec *exec)
{
    recsys_evaluator *evaluator;
    recsys_report *report;
    recsys_evaluator_options protocol = RECSYS_EVALUATOR_OPTIONS_INIT;
    double recall, coverage;
    protocol.test = test;
    check(exec, recsys_evaluator_create(exec, &protocol, &evaluator));
    check(exec, recsys_evaluator_run(evaluator, model, exec, &report));
    check(exec, recsys_report_get(report, "RECALL", 10, &recall));
    check(exec, recsys_report_get(report, "COVERAGE_ITEM", 10, &coverage));
    printf("features alone: RECALL@10 %.4f, COVERAGE_ITEM@10 %.4f\n", recall, coverage);
    recsys_report_release(report);
    recsys_evaluator_release(evaluator);
}

static void find_similar(const recsys_model *model, const recsys_dataset *data, recsys_exec *exec)
{
    int64_t best[5];
    float cosine[5];
    check(exec, recsys_model_similar_items(model, exec, 5, 5, best, cosine));
    printf("\nFeatures like those of %s:\n", recsys_dataset_item_name(data, 5));
    for (int r = 0; r < 5; r++)
        printf("  %d. %-32s %.3f\n", r + 1, recsys_dataset_item_name(data, best[r]), (double)cosine[r]);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "examples/data/entree";
    char events[1024], items[1024];
    snprintf(events, sizeof events, "%s/events.tsv.gz", folder);
    snprintf(items, sizeof items, "%s/items.tsv.gz", folder);

    recsys_env *env;
    recsys_exec *exec;
    recsys_dataset *data;
    recsys_split split = RECSYS_SPLIT_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    recsys_feature_info features = RECSYS_FEATURE_INFO_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    format.columns = "user,item";
    format.items = items;
    format.duplicates = RECSYS_DUPLICATES_FIRST;
    check(exec, recsys_dataset_read(exec, events, &format, &data));
    how.method = RECSYS_SPLIT_RANDOM_PER_USER;
    check(exec, recsys_dataset_split(data, exec, &how, &split));
    check(NULL, recsys_dataset_feature_info(data, 0, &features));

    recsys_model *model;
    int64_t n_users = recsys_ids_count(recsys_dataset_users(data)), n_items = recsys_ids_count(recsys_dataset_items(data));
    float *item_table = item_vectors(data, n_items, features.n_features);
    float *user_table = user_vectors(split.train, exec, item_table, n_users, features.n_features);
    check(exec, recsys_model_from_embeddings(split.train, exec, features.n_features, user_table, item_table, NULL, &model));
    free(item_table), free(user_table);

    evaluate(model, split.test, exec);
    find_similar(model, data, exec);
    check(exec, recsys_model_save(model, exec, "embeddings.safetensors", NULL));

    recsys_model_release(model), recsys_split_release(&split), recsys_dataset_release(data);
    recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
