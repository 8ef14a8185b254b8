/* tune_report.c - what a search found: the table of the best trials, JSON, and the command that trains the best model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "table.h"
#include "tune.h"

enum { SHOWN = 10 };

/* The command that trains the model of a trial by itself, for the caller to free(). */
static char *train_command(search *s, const trial *best)
{
    program *p = s->p;
    const settings *o = &p->settings;
    const char *except[16] = { "params", "out", "json", "quiet", "trace", "select", "without-histories" };
    int n = 7, optimizer = 0;
    char *text = NULL, *params = tune_space_text(p, &s->space, TUNE_MODEL, &best->values);
    char *rule = tune_space_text(p, &s->space, TUNE_OPTIMIZER, &best->values);
    size_t length;
    FILE *to = open_memstream(&text, &length);
    if (!s->by_steps) except[n++] = "valid";
    for (int64_t k = 0; k < s->space.count; k++) optimizer |= s->space.key[k].owner == TUNE_OPTIMIZER;
    if (optimizer) except[n++] = "optimizer";
    if (to != NULL && params != NULL && rule != NULL) {
        fprintf(to, "recsys train %s", s->space.name);
        options_repeat(to, FOR_TUNE, FOR_TRAIN, p->argc, p->argv, except);
        if (*params != '\0') options_print_one(to, "params", params);
        if (optimizer) {
            fprintf(to, " --optimizer %s:%s", s->space.optimizer, rule);
        }
        for (int64_t k = 0; k < s->space.count; k++)
            if (s->space.key[k].owner == TUNE_TRAINING) options_print_one(to, s->space.key[k].key, best->values.text[k]);
        if (s->by_steps) options_print_one(to, "select", s->select);
        if (o->without_histories) fputs(" --without-histories", to);
        options_print_one(to, "out", o->out != NULL ? o->out : "model.safetensors");
    }
    if (to != NULL) fclose(to);
    free(params);
    free(rule);
    return text;
}

/* Trials from the best to the worst, those without a metric last. */
static void sort_trials(const trials *t, const trial **order)
{
    for (int64_t i = 0; i < t->count; i++) {
        int64_t at = i;
        for (; at > 0 && trial_is_better(t, t->row[i], order[at - 1]->outcome == TRIAL_OK ? order[at - 1] : NULL); at--)
            order[at] = order[at - 1];
        order[at] = t->row[i];
    }
}

static recsys_status show_table(search *s, const trial **order)
{
    char align[TUNE_MOST_KEYS + 5] = "rr", text[32];
    table t = TABLE_INIT("");
    int64_t n = s->space.count;
    t.columns = (int)n + 3 + s->by_steps;
    t.align = align;
    memset(align + 2, 'r', (size_t)n + 2);
    table_head(&t, "trial", s->select, s->by_steps ? "epoch" : NULL, NULL);
    for (int64_t k = 0; k < n; k++) table_text(&t, s->space.key[k].name);
    table_text(&t, "seconds");
    for (int64_t i = 0; i < s->trials.count && i < SHOWN && order[i]->outcome == TRIAL_OK; i++) {
        table_integer(&t, order[i]->number);
        snprintf(text, sizeof text, "%.6f", order[i]->metric);
        table_text(&t, text);
        snprintf(text, sizeof text, "%lld", (long long)order[i]->epoch);
        if (s->by_steps) table_text(&t, order[i]->epoch >= 0 ? text : "");
        for (int64_t k = 0; k < n; k++) table_text(&t, order[i]->values.text[k]);
        snprintf(text, sizeof text, "%.2f", order[i]->seconds);
        table_text(&t, text);
    }
    return table_show(s->p, &t);
}

static void write_trial(json *j, const search *s, const char *key, const trial *row)
{
    json_begin(j, key, '{');
    json_integer(j, "trial", row->number);
    json_text(j, "status", trial_outcome(row));
    json_number(j, "value", row->metric);
    if (row->epoch >= 0) json_integer(j, "epoch", row->epoch);
    if (row->step >= 0) json_integer(j, "step", row->step);
    json_number(j, "seconds", row->seconds);
    json_text(j, "note", row->note[0] != '\0' ? row->note : NULL);
    json_begin(j, "values", '{');
    for (int64_t k = 0; k < s->space.count; k++) json_text(j, s->space.key[k].name, row->values.text[k]);
    json_end(j, '}');
    json_end(j, '}');
}

static recsys_status write_json(search *s, const trial **order, const trial *best, const int64_t *counts, const char *command)
{
    json j;
    int64_t n_earlier = 0;
    for (int64_t i = 0; i < s->trials.count; i++) n_earlier += s->trials.row[i]->earlier;
    recsys_status status = json_open(s->p, &j, s->p->settings.json);
    if (status != RECSYS_OK) return status;
    json_text(&j, "model", s->space.name);
    json_text(&j, "select", s->select);
    json_text(&j, "method", s->p->settings.search_method == TUNE_GRID ? "grid" : "random");
    json_integer(&j, "ok", counts[TRIAL_OK]);
    json_integer(&j, "failed", counts[TRIAL_FAILED]);
    json_integer(&j, "repeated", counts[TRIAL_REPEAT]);
    json_integer(&j, "earlier", n_earlier);
    json_number(&j, "seconds", s->seconds);
    write_trial(&j, s, "best", best);
    json_text(&j, "out", s->p->settings.out);
    json_text(&j, "command", command);
    json_begin(&j, "trials", '[');
    for (int64_t i = 0; i < s->trials.count; i++) write_trial(&j, s, NULL, order[i]);
    json_end(&j, ']');
    return json_close(s->p, &j, status);
}

recsys_status tune_report(search *s, int is_whole)
{
    program *p = s->p;
    int64_t counts[3] = { 0, 0, 0 };
    const trial *best = trials_best(&s->trials);
    for (int64_t i = 0; i < s->trials.count; i++) counts[s->trials.row[i]->outcome]++;
    if (best == NULL && !is_whole) return RECSYS_OK;
    if (best == NULL)
        return program_fail(p, RECSYS_ERR_NUMERIC, "all trials failed; the first one: %s",
                            s->trials.count > 0 ? s->trials.row[0]->note : "");
    const trial **order = program_alloc(p, s->trials.count, sizeof *order);
    char *command = train_command(s, best);
    recsys_status status = order != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    if (command == NULL) status = program_fail(p, RECSYS_ERR_NO_MEMORY, "out of memory");
    if (status == RECSYS_OK) {
        sort_trials(&s->trials, order);
        status = show_table(s, order);
    }
    if (status == RECSYS_OK) {
        program_say(p, "\n%lld trials: %lld done, %lld failed, %lld with values of another; best: trial %lld, %s %.6g\n",
                    (long long)s->trials.count, (long long)counts[TRIAL_OK], (long long)counts[TRIAL_FAILED],
                    (long long)counts[TRIAL_REPEAT], (long long)best->number, s->select, best->metric);
        if (p->settings.out != NULL)
            program_say(p, "%s: its model. It is also what this trains:\n  %s\n", p->settings.out, command);
        else program_say(p, "This trains its model:\n  %s\n", command);
    }
    if (status == RECSYS_OK && is_whole) status = write_json(s, order, best, counts, command);
    free(order);
    free(command);
    return status;
}
