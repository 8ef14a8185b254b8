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

static recsys_read_options read_options(const settings *s, int32_t id_type)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.format = s->format;
    options.columns = s->columns;
    options.separator = separator_of(s);
    options.header = s->header;
    options.id_type = s->id_type != RECSYS_ID_AUTO ? s->id_type : id_type;
    options.users = s->users;
    options.items = s->items;
    options.item_columns = s->item_columns;
    return options;
}

/* 1 if a read failed for what an option says, not for what the file holds: the message then begins with the option. */
static int blames_options(program *p, recsys_status status)
{
    static const char *const first_words[] = { "columns:", "item_columns:" };
    recsys_error_info error = RECSYS_ERROR_INFO_INIT;
    if (status == RECSYS_ERR_UNKNOWN_KEY || status == RECSYS_ERR_INVALID_ARGUMENT) return 1;
    if (status != RECSYS_ERR_UNKNOWN_COLUMN) return 0;
    recsys_exec_last_error(p->exec, &error);
    for (size_t i = 0; i < sizeof first_words / sizeof *first_words; i++)
        if (strncmp(error.message, first_words[i], strlen(first_words[i])) == 0) return 1;
    return 0;
}

static recsys_status read_files(program *p, const words *files, const recsys_read_options *options, recsys_dataset **data)
{
    recsys_status status = RECSYS_OK;
    recsys_dataset **part = program_alloc(p, files->count, sizeof *part);
    int64_t n_parts = 0;
    *data = NULL;
    if (part == NULL) return RECSYS_ERR_NO_MEMORY;
    while (status == RECSYS_OK && n_parts < files->count) {
        progress_subject(&p->progress, files->word[n_parts]);
        status = recsys_dataset_read(p->exec, files->word[n_parts], options, &part[n_parts]);
        progress_subject(&p->progress, NULL);
        if (status == RECSYS_OK) n_parts++;
        else p->usage = blames_options(p, status);
    }
    if (status == RECSYS_OK && n_parts == 1) *data = recsys_dataset_retain(part[0]);
    else if (status == RECSYS_OK) status = recsys_dataset_concat(p->exec, (const recsys_dataset *const *)part, n_parts, data);
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

recsys_status data_read(program *p, const words *files, int32_t id_type, recsys_dataset **data)
{
    const settings *s = &p->settings;
    recsys_read_options options = read_options(s, id_type);
    recsys_dataset *next = NULL;
    if (s->k_core.count > 2) return program_usage(p, "--k-core takes one number or two: users,items");
    /* The reader's message on duplicates names the line; but what comes before the merging cannot be left to it. */
    int reader_merges = files->count == 1 && s->behaviour == NULL && isnan(s->min_value);
    if (reader_merges) options.duplicates = s->duplicates;
    recsys_status status = read_files(p, files, &options, data);
    if (status == RECSYS_OK && s->behaviour != NULL)
        status = step(recsys_dataset_of_behaviour(*data, p->exec, s->behaviour, &next), data, &next);
    if (status == RECSYS_OK && !isnan(s->min_value))
        status = step(recsys_dataset_to_implicit(*data, p->exec, s->min_value, &next), data, &next);
    if (status == RECSYS_OK && !reader_merges && s->duplicates != RECSYS_DUPLICATES_KEEP)
        status = step(recsys_dataset_merge_duplicates(*data, p->exec, s->duplicates, &next), data, &next);
    if (status == RECSYS_OK && s->k_core.count > 0) {
        int64_t user_k = s->k_core.number[0], item_k = s->k_core.number[s->k_core.count - 1];
        status = step(recsys_dataset_k_core(*data, p->exec, user_k, item_k, &next), data, &next);
    }
    progress_end(&p->progress);
    if (status == RECSYS_OK) return RECSYS_OK;
    recsys_dataset_release(*data);
    *data = NULL;
    return status;
}

int32_t data_id_type_of(const recsys_model *model)
{
    int32_t users = recsys_ids_type(recsys_model_users(model));
    return users == recsys_ids_type(recsys_model_items(model)) ? users : RECSYS_ID_AUTO;
}
