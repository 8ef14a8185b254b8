/* quickstart.c - read, split, train, evaluate, recommend, save, load: the whole way on one page.
 *
 * Usage: quickstart [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <recsys/recsys.h>

/* Every call returns a status; the exec keeps the message of the last failure. Here any failure ends the program. */
static void check(const recsys_exec *exec, recsys_status status)
{
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_OK) return;
    if (exec != NULL) recsys_exec_last_error(exec, &error);
    fprintf(stderr, "quickstart: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "examples/data/entree";
    char events[1024], items[1024];
    snprintf(events, sizeof events, "%s/events.tsv.gz", folder);
    snprintf(items, sizeof items, "%s/items.tsv.gz", folder);

    recsys_env *env; /* allocator, log, devices */
    recsys_exec *exec; /* threads, memory limit, errors: one for each thread of yours */
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));

    recsys_dataset *data; /* who visited which restaurant, each once */
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    format.columns = "user,item";
    format.items = items;
    format.duplicates = RECSYS_DUPLICATES_FIRST;
    check(exec, recsys_dataset_read(exec, events, &format, &data));

    recsys_split split = RECSYS_SPLIT_INIT; /* hide a fifth of what each user visited */
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    how.method = RECSYS_SPLIT_RANDOM_PER_USER;
    check(exec, recsys_dataset_split(data, exec, &how, &split));

    recsys_params *params;
    recsys_model *model;
    check(NULL, recsys_params_create(env, "ease", &params, NULL));
    check(NULL, recsys_params_set_f64(params, "l2", 50.0));
    check(exec, recsys_model_fit(params, split.train, exec, NULL, &model));

    recsys_evaluator *evaluator; /* can the model find what was hidden? */
    recsys_report *report;
    recsys_evaluator_options protocol = RECSYS_EVALUATOR_OPTIONS_INIT;
    double recall;
    protocol.test = split.test;
    check(exec, recsys_evaluator_create(exec, &protocol, &evaluator));
    check(exec, recsys_evaluator_run(evaluator, model, exec, &report));
    check(exec, recsys_report_get(report, "RECALL", 10, &recall));
    printf("RECALL@10 %.4f\n", recall);

    check(exec, recsys_model_save(model, exec, "quickstart.safetensors", NULL));
    recsys_model_release(model);
    check(exec, recsys_model_load(exec, "quickstart.safetensors", NULL, &model));

    recsys_query query = RECSYS_QUERY_INIT; /* the first user; the history is in the model */
    int64_t best[5];
    query.parts = RECSYS_QUERY_USER;
    check(exec, recsys_model_topk(model, exec, &query, 1, 5, NULL, best, NULL));
    for (int r = 0; r < 5; r++) printf("%d. %s\n", r + 1, recsys_dataset_item_name(data, best[r]));

    recsys_report_release(report), recsys_evaluator_release(evaluator), recsys_model_release(model);
    recsys_params_release(params), recsys_split_release(&split), recsys_dataset_release(data);
    recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
