/* command_split.c - `recsys split`: events into training, validation and test files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data.h"
#include "json.h"
#include "table.h"

/* The parts of a split with their names, and the files that the command line gives them. */
typedef struct part {
    const char *name;
    const recsys_dataset *data;
    const char *path;
} part;

enum { N_PARTS = 5 };

/* An option that only some methods take: `given` says if it is there, `methods` which they are, as bits. */
typedef struct method_option {
    const char *name;
    int given;
    int methods;
    const char *method_names;
} method_option;

static recsys_status check_methods(program *p)
{
    enum { SHARES = 1 << RECSYS_SPLIT_RANDOM | 1 << RECSYS_SPLIT_RANDOM_PER_USER | 1 << RECSYS_SPLIT_STRONG };
    static const char *const shares = "random, random-per-user or strong";
    const settings *s = &p->settings;
    const method_option options[] = {
        { "test-share", !isnan(s->test_share), SHARES, shares },
        { "valid-share", !isnan(s->valid_share), SHARES, shares },
        { "fold-in-share", !isnan(s->fold_in_share), 1 << RECSYS_SPLIT_STRONG, "strong" },
        { "test-k", s->test_k > 0, 1 << RECSYS_SPLIT_LAST_PER_USER, "last-per-user" },
        { "valid-k", s->valid_k > 0, 1 << RECSYS_SPLIT_LAST_PER_USER, "last-per-user" },
        { "test-time", s->test_time != NOT_GIVEN, 1 << RECSYS_SPLIT_BY_TIME, "by-time" },
        { "valid-time", s->valid_time != NOT_GIVEN, 1 << RECSYS_SPLIT_BY_TIME, "by-time" },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].given && (options[i].methods & 1 << s->method) == 0)
            return program_usage(p, "--%s belongs to --method %s", options[i].name, options[i].method_names);
    return RECSYS_OK;
}

/* The shares that are left out are 0 for the library, which then takes its default. */
static recsys_status check_shares(program *p, recsys_split_options *options)
{
    const double default_test_share = 0.2;
    const settings *s = &p->settings;
    if (s->test_share <= 0.0 || s->test_share >= 1.0) return program_usage(p, "--test-share must be above 0 and below 1");
    if (s->valid_share < 0.0 || s->valid_share >= 1.0) return program_usage(p, "--valid-share must be 0 or more and below 1");
    if (s->fold_in_share <= 0.0 || s->fold_in_share >= 1.0)
        return program_usage(p, "--fold-in-share must be above 0 and below 1");
    if ((isnan(s->test_share) ? default_test_share : s->test_share) + s->valid_share >= 1.0)
        return program_usage(p, "--test-share (default 0.2) and --valid-share must be below 1 together");
    options->test_share = isnan(s->test_share) ? 0.0 : s->test_share;
    options->valid_share = isnan(s->valid_share) ? 0.0 : s->valid_share;
    options->fold_in_share = isnan(s->fold_in_share) ? 0.0 : s->fold_in_share;
    return RECSYS_OK;
}

static recsys_status split_options(program *p, recsys_split_options *options)
{
    const settings *s = &p->settings;
    if (s->out == NULL && s->out_train == NULL && s->out_valid == NULL && s->out_test == NULL && s->out_valid_history == NULL &&
        s->out_test_history == NULL)
        return program_usage(p, "--out FOLDER is missing, or a file for one part at least");
    if (s->method == RECSYS_SPLIT_BY_TIME && s->test_time == NOT_GIVEN)
        return program_usage(p, "--method by-time needs --test-time");
    recsys_status status = check_methods(p);
    if (status != RECSYS_OK) return status;
    options->method = s->method;
    options->test_k = s->test_k;
    options->valid_k = s->valid_k;
    options->test_time = s->test_time != NOT_GIVEN ? s->test_time : 0;
    options->valid_time = s->valid_time != NOT_GIVEN ? s->valid_time : 0;
    options->seed = s->seed;
    return check_shares(p, options);
}

/* The words for the columns that a dataset has, as --columns takes them (reading) or as they are written. */
static recsys_status columns_of(program *p, const recsys_dataset *data, char *columns, size_t size, int reading)
{
    recsys_statistics s = RECSYS_STATISTICS_INIT;
    recsys_feature_info rows = RECSYS_FEATURE_INFO_INIT;
    char item[40] = "item";
    recsys_status status = recsys_dataset_statistics(data, p->exec, &s);
    if (data_is_labelled(&p->settings)) {
        if (status == RECSYS_OK) status = recsys_dataset_user_feature_info(data, 0, &rows);
        if (reading) snprintf(item, sizeof item, "feature*%lld,label", (long long)rows.n_features);
        else strcpy(item, "feature,label");
    }
    snprintf(columns, size, "user,%s%s%s%s%s%s", item, s.has_values ? ",value" : "", s.has_times ? ",time" : "",
             s.n_behaviours > 0 ? ",behaviour" : "", s.n_sessions > 0 ? ",session" : "",
             s.n_clean >= 0 ? ",flag" : "");
    return status;
}

/* Makes a folder and those above it that are missing. */
static recsys_status make_folder(program *p, const char *path)
{
    char *folder = program_alloc(p, (int64_t)strlen(path) + 1, 1);
    recsys_status status = RECSYS_OK;
    if (folder == NULL) return RECSYS_ERR_NO_MEMORY;
    strcpy(folder, path);
    for (char *end = folder + 1; status == RECSYS_OK; end++) {
        if (*end != '/' && *end != '\0') continue;
        char kept = *end;
        *end = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            status = program_fail(p, RECSYS_ERR_IO, "%s: cannot make the folder: %s", folder, strerror(errno));
        *end = kept;
        if (kept == '\0') break;
    }
    free(folder);
    return status;
}

static recsys_status write_part(program *p, const part *t, const char *columns)
{
    recsys_write_options options = RECSYS_WRITE_OPTIONS_INIT;
    const char *folder = p->settings.out;
    const char *path = t->path;
    char *inside = NULL;
    if (path == NULL && folder == NULL) return RECSYS_OK;
    if (t->data == NULL)
        return path == NULL ? RECSYS_OK : program_usage(p, "%s: this split has no %s data", path, t->name);
    if (path == NULL) {
        size_t room = strlen(folder) + strlen(t->name) + 8;
        inside = program_alloc(p, (int64_t)room, 1);
        if (inside == NULL) return RECSYS_ERR_NO_MEMORY;
        snprintf(inside, room, "%s/%s.tsv", folder, t->name);
        path = inside;
    }
    options.columns = columns;
    progress_subject(&p->progress, path);
    recsys_status status = recsys_dataset_write(t->data, p->exec, path, &options);
    progress_subject(&p->progress, NULL);
    free(inside);
    return status;
}

/* A line of the table and an entry of the JSON. */
static recsys_status describe_part(program *p, const part *t, table *rows, json *j)
{
    recsys_statistics s = RECSYS_STATISTICS_INIT;
    if (t->data == NULL) return RECSYS_OK;
    recsys_status status = recsys_dataset_statistics(t->data, p->exec, &s);
    table_text(rows, t->name);
    table_integer(rows, s.n_events);
    table_integer(rows, s.n_interactions);
    json_begin(j, t->name, '{');
    json_integer(j, "events", s.n_events);
    json_integer(j, "interactions", s.n_interactions);
    json_end(j, '}');
    return status;
}

static recsys_status write_all(program *p, const recsys_dataset *data, const recsys_split *split)
{
    const settings *s = &p->settings;
    const part parts[N_PARTS] = {
        { "train", split->train, s->out_train },
        { "valid", split->valid, s->out_valid },
        { "test", split->test, s->out_test },
        { "valid_history", split->valid_history, s->out_valid_history },
        { "test_history", split->test_history, s->out_test_history },
    };
    char columns[96];
    json j;
    table rows = TABLE_INIT("lrr");
    recsys_status status = columns_of(p, data, columns, sizeof columns, 0);
    if (status == RECSYS_OK && s->out != NULL) status = make_folder(p, s->out);
    for (int i = 0; i < N_PARTS && status == RECSYS_OK; i++) status = write_part(p, &parts[i], columns);
    if (status == RECSYS_OK) status = json_open(p, &j, s->json);
    if (status != RECSYS_OK) return status;
    (void)columns_of(p, data, columns, sizeof columns, 1);
    json_text(&j, "columns", columns);
    table_head(&rows, "part", "events", "interactions", NULL);
    for (int i = 0; i < N_PARTS && status == RECSYS_OK; i++) status = describe_part(p, &parts[i], &rows, &j);
    recsys_status shown = table_show(p, &rows);
    program_say(p, "columns of the files: %s\n", columns);
    return json_close(p, &j, status != RECSYS_OK ? status : shown);
}

recsys_status command_split(program *p)
{
    recsys_dataset *data = NULL;
    recsys_split split = RECSYS_SPLIT_INIT;
    recsys_split_options options = RECSYS_SPLIT_OPTIONS_INIT;
    recsys_status status = split_options(p, &options);
    if (status == RECSYS_OK) status = data_read(p, &p->settings.operands, RECSYS_ID_AUTO, &data);
    if (status == RECSYS_OK) status = recsys_dataset_split(data, p->exec, &options, &split);
    progress_end(&p->progress);
    if (status == RECSYS_OK) status = write_all(p, data, &split);
    recsys_split_release(&split);
    recsys_dataset_release(data);
    return status;
}
