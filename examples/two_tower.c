/* two_tower.c - both two-tower models with the features of restaurants, and item vectors for an index of one's own.
 *
 * Type 1 runs layers on the vectors of a visitor and a restaurant side by side; type 2 has a tower for each and an inner
 * product, so that the restaurants' vectors can go into any vector index. A flat index of ten lines here gives the same lists
 * as the library.
 *
 * Usage: two_tower [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <recsys/recsys.h>

enum { LENGTH = 5 };

static void check(const recsys_exec *exec, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_OK) return;
    if (exec != NULL) recsys_exec_last_error(exec, &error);
    fprintf(stderr, "two_tower: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

/* Visits to restaurants; a part of each visitor's is hidden. */
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
    check(exec, recsys_dataset_read(exec, events, &format, &all));
    check(exec, recsys_dataset_k_core(all, exec, 20, 20, &core));
    check(exec, recsys_dataset_split(core, exec, &how, split));
    recsys_dataset_release(all), recsys_dataset_release(core);
}

static recsys_model *train(recsys_exec *exec, const char *name, const char *text, int64_t epochs, const recsys_split *split)
{
    recsys_params *params;
    recsys_model *model;
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    check(NULL, recsys_params_create(recsys_exec_env(exec), name, &params, NULL));
    check(NULL, recsys_params_set_text(params, text));
    by_steps.epochs = epochs;
    by_steps.batch_size = 512; /* the softmax's candidates are the batch's items */
    options.training = &by_steps;
    check(exec, recsys_model_fit(params, split->train, exec, &options, &model));
    recsys_params_release(params);
    return model;
}

/* NDCG@20 on what was hidden, all restaurants being ranked. */
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

/* A tensor of rows x columns in memory of its own. */
static float *read_vectors(recsys_exec *exec, const recsys_model *model, const char *name, int64_t *rows, int64_t *columns)
{
    for (int64_t t = 0; t < recsys_model_tensor_count(model); t++) {
        recsys_tensor_info info = RECSYS_TENSOR_INFO_INIT;
        check(exec, recsys_model_tensor_info(model, t, &info));
        if (strcmp(info.name, name) != 0) continue;
        float *data = malloc((size_t)(info.shape[0] * info.shape[1]) * sizeof *data);
        if (data == NULL) exit(1);
        check(exec, recsys_model_read_tensor(model, exec, name, 0, info.shape[0], data));
        *rows = info.shape[0];
        *columns = info.shape[1];
        return data;
    }
    fprintf(stderr, "two_tower: no %s\n", name);
    exit(1);
}

/* The restaurant whose vector has the largest inner product with the query's. */
static int64_t nearest(const float *query, const float *items, int64_t n_items, int64_t width)
{
    int64_t best = 0;
    double most = -1e30;
    for (int64_t i = 0; i < n_items; i++) {
        double product = 0.0;
        for (int64_t c = 0; c < width; c++) product += (double)query[c] * (double)items[i * width + c];
        if (product > most) {
            most = product;
            best = i;
        }
    }
    return best;
}

static void compare_index(recsys_exec *exec, const recsys_model *model)
{
    int64_t n_users, n_items, width, same = 0, list[LENGTH];
    float *users = read_vectors(exec, model, "user_vector", &n_users, &width);
    float *items = read_vectors(exec, model, "item_vector", &n_items, &width);
    recsys_topk_options everything = RECSYS_TOPK_OPTIONS_INIT;
    everything.keep_seen = 1; /* an index knows nothing of what a visitor has seen */
    for (int64_t u = 0; u < n_users; u++) {
        recsys_query q = RECSYS_QUERY_INIT;
        q.parts = RECSYS_QUERY_USER;
        q.user = u;
        check(exec, recsys_model_topk(model, exec, &q, 1, LENGTH, &everything, list, NULL));
        same += nearest(users + u * width, items, n_items, width) == list[0];
    }
    printf("  %lld vectors of %lld numbers; the flat index and the model agree for %.1f %% of the visitors\n",
           (long long)n_items, (long long)width, 100.0 * (double)same / (double)n_users);
    free(users), free(items);
}

int main(int argc, char **argv)
{
    static const struct { const char *model, *params; int64_t epochs; } trainings[] = {
        { "two-tower-concat", "layers=64:32", 8 },
        { "two-tower-product", "layers=128,objective=in-batch,output=cosine,temperature=0.15", 10 },
    };
    recsys_env *env;
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    read_data(exec, argc > 1 ? argv[1] : "examples/data/entree", &split);
    for (int t = 0; t < 2; t++) {
        recsys_model *model = train(exec, trainings[t].model, trainings[t].params, trainings[t].epochs, &split);
        printf("%s: NDCG@20 %.4f\n", recsys_model_name(model), ndcg(exec, model, &split));
        if (t == 1) compare_index(exec, model);
        recsys_model_release(model);
    }
    recsys_split_release(&split), recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
