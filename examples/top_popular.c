/* top_popular.c - the baseline: recommend to everyone what most users had. Any model should do better; by how much is the
 * first thing to know.
 *
 * Usage: top_popular [FOLDER], a folder with events.tsv.gz and items.tsv.gz as in examples/data/entree.
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
    fprintf(stderr, "top_popular: %s\n", exec != NULL ? error.message : recsys_status_text(status));
    exit(1);
}

/* The list for someone of whom nothing is known. */
static void print_chart(const recsys_model *model, const recsys_dataset *data, recsys_exec *exec)
{
    int64_t best[10];
    float score[10];
    recsys_query query = RECSYS_QUERY_INIT;
    query.parts = RECSYS_QUERY_HISTORY;
    query.history_count = 0;
    check(exec, recsys_model_topk(model, exec, &query, 1, 10, NULL, best, score));
    for (int r = 0; r < 10 && best[r] >= 0; r++)
        printf("%2d. %-32s %.0f\n", r + 1, recsys_dataset_item_name(data, best[r]), (double)score[r]);
}

/* All metrics at two cut-offs, in one pass over the users, as the library prints them. */
static void print_quality(const recsys_model *model, const recsys_dataset *test, recsys_exec *exec)
{
    const int64_t cutoffs[] = { 5, 20 };
    recsys_evaluator_options protocol = RECSYS_EVALUATOR_OPTIONS_INIT;
    recsys_evaluator *evaluator;
    recsys_report *report;
    int64_t length;
    protocol.test = test;
    protocol.cutoffs = cutoffs;
    protocol.n_cutoffs = 2;
    check(exec, recsys_evaluator_create(exec, &protocol, &evaluator));
    check(exec, recsys_evaluator_run(evaluator, model, exec, &report));
    check(exec, recsys_report_write(report, exec, RECSYS_REPORT_TEXT, NULL, 0, &length));
    char *text = malloc((size_t)length + 1);
    if (text != NULL) {
        check(exec, recsys_report_write(report, exec, RECSYS_REPORT_TEXT, text, length + 1, &length));
        printf("\n%s", text);
    }
    free(text);
    recsys_report_release(report), recsys_evaluator_release(evaluator);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "examples/data/entree";
    char events[1024], items[1024];
    snprintf(events, sizeof events, "%s/events.tsv.gz", folder);
    snprintf(items, sizeof items, "%s/items.tsv.gz", folder);

    recsys_env *env;
    recsys_exec *exec;
    check(NULL, recsys_env_create(NULL, &env, NULL));
    check(NULL, recsys_exec_create(env, NULL, &exec, NULL));

    recsys_dataset *data;
    recsys_read_options format = RECSYS_READ_OPTIONS_INIT;
    format.columns = "user,item,_,time";
    format.items = items;
    format.duplicates = RECSYS_DUPLICATES_FIRST;
    check(exec, recsys_dataset_read(exec, events, &format, &data));

    recsys_split split = RECSYS_SPLIT_INIT; /* hide the newest restaurant of each user */
    recsys_split_options how = RECSYS_SPLIT_OPTIONS_INIT;
    how.method = RECSYS_SPLIT_LAST_PER_USER;
    check(exec, recsys_dataset_split(data, exec, &how, &split));

    recsys_params *params;
    recsys_model *model;
    check(NULL, recsys_params_create(env, "top-popular", &params, NULL));
    check(exec, recsys_model_fit(params, split.train, exec, NULL, &model));
    print_chart(model, data, exec);
    print_quality(model, split.test, exec);

    recsys_model_release(model), recsys_params_release(params);
    recsys_split_release(&split), recsys_dataset_release(data);
    recsys_exec_release(exec), recsys_env_release(env);
    return 0;
}
