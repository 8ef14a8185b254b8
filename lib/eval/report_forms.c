/* report_forms.c - a report as text for a person, as JSON, and as CSV: of the figures, or of every user.
 *
 * Numbers in JSON and CSV are the shortest that read back equal. A figure that is undefined (NaN) is null in JSON, an
 * empty cell in CSV and a dash in the text; one that was not asked for is left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/exec.h"
#include "base/text.h"
#include "eval/report.h"

enum { NAME_WIDTH = 28, CELL_WIDTH = 12, DIGITS = 6 };

static double figure(const recsys_report *r, int32_t metric, int64_t c)
{
    return r->values[metric * r->n_cutoffs + c];
}

/* Whether a metric is there, among those with a cut-off or those without. */
static int is_shown(const recsys_report *r, int32_t metric, int32_t has_cutoff)
{
    return r->present[metric] && recsys__metrics[metric].has_cutoff == has_cutoff;
}

/* ---- text ---- */

static void pad(text *t, int64_t n)
{
    while (n-- > 0) recsys__text_bytes(t, " ", 1);
}

/* Right-aligned in its column. */
static void text_cell(text *t, double value)
{
    int64_t start = t->length;
    if (isnan(value)) recsys__text_string(t, "-");
    else recsys__text_fixed(t, value, DIGITS);
    int64_t width = t->length - start;
    if (width >= CELL_WIDTH || t->status) return;
    pad(t, CELL_WIDTH - width);
    if (t->status) return;
    memmove(t->data + start + (CELL_WIDTH - width), t->data + start, (size_t)width);
    memset(t->data + start, ' ', (size_t)(CELL_WIDTH - width));
}

static void text_counts(text *t, const recsys_report_info *n)
{
    recsys__text_format(t, "users evaluated  %" PRId64 " (skipped %" PRId64 ", cold %" PRId64 ")\n", n->users,
                        n->users_skipped, n->users_cold);
    recsys__text_format(t, "test items       %" PRId64 " (unseen in training %" PRId64 ")\n", n->test_items,
                        n->test_items_unseen);
    recsys__text_string(t, "time             ");
    recsys__text_fixed(t, n->seconds, 3);
    recsys__text_string(t, " s (");
    recsys__text_fixed(t, n->users_per_second, 0);
    recsys__text_string(t, " users a second)\n\n");
}

static void text_form(text *t, const recsys_report *r)
{
    text_counts(t, &r->counts);
    recsys__text_format(t, "%-*s", NAME_WIDTH, "cut-off");
    for (int64_t c = 0; c < r->n_cutoffs; c++) recsys__text_format(t, "%*" PRId64, CELL_WIDTH, r->cutoffs[c]);
    recsys__text_string(t, "\n");
    for (int32_t m = 0; m < METRIC_COUNT; m++) {
        if (!is_shown(r, m, 1)) continue;
        recsys__text_format(t, "%-*s", NAME_WIDTH, recsys__metrics[m].name);
        for (int64_t c = 0; c < r->n_cutoffs; c++) text_cell(t, figure(r, m, c));
        recsys__text_string(t, "\n");
    }
    recsys__text_string(t, "\nwithout cut-off\n");
    for (int32_t m = 0; m < METRIC_COUNT; m++) {
        if (!is_shown(r, m, 0)) continue;
        recsys__text_format(t, "%-*s", NAME_WIDTH, recsys__metrics[m].name);
        text_cell(t, figure(r, m, 0));
        recsys__text_string(t, "\n");
    }
}

/* ---- JSON ---- */

static void json_number(text *t, double value)
{
    if (isfinite(value)) recsys__text_number(t, value);
    else recsys__text_string(t, "null");
}

/* The metrics with or without a cut-off as one object. */
static void json_object(text *t, const recsys_report *r, int32_t has_cutoff, int64_t c)
{
    const char *between = "{";
    for (int32_t m = 0; m < METRIC_COUNT; m++) {
        if (!is_shown(r, m, has_cutoff)) continue;
        recsys__text_format(t, "%s\"%s\": ", between, recsys__metrics[m].name);
        json_number(t, figure(r, m, c));
        between = ", ";
    }
    recsys__text_string(t, "}");
}

static void json_form(text *t, const recsys_report *r)
{
    recsys__text_string(t, "{\"metrics\": {");
    for (int64_t c = 0; c < r->n_cutoffs; c++) {
        recsys__text_format(t, "\"%" PRId64 "\": ", r->cutoffs[c]);
        json_object(t, r, 1, c);
        recsys__text_string(t, ", ");
    }
    recsys__text_string(t, "\"all\": ");
    json_object(t, r, 0, 0);
    const recsys_report_info *n = &r->counts;
    recsys__text_format(t, "}, \"users\": %" PRId64 ", \"users_skipped\": %" PRId64 ", \"users_cold\": %" PRId64, n->users,
                        n->users_skipped, n->users_cold);
    recsys__text_format(t, ", \"test_items\": %" PRId64 ", \"test_items_unseen\": %" PRId64 ", \"seconds\": ", n->test_items,
                        n->test_items_unseen);
    json_number(t, n->seconds);
    recsys__text_string(t, ", \"users_per_second\": ");
    json_number(t, n->users_per_second);
    recsys__text_string(t, "}\n");
}

/* ---- CSV ---- */

static void csv_number(text *t, double value)
{
    if (!isnan(value)) recsys__text_number(t, value);
}

static void csv_form(text *t, const recsys_report *r)
{
    recsys__text_string(t, "metric,cutoff,value\n");
    for (int32_t m = 0; m < METRIC_COUNT; m++) {
        if (!r->present[m]) continue;
        for (int64_t c = 0; c < (recsys__metrics[m].has_cutoff ? r->n_cutoffs : 1); c++) {
            recsys__text_format(t, "%s,", recsys__metrics[m].name);
            if (recsys__metrics[m].has_cutoff) recsys__text_format(t, "%" PRId64 ",", r->cutoffs[c]);
            else recsys__text_string(t, "all,");
            csv_number(t, figure(r, m, c));
            recsys__text_string(t, "\n");
        }
    }
}

/* A cell of text, quoted where its contents would be taken for something else. */
static void csv_text(text *t, const char *s, int64_t length)
{
    if (!memchr(s, ',', (size_t)length) && !memchr(s, '"', (size_t)length) && !memchr(s, '\n', (size_t)length) &&
        !memchr(s, '\r', (size_t)length)) {
        recsys__text_bytes(t, s, length);
        return;
    }
    recsys__text_bytes(t, "\"", 1);
    for (int64_t at = 0; at < length; at++) {
        if (s[at] == '"') recsys__text_bytes(t, "\"", 1);
        recsys__text_bytes(t, s + at, 1);
    }
    recsys__text_bytes(t, "\"", 1);
}

static int has_user_values(const recsys_report *r, int32_t metric)
{
    return r->present[metric] && recsys__metrics[metric].mean != NO_MEAN;
}

static void user_header(text *t, const recsys_report *r)
{
    recsys__text_string(t, "user");
    for (int64_t c = 0; c < r->n_cutoffs; c++)
        for (int32_t m = 0; m < METRIC_COUNT; m++)
            if (has_user_values(r, m) && recsys__metrics[m].has_cutoff)
                recsys__text_format(t, ",%s@%" PRId64, recsys__metrics[m].name, r->cutoffs[c]);
    for (int32_t m = 0; m < METRIC_COUNT; m++)
        if (has_user_values(r, m) && !recsys__metrics[m].has_cutoff) recsys__text_format(t, ",%s", recsys__metrics[m].name);
    recsys__text_string(t, "\n");
}

static void user_cells(text *t, const recsys_report *r, const double *values)
{
    for (int64_t c = 0; c <= r->n_cutoffs; c++) {
        int32_t has_cutoff = c < r->n_cutoffs;
        for (int32_t m = 0; m < METRIC_COUNT; m++) {
            if (!has_user_values(r, m) || recsys__metrics[m].has_cutoff != has_cutoff) continue;
            recsys__text_bytes(t, ",", 1);
            csv_number(t, values[value_index(r->n_cutoffs, c, recsys__metrics[m].mean)]);
        }
    }
    recsys__text_string(t, "\n");
}

/* `id` is room for the longest id. */
static void per_user_form(text *t, const recsys_report *r, char *id, int64_t size)
{
    int64_t V = value_count(r->n_cutoffs);
    user_header(t, r);
    for (int64_t u = 0; u < r->counts.users && !t->status; u++) {
        int64_t length = recsys_ids_text(r->ids, r->user[u], id, size);
        csv_text(t, id, length);
        user_cells(t, r, r->user_values + u * V);
    }
}

static recsys_status write_users(recsys_exec *x, text *t, const recsys_report *r)
{
    if (!r->user_values)
        return recsys__fail(&x->error, RECSYS_ERR_MISSING_DATA,
                            "the values of users were not kept: ask for them (per_user) when the evaluation is made");
    int64_t longest = 0;
    for (int64_t u = 0; u < r->counts.users; u++) {
        int64_t length = recsys_ids_text(r->ids, r->user[u], NULL, 0);
        if (length > longest) longest = length;
    }
    char *id;
    recsys_status status = recsys__alloc(x->memory, &x->error, longest + 1, 1, &id);
    if (status) return status;
    per_user_form(t, r, id, longest + 1);
    recsys__free(x->memory, id);
    return RECSYS_OK;
}

recsys_status recsys_report_write(const recsys_report *report, recsys_exec *exec, int32_t form, char *buffer, int64_t size,
                                  int64_t *length)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!report || !length || size < 0 || (size > 0 && !buffer))
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "recsys_report_write: an argument is NULL or the size is negative");
    if (form < RECSYS_REPORT_TEXT || form > RECSYS_REPORT_PER_USER_CSV)
        return recsys__fail(&exec->error, RECSYS_ERR_OUT_OF_RANGE, "form is %d, it must be one of RECSYS_REPORT_*",
                            (int)form);
    text t = recsys__text_begin(exec->memory, &exec->error);
    recsys_status status = RECSYS_OK;
    if (form == RECSYS_REPORT_TEXT) text_form(&t, report);
    if (form == RECSYS_REPORT_JSON) json_form(&t, report);
    if (form == RECSYS_REPORT_CSV) csv_form(&t, report);
    if (form == RECSYS_REPORT_PER_USER_CSV) status = write_users(exec, &t, report);
    if (status) {
        recsys__text_free(&t);
        return status;
    }
    status = recsys__text_end(&t);
    if (status) return status;
    *length = recsys__text_copy(t.data, t.length, buffer, size);
    recsys__text_free(&t);
    return RECSYS_OK;
}
