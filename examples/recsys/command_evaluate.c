/* command_evaluate.c - `recsys evaluate`: how well a model ranks what users did next, or tells the classes of labelled rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "json.h"
#include "names.h"
#include "outfile.h"
#include "table.h"

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

/* ---- classifiers ---- */

enum { MOST_SHOWN = 16 }; /* classes whose confusion matrix fits on a screen */

/* What belongs to lists says nothing of rows. */
static recsys_status check_rows(program *p)
{
    const settings *s = &p->settings;
    const struct { const char *option; int given; } of_lists[] = {
        { "train", s->train.count > 0 },
        { "mask", s->mask.count > 0 },
        { "negatives", s->negatives.count > 0 },
        { "sample-negatives", s->sample_negatives > 0 },
        { "colliding", s->colliding != NULL },
        { "ignore-users", s->ignore_users != NULL },
        { "ignore-items", s->ignore_items != NULL },
        { "cutoffs", s->cutoffs.count > 0 },
        { "cold", s->cold != 0 },
        { "min-ratings", s->min_ratings > 0 },
        { "drop-unseen-items", s->drop_unseen_items },
        { "binary-gain", s->binary_gain },
        { "keep-seen", s->keep_seen },
        { "auc", s->auc },
        { "csv", s->csv != NULL },
        { "per-user", s->per_user != NULL },
    };
    for (size_t i = 0; i < sizeof of_lists / sizeof *of_lists; i++)
        if (of_lists[i].given) return program_usage(p, "--%s is for ranked lists, and labelled rows have none", of_lists[i].option);
    return RECSYS_OK;
}

static void figure(table *t, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4f", value);
    table_text(t, text);
}

/* A line for each class: its figures, and in the columns of all classes how often its rows were given these answers. */
static recsys_status print_classes(program *p, const recsys_ids *classes, const recsys_classification *f, const int64_t *confusion,
                                   const double *per_class)
{
    char align[4 + MOST_SHOWN + 1] = "lrrr";
    int shown = f->n_classes <= MOST_SHOWN ? (int)f->n_classes : 0;
    table t = { .columns = 4 + shown, .align = align };
    memset(align + 4, 'r', (size_t)shown);
    program_say(p, "%lld of %lld rows right: accuracy %.4f, cross-entropy %.4f, macro F1 %.4f\n", (long long)f->n_correct,
                (long long)f->n_rows, f->accuracy, f->cross_entropy, f->macro_f1);
    if (shown > 0) program_say(p, "on the right, how many rows of the class were given which answer\n");
    table_head(&t, "class", "precision", "recall", "F1", NULL);
    for (int c = -1; c < f->n_classes; c++) {
        char *name = c >= 0 ? id_text(classes, c) : NULL;
        if (c >= 0) table_text(&t, name != NULL ? name : "?");
        free(name);
        for (int k = 0; k < 3 && c >= 0; k++) figure(&t, per_class[3 * c + k]);
        for (int a = 0; a < shown && c >= 0; a++) table_integer(&t, confusion[c * f->n_classes + a]);
        for (int a = 0; a < shown && c < 0; a++) {
            name = id_text(classes, a);
            table_text(&t, name != NULL ? name : "?");
            free(name);
        }
    }
    return table_show(p, &t);
}

static recsys_status write_classes(program *p, const recsys_ids *classes, const recsys_classification *f, const int64_t *confusion,
                                   const double *per_class)
{
    static const char *const figures[] = { "precision", "recall", "f1" };
    int64_t C = f->n_classes;
    json j;
    recsys_status status = json_open(p, &j, p->settings.json);
    if (status != RECSYS_OK) return status;
    json_integer(&j, "rows", f->n_rows);
    json_integer(&j, "correct", f->n_correct);
    json_number(&j, "accuracy", f->accuracy);
    json_number(&j, "cross_entropy", f->cross_entropy);
    json_number(&j, "macro_f1", f->macro_f1);
    json_begin(&j, "classes", '[');
    for (int64_t t = 0; t < C; t++) {
        json_begin(&j, NULL, '{');
        json_id(&j, "class", classes, t);
        for (int k = 0; k < 3; k++) json_number(&j, figures[k], per_class[3 * t + k]);
        json_begin(&j, "answers", '[');
        for (int64_t a = 0; a < C; a++) json_integer(&j, NULL, confusion[t * C + a]);
        json_end(&j, ']');
        json_end(&j, '}');
    }
    json_end(&j, ']');
    return json_close(p, &j, status);
}

static recsys_status classify(program *p, const inputs *in)
{
    const recsys_ids *classes = recsys_model_items(in->model);
    int64_t C = recsys_ids_count(classes);
    recsys_classification f = RECSYS_CLASSIFICATION_INIT;
    int64_t *confusion = program_alloc(p, C * C, sizeof *confusion);
    double *per_class = program_alloc(p, 3 * C, sizeof *per_class);
    recsys_status status = confusion == NULL || per_class == NULL ? RECSYS_ERR_NO_MEMORY : RECSYS_OK;
    if (status == RECSYS_OK) status = recsys_model_classify(in->model, p->exec, in->test, &f, confusion, per_class);
    progress_end(&p->progress);
    if (status == RECSYS_OK) status = print_classes(p, classes, &f, confusion, per_class);
    if (status == RECSYS_OK) status = write_classes(p, classes, &f, confusion, per_class);
    free(confusion);
    free(per_class);
    return status;
}

recsys_status command_evaluate(program *p)
{
    inputs in = { .model = NULL };
    recsys_evaluator *evaluator = NULL;
    recsys_report *report = NULL;
    recsys_status status = data_is_labelled(&p->settings) ? check_rows(p) : RECSYS_OK;
    if (status == RECSYS_OK) status = read_inputs(p, &in);
    if (status == RECSYS_OK && data_is_labelled(&p->settings)) {
        status = classify(p, &in);
        release_inputs(&in);
        return status;
    }
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
