/* data.c - from the reading options and the filters to a dataset.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A tab is hard to type. */
static const char *separator_of(const settings *s)
{
    if (s->separator == NULL) return NULL;
    if (strcmp(s->separator, "tab") == 0 || strcmp(s->separator, "\\t") == 0) return "\t";
    return s->separator;
}

/* 1 if the name ends so, a .gz behind it not counted. */
static int ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), n = strlen(end);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0) length -= 3;
    return length > n && strncmp(name + length - n, end, n) == 0;
}

/* The format that a file is read in where --format says none, and what follows from its role: of a file of pairs and fixed
 * negatives, --negatives wants the negatives. --columns speaks of the files that have columns. */
static void choose_format(const settings *s, const words *files, const char *path, recsys_read_options *options)
{
    options->format = s->format;
    options->columns = s->columns;
    if (s->format == NULL && ends_with(path, ".rating")) options->format = "rating";
    if (s->format == NULL && ends_with(path, ".negative")) {
        options->format = "negative";
        options->columns = NULL;
    }
    if (files == &s->negatives && options->format != NULL && strcmp(options->format, "negative") == 0)
        options->format = "negative-candidates";
}

static recsys_read_options read_options(const settings *s, int32_t id_type)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.separator = separator_of(s);
    options.header = s->header;
    options.id_type = s->id_type != RECSYS_ID_AUTO ? s->id_type : id_type;
    options.users = s->users;
    options.items = s->items;
    options.user_columns = s->user_columns;
    options.item_columns = s->item_columns;
    return options;
}

/* 1 if a read failed for what an option says, not for what the file holds: the message then begins with the option. */
static int blames_options(program *p, recsys_status status)
{
    static const char *const first_words[] = { "columns:", "user_columns:", "item_columns:" };
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_ERR_UNKNOWN_KEY || status == RECSYS_ERR_INVALID_ARGUMENT) return 1;
    if (status != RECSYS_ERR_UNKNOWN_COLUMN) return 0;
    recsys_exec_last_error(p->exec, &error);
    for (size_t i = 0; i < sizeof first_words / sizeof *first_words; i++)
        if (strncmp(error.message, first_words[i], strlen(first_words[i])) == 0) return 1;
    return 0;
}

/* 1 if an entry of --columns, which may begin with the name of a column, has this word or `word*N`. */
static int is_word(const char *entry, size_t length, const char *word)
{
    size_t n = strlen(word), at = length;
    while (at > 0 && entry[at - 1] != '=') at--;
    return length - at >= n && strncmp(entry + at, word, n) == 0 && (length - at == n || entry[at + n] == '*');
}

int data_is_labelled(const settings *s)
{
    for (const char *entry = s->columns; entry != NULL && *entry != '\0';) {
        size_t length = strcspn(entry, ",");
        if (is_word(entry, length, "feature")) return 1;
        entry += length + (entry[length] == ',');
    }
    return 0;
}

/* Rows of features are numbered over all files, which are therefore read at once. */
static recsys_status read_rows(program *p, const words *files, recsys_read_options *options, recsys_dataset **part)
{
    choose_format(&p->settings, files, files->word[0], options);
    progress_subject(&p->progress, files->word[0]);
    recsys_status status = recsys_dataset_read_parts(p->exec, files->word, files->count, options, part);
    progress_subject(&p->progress, NULL);
    if (status != RECSYS_OK) p->usage = blames_options(p, status);
    return status;
}

/* Several parts as one dataset. */
static recsys_status join(program *p, recsys_dataset *const *part, int64_t n_parts, recsys_dataset **data)
{
    if (n_parts > 1) return recsys_dataset_concat(p->exec, (const recsys_dataset *const *)part, n_parts, data);
    *data = recsys_dataset_retain(part[0]);
    return RECSYS_OK;
}

static recsys_status read_files(program *p, const words *files, recsys_read_options *options, recsys_dataset **data)
{
    recsys_status status = RECSYS_OK;
    recsys_dataset **part = program_alloc(p, files->count, sizeof *part);
    int64_t n_parts = 0;
    *data = NULL;
    if (part == NULL) return RECSYS_ERR_NO_MEMORY;
    if (data_is_labelled(&p->settings)) {
        status = read_rows(p, files, options, part);
        n_parts = status == RECSYS_OK ? files->count : 0;
    }
    while (status == RECSYS_OK && n_parts < files->count) {
        progress_subject(&p->progress, files->word[n_parts]);
        choose_format(&p->settings, files, files->word[n_parts], options);
        status = recsys_dataset_read(p->exec, files->word[n_parts], options, &part[n_parts]);
        progress_subject(&p->progress, NULL);
        if (status == RECSYS_OK) n_parts++;
        else p->usage = blames_options(p, status);
    }
    if (status == RECSYS_OK) status = join(p, part, n_parts, data);
    while (n_parts > 0) recsys_dataset_release(part[--n_parts]);
    free(part);
    return status;
}

/* Puts `next` in the place of `*data` if the step that made it went well. */
static recsys_status step(recsys_status status, recsys_dataset **data, recsys_dataset **next)
{
    if (status != RECSYS_OK) return status;
    recsys_dataset_release(*data);
    *data = *next;
    return RECSYS_OK;
}

/* 1 for data that goes with other data: validation data, and events known to be clean. */
static int goes_along(const settings *s, const words *files)
{
    return files == &s->valid || files == &s->verified;
}

/* 1 if --clean and --only-clean concern these files: for evaluate, what is known may be noisy, but the test not; for train the
 * training data alone. */
static int takes_flags(const settings *s, const words *files)
{
    return s->test.count == 0 ? !goes_along(s, files) : files == &s->test;
}

/* A rule that cannot be is the command line's fault; that no event of the data can follow it is the data's. */
static recsys_status mark(program *p, recsys_dataset **data)
{
    recsys_dataset *next = NULL;
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    recsys_status status = recsys_dataset_mark(*data, p->exec, p->settings.clean, &next);
    if (status == RECSYS_ERR_INVALID_ARGUMENT || status == RECSYS_ERR_UNKNOWN_KEY) {
        recsys_exec_last_error(p->exec, &error);
        p->usage = strncmp(error.message, "rule ", 5) == 0;
    }
    return step(status, data, &next);
}

/* Values that --min-value drops must be looked at before, and those that --duplicates adds up after. */
static recsys_status filter(program *p, int merge, int flags, int whole, recsys_dataset **data)
{
    const settings *s = &p->settings;
    recsys_dataset *next = NULL;
    recsys_status status = RECSYS_OK;
    int drops_values = !isnan(s->min_value), marks = flags && s->clean != NULL;
    if (s->behaviour != NULL) status = step(recsys_dataset_of_behaviour(*data, p->exec, s->behaviour, &next), data, &next);
    if (status == RECSYS_OK && marks && drops_values) status = mark(p, data);
    if (status == RECSYS_OK && drops_values)
        status = step(recsys_dataset_to_implicit(*data, p->exec, s->min_value, &next), data, &next);
    if (status == RECSYS_OK && merge)
        status = step(recsys_dataset_merge_duplicates(*data, p->exec, s->duplicates, &next), data, &next);
    if (status == RECSYS_OK && marks && !drops_values) status = mark(p, data);
    if (status == RECSYS_OK && flags && s->only_clean)
        status = step(recsys_dataset_of_flag(*data, p->exec, 1, &next), data, &next);
    if (status == RECSYS_OK && whole && s->k_core.count > 0) {
        int64_t user_k = s->k_core.number[0], item_k = s->k_core.number[s->k_core.count - 1];
        status = step(recsys_dataset_k_core(*data, p->exec, user_k, item_k, &next), data, &next);
    }
    return status;
}

recsys_status data_read(program *p, const words *files, int32_t id_type, recsys_dataset **data)
{
    const settings *s = &p->settings;
    recsys_read_options options = read_options(s, id_type);
    if (s->k_core.count > 2) return program_usage(p, "--k-core takes one number or two: users,items");
    /* The reader's message on duplicates names the line; but what comes before the merging cannot be left to it. */
    int reader_merges = files->count == 1 && s->behaviour == NULL && isnan(s->min_value);
    if (reader_merges) options.duplicates = s->duplicates;
    recsys_status status = read_files(p, files, &options, data);
    if (status == RECSYS_OK)
        status = filter(p, !reader_merges && s->duplicates != RECSYS_DUPLICATES_KEEP, takes_flags(s, files), !goes_along(s, files), data);
    progress_end(&p->progress);
    if (status == RECSYS_OK) return RECSYS_OK;
    recsys_dataset_release(*data);
    *data = NULL;
    return status;
}

/* Labelled rows of training and validation are one reading: a model knows the features of both. */
static recsys_status read_labelled(program *p, recsys_dataset **train, recsys_dataset **valid)
{
    const settings *s = &p->settings;
    recsys_read_options options = read_options(s, RECSYS_ID_AUTO);
    int64_t n_train = s->train.count, n = n_train + s->valid.count;
    words both = { .word = program_alloc(p, n, sizeof *both.word), .count = n };
    recsys_dataset **part = program_alloc(p, n, sizeof *part);
    recsys_status status = both.word != NULL && part != NULL ? RECSYS_OK : RECSYS_ERR_NO_MEMORY;
    for (int64_t i = 0; i < n && status == RECSYS_OK; i++)
        both.word[i] = i < n_train ? s->train.word[i] : s->valid.word[i - n_train];
    if (status == RECSYS_OK) status = read_rows(p, &both, &options, part);
    int64_t n_parts = status == RECSYS_OK ? n : 0;
    if (status == RECSYS_OK) status = join(p, part, n_train, train);
    if (status == RECSYS_OK) status = join(p, part + n_train, n - n_train, valid);
    while (n_parts > 0) recsys_dataset_release(part[--n_parts]);
    free(part);
    free(both.word);
    return status;
}

recsys_status data_read_training(program *p, recsys_dataset **train, recsys_dataset **valid)
{
    const settings *s = &p->settings;
    *train = *valid = NULL;
    if (!data_is_labelled(s) || s->valid.count == 0) return data_read(p, &s->train, RECSYS_ID_AUTO, train);
    if (s->k_core.count > 0) return program_usage(p, "--k-core is not for rows of features with --valid: a row has one event");
    int merge = s->duplicates != RECSYS_DUPLICATES_KEEP;
    recsys_status status = read_labelled(p, train, valid);
    if (status == RECSYS_OK) status = filter(p, merge, takes_flags(s, &s->train), 1, train);
    if (status == RECSYS_OK) status = filter(p, merge, takes_flags(s, &s->valid), 0, valid);
    progress_end(&p->progress);
    if (status == RECSYS_OK) return RECSYS_OK;
    recsys_dataset_release(*train);
    recsys_dataset_release(*valid);
    *train = *valid = NULL;
    return status;
}

int32_t data_shared_type(const recsys_ids *users, const recsys_ids *items)
{
    return recsys_ids_type(users) == recsys_ids_type(items) ? recsys_ids_type(users) : RECSYS_ID_AUTO;
}

int32_t data_id_type_of(const recsys_model *model)
{
    return data_shared_type(recsys_model_users(model), recsys_model_items(model));
}

recsys_status data_collide(program *p, recsys_model **model)
{
    const settings *s = &p->settings;
    recsys_dataset *verified = NULL;
    recsys_model *colliding = NULL;
    if (s->colliding == NULL && s->verified.count == 0) return RECSYS_OK;
    if (s->colliding == NULL) return program_usage(p, "--verified belongs to --colliding K=V,K=V");
    if (s->verified.count == 0) return program_usage(p, "--colliding needs --verified FILE: events known to be clean");
    recsys_status status = data_read(p, &s->verified, data_id_type_of(*model), &verified);
    if (status == RECSYS_OK) {
        status = recsys_model_with_colliding(*model, p->exec, s->colliding, verified, &colliding);
        p->usage = status == RECSYS_ERR_UNKNOWN_KEY || status == RECSYS_ERR_OUT_OF_RANGE || status == RECSYS_ERR_PARSE ||
                   status == RECSYS_ERR_UNSUPPORTED;
    }
    progress_end(&p->progress);
    recsys_dataset_release(verified);
    if (status != RECSYS_OK) return status;
    recsys_model_release(*model);
    *model = colliding;
    return RECSYS_OK;
}
