/* command_evaluate.c - `recsys evaluate`: how well a model ranks what users did next.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "data.h"
#include "names.h"
#include "outfile.h"

/* What an evaluation reads; released as a whole. */
typedef struct inputs {
    recsys_model *model;
    recsys_dataset *test, *known, *mask, *negatives;
    id_lines users, items; /* that take no part */
    int64_t *ignored_users;
    int64_t n_ignored_users;
} inputs;

static void release_inputs(inputs *in)
{
    recsys_model_release(in->model);
    recsys_dataset_release(in->test);
    recsys_dataset_release(in->known);
    recsys_dataset_release(in->mask);
    recsys_dataset_release(in->negatives);
    id_lines_free(&in->users);
    id_lines_free(&in->items);
    free(in->ignored_users);
}

static recsys_status read_if_given(program *p, const words *files, int32_t id_type, recsys_dataset **data)
{
    return files->count > 0 ? data_read(p, files, id_type, data) : RECSYS_OK;
}

/* The evaluator takes these as ids: an item of the test data may be unknown to the model. */
static recsys_status read_ignored_items(program *p, inputs *in)
{
    const char *path = p->settings.ignore_items;
    const recsys_ids *model = recsys_model_items(in->model), *test = recsys_dataset_items(in->test);
    int64_t known = 0;
    recsys_status status = id_lines_read(p, path, &in->items);
    if (status != RECSYS_OK) return status;
    for (int64_t l = 0; l < in->items.count; l++)
        known += recsys_ids_find(model, in->items.line[l]) >= 0 || recsys_ids_find(test, in->items.line[l]) >= 0;
    return id_lines_report(p, "ignore-items", path, &in->items, known, "the model and the test data");
}

static recsys_status read_ignored_users(program *p, inputs *in)
{
    const char *path = p->settings.ignore_users;
    recsys_status status = id_lines_read(p, path, &in->users);
    if (status == RECSYS_OK)
        status = id_lines_indices(p, &in->users, recsys_dataset_users(in->test), &in->ignored_users, &in->n_ignored_users);
    if (status != RECSYS_OK) return status;
    return id_lines_report(p, "ignore-users", path, &in->users, in->n_ignored_users, "the test data");
}

static recsys_status read_inputs(program *p, inputs *in)
{
    const settings *s = &p->settings;
    if (s->test.count == 0) return program_usage(p, "--test FILE is missing");
    recsys_status status = program_load(p, 0, &in->model);
    if (status == RECSYS_OK) status = data_collide(p, &in->model);
    if (status != RECSYS_OK) return status;
    int32_t id_type = data_id_type_of(in->model);
    status = data_read(p, &s->test, id_type, &in->test);
    if (status == RECSYS_OK) status = read_if_given(p, &s->train, id_type, &in->known);
    if (status == RECSYS_OK) status = read_if_given(p, &s->mask, id_type, &in->mask);
    if (status == RECSYS_OK) status = read_if_given(p, &s->negatives, id_type, &in->negatives);
    if (status == RECSYS_OK && s->ignore_items != NULL) status = read_ignored_items(p, in);
    if (status == RECSYS_OK && s->ignore_users != NULL) status = read_ignored_users(p, in);
    return status;
}

static recsys_evaluator_options protocol(const settings *s, const inputs *in)
{
    recsys_evaluator_options options = RECSYS_EVALUATOR_OPTIONS_INIT;
    options.test = in->test;
    options.known = in->known;
    options.mask = in->mask;
    options.cutoffs = s->cutoffs.number;
    options.n_cutoffs = s->cutoffs.count;
    options.min_ratings = s->min_ratings;
    options.ignored_users = in->ignored_users;
    options.n_ignored_users = in->n_ignored_users;
    options.ignored_items = in->items.line;
    options.n_ignored_items = in->items.count;
    options.cold = s->cold;
    options.drop_unseen_items = s->drop_unseen_items;
    options.binary_gain = s->binary_gain;
    options.auc = s->auc;
    options.keep_seen = s->keep_seen;
    options.per_user = s->per_user != NULL;
    options.negatives = in->negatives;
    options.n_negatives = s->sample_negatives;
    options.seed = s->seed;
    return options;
}

/* The report in one of its forms, as text for the caller to free(). */
static recsys_status report_text(program *p, const recsys_report *report, int32_t form, char **text)
{
    int64_t length = 0;
    *text = NULL;
    recsys_status status = recsys_report_write(report, p->exec, form, NULL, 0, &length);
    if (status != RECSYS_OK) return status;
    *text = program_alloc(p, length + 1, 1);
    if (*text == NULL) return RECSYS_ERR_NO_MEMORY;
    return recsys_report_write(report, p->exec, form, *text, length + 1, &length);
}

static recsys_status write_report(program *p, const recsys_report *report, int32_t form, const char *path)
{
    outfile out = OUTFILE_INIT;
    char *text = NULL;
    if (path == NULL) return RECSYS_OK;
    recsys_status status = report_text(p, report, form, &text);
    if (status == RECSYS_OK) status = outfile_open(p, &out, path);
    if (status == RECSYS_OK) fputs(text, out.file);
    status = outfile_close(p, &out, status);
    free(text);
    return status;
}

static recsys_status write_reports(program *p, const recsys_report *report)
{
    const settings *s = &p->settings;
    char *text = NULL;
    recsys_status status = report_text(p, report, RECSYS_REPORT_TEXT, &text);
    if (status == RECSYS_OK) program_say_text(p, text);
    free(text);
    if (status == RECSYS_OK) status = write_report(p, report, RECSYS_REPORT_JSON, s->json);
    if (status == RECSYS_OK) status = write_report(p, report, RECSYS_REPORT_CSV, s->csv);
    if (status == RECSYS_OK) status = write_report(p, report, RECSYS_REPORT_PER_USER_CSV, s->per_user);
    return status;
}

recsys_status command_evaluate(program *p)
{
    inputs in = { .model = NULL };
    recsys_evaluator *evaluator = NULL;
    recsys_report *report = NULL;
    recsys_status status = read_inputs(p, &in);
    if (status == RECSYS_OK) {
        recsys_evaluator_options options = protocol(&p->settings, &in);
        status = recsys_evaluator_create(p->exec, &options, &evaluator);
    }
    if (status == RECSYS_OK) status = recsys_evaluator_run(evaluator, in.model, p->exec, &report);
    progress_end(&p->progress);
    if (status == RECSYS_OK) status = write_reports(p, report);
    recsys_report_release(report);
    recsys_evaluator_release(evaluator);
    release_inputs(&in);
    return status;
}
