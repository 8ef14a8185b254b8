/* mlp_classifier.c - a small network tells species of iris from four measurements of a flower.
 *
 * 150 flowers of three species; 80 % of them train a network of 4, 16, 32 and 3 units by plain gradient descent, the rest says
 * how well it does on flowers that it has not seen. Twenty seeds show how much of that is luck.
 *
 * Usage: mlp_classifier [FILE], a file like examples/data/iris/iris.csv.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <recsys/recsys.h>

enum { N_SEEDS = 20, N_FEATURES = 4, N_CLASSES = 3 };

static void check(const recsys_exec *exec, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_OK) return;
    if (exec != NULL) recsys_exec_last_error(exec, &error);
    fprintf(stderr, "mlp_classifier: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

static recsys_model *train(recsys_env *env, recsys_exec *exec, const recsys_dataset *rows)
{
    recsys_model *model;
    recsys_params *params, *rule;
    recsys_optimizer *optimizer;
    recsys_training by_steps = RECSYS_TRAINING_INIT;
    recsys_fit_options options = RECSYS_FIT_OPTIONS_INIT;
    check(NULL, recsys_params_create(env, "mlp-classifier", &params, NULL));
    check(NULL, recsys_params_set_text(params, "layers=16:32"));
    check(NULL, recsys_optimizer_params(env, "sgd", &rule, NULL));
    check(NULL, recsys_params_set_f64(rule, "lr", 0.01));
    check(exec, recsys_optimizer_create(exec, rule, &optimizer));
    by_steps.optimizer = optimizer;
    by_steps.epochs = 100;
    by_steps.batch_size = 32;
    options.training = &by_steps;
    check(exec, recsys_model_fit(params, rows, exec, &options, &model));
    recsys_optimizer_release(optimizer), recsys_params_release(params), recsys_params_release(rule);
    return model;
}

/* One start: split, train, classify. The last one shows more. */
static double one_seed(recsys_env *env, const recsys_dataset *flowers, uint64_t seed, double *test)
{
    recsys_exec *exec;
    recsys_split split = RECSYS_SPLIT_INIT;
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    recsys_exec_options work = RECSYS_EXEC_OPTIONS_INIT;
    recsys_classification seen = RECSYS_CLASSIFICATION_INIT, unseen = RECSYS_CLASSIFICATION_INIT;
    int64_t confusion[N_CLASSES * N_CLASSES];
    how.method = RECSYS_SPLIT_RANDOM;
    how.test_share = 0.2;
    how.seed = work.seed = seed;
    check(NULL, recsys_exec_create(env, &work, &exec, NULL));
    check(exec, recsys_dataset_split(flowers, exec, &how, &split));
    recsys_model *model = train(env, exec, split.train);
    check(exec, recsys_model_classify(model, exec, split.train, &seen, NULL, NULL));
    check(exec, recsys_model_classify(model, exec, split.test, &unseen, confusion, NULL));
    *test = unseen.accuracy;
    if (seed == N_SEEDS) {
        const float flower[N_FEATURES] = { 5.9f, 3.0f, 4.2f, 1.5f };
        float p[N_CLASSES];
        recsys_query query = RECSYS_QUERY_INIT;
        printf("seed %d, flowers not seen in training (rows: species, columns: answers)\n", N_SEEDS);
        for (int c = 0; c < N_CLASSES; c++)
            printf("  %3lld %3lld %3lld\n", (long long)confusion[3 * c], (long long)confusion[3 * c + 1],
                   (long long)confusion[3 * c + 2]);
        query.parts = RECSYS_QUERY_FEATURES;
        query.features = flower;
        query.n_features = N_FEATURES;
        check(exec, recsys_model_score(model, exec, &query, 1, p));
        printf("a flower of 5.9, 3.0, 4.2, 1.5:");
        for (int c = 0; c < N_CLASSES; c++) {
            char name[32];
            recsys_ids_text(recsys_model_items(model), c, name, sizeof name);
            printf(" %s %.3f", name, (double)p[c]);
        }
        printf("\n");
    }
    recsys_model_release(model), recsys_split_release(&split), recsys_exec_release(exec);
    return seen.accuracy;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, N_SEEDS, sizeof *values, ascending);
    return 0.5 * (values[N_SEEDS / 2 - 1] + values[N_SEEDS / 2]);
}

int main(int argc, char **argv)
{
    recsys_env *env;
    recsys_exec *exec;
    recsys_dataset *flowers;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    double seen[N_SEEDS], unseen[N_SEEDS];
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));
    format.columns = "feature,feature,feature,feature,label";
    check(exec, recsys_dataset_read(exec, argc > 1 ? argv[1] : "examples/data/iris/iris.csv", &format, &flowers));
    for (int s = 0; s < N_SEEDS; s++) seen[s] = one_seed(env, flowers, (uint64_t)s + 1, &unseen[s]);
    double typical = median(seen);
    printf("accuracy, median of %d seeds: %.4f on the training rows (%.4f to %.4f), %.4f on the others\n", N_SEEDS, typical,
           seen[0], seen[N_SEEDS - 1], median(unseen));
    recsys_dataset_release(flowers), recsys_exec_release(exec), recsys_env_release(env);
    return typical < 0.95; /* far from what this network reaches: something is wrong */
}
