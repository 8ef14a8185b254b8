/* names.c - from ids to text and back, lists of ids, names of items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *id_text(const recsys_ids *ids, int64_t index)
{
    int64_t length = recsys_ids_text(ids, index, NULL, 0);
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text != NULL) recsys_ids_text(ids, index, text, length + 1);
    return text;
}

int64_t id_translate(const recsys_ids *from, int64_t index, const recsys_ids *to)
{
    int64_t id;
    if (recsys_ids_get_int(from, index, &id) == RECSYS_OK) return recsys_ids_find_int(to, id);
    char *text = id_text(from, index);
    int64_t found = text != NULL ? recsys_ids_find(to, text) : -1;
    free(text);
    return found;
}

/* All of a file, with a zero at its end. */
static recsys_status read_all(program *p, const char *path, char **text)
{
    FILE *file = fopen(path, "r");
    size_t length = 0, room = 1 << 16;
    recsys_status status = RECSYS_OK;
    *text = NULL;
    if (file == NULL) return program_fail(p, RECSYS_ERR_FILE_NOT_FOUND, "%s: %s", path, strerror(errno));
    for (;;) {
        char *grown = realloc(*text, room);
        if (grown == NULL) {
            status = program_fail(p, RECSYS_ERR_NO_MEMORY, "%s: out of memory", path);
            break;
        }
        *text = grown;
        length += fread(*text + length, 1, room - 1 - length, file);
        if (length + 1 < room) break;
        room *= 2;
    }
    if (status == RECSYS_OK && ferror(file)) status = program_fail(p, RECSYS_ERR_IO, "%s: %s", path, strerror(errno));
    fclose(file);
    if (status == RECSYS_OK) (*text)[length] = '\0';
    return status;
}

recsys_status id_lines_read(program *p, const char *path, id_lines *lines)
{
    *lines = (id_lines){ NULL, NULL, 0 };
    recsys_status status = read_all(p, path, &lines->text);
    if (status != RECSYS_OK) goto failed;
    int64_t most = 1;
    for (const char *c = lines->text; *c != '\0'; c++) most += *c == '\n';
    lines->line = program_alloc(p, most, sizeof *lines->line);
    if (lines->line == NULL) {
        status = RECSYS_ERR_NO_MEMORY;
        goto failed;
    }
    char *s = lines->text;
    while (*s != '\0') {
        size_t length = strcspn(s, "\n");
        char *next = s[length] == '\n' ? s + length + 1 : s + length;
        s[length] = '\0';
        if (length > 0 && s[length - 1] == '\r') s[length - 1] = '\0';
        if (*s != '\0') lines->line[lines->count++] = s;
        s = next;
    }
    return RECSYS_OK;
failed:
    id_lines_free(lines);
    return status;
}

void id_lines_free(id_lines *lines)
{
    free(lines->text);
    free(lines->line);
    *lines = (id_lines){ NULL, NULL, 0 };
}

recsys_status id_lines_indices(program *p, const id_lines *lines, const recsys_ids *ids, int64_t **index, int64_t *count)
{
    *count = 0;
    *index = program_alloc(p, lines->count, sizeof **index);
    if (*index == NULL) return RECSYS_ERR_NO_MEMORY;
    for (int64_t l = 0; l < lines->count; l++) {
        int64_t found = recsys_ids_find(ids, lines->line[l]);
        if (found >= 0) (*index)[(*count)++] = found;
    }
    return RECSYS_OK;
}

recsys_status id_lines_report(program *p, const char *option, const char *path, const id_lines *lines, int64_t known,
                              const char *where)
{
    if (lines->count > 0 && known == 0)
        return program_fail(p, RECSYS_ERR_UNKNOWN_ID, "--%s: %s has none of the ids of %s", option, path, where);
    if (known < lines->count) {
        progress_end(&p->progress);
        fprintf(stderr, "recsys: warning: --%s: %lld of the %lld ids in %s are unknown to %s\n", option,
                (long long)(lines->count - known), (long long)lines->count, path, where);
    }
    return RECSYS_OK;
}

/* An item table needs no events beside it: a builder that gets none makes a dataset of the catalogue alone. */
static recsys_status read_item_table(program *p, recsys_dataset **names)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    recsys_dataset_builder *builder = NULL;
    options.items = p->settings.names;
    options.item_columns = p->settings.item_columns;
    recsys_status status = recsys_dataset_builder_create(p->exec, &options, &builder);
    if (status == RECSYS_OK) status = recsys_dataset_builder_finish(builder, names);
    recsys_dataset_builder_release(builder);
    return status;
}

recsys_status names_read(program *p, recsys_dataset **names)
{
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    struct stat info;
    const char *path = p->settings.names;
    *names = NULL;
    if (path == NULL) return RECSYS_OK;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return read_item_table(p, names);
    options.format = "movielens";
    return recsys_dataset_read(p->exec, path, &options, names);
}

const char *name_of(const recsys_dataset *names, const recsys_ids *items, int64_t item)
{
    if (names == NULL) return "";
    int64_t row = id_translate(items, item, recsys_dataset_items(names));
    const char *name = row >= 0 ? recsys_dataset_item_name(names, row) : NULL;
    return name != NULL ? name : "";
}
