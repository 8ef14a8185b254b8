/* names.h - ids as text, lists of ids from the command line and from files, and the names of items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_NAMES_H
#define RECSYS_PROGRAM_NAMES_H

#include "program.h"

/* The id at `index` as text for the caller to free(); NULL if memory ran out or there is no such index. */
char *id_text(const recsys_ids *ids, int64_t index);

/* Index in `to` of the id at `index` in `from`, -1 if it has none. */
int64_t id_translate(const recsys_ids *from, int64_t index, const recsys_ids *to);

/* A file of ids, one on a line. The lines lie in `text`. */
typedef struct id_lines {
    char *text;
    const char **line;
    int64_t count;
} id_lines;

recsys_status id_lines_read(program *p, const char *path, id_lines *lines);
void id_lines_free(id_lines *lines);

/* The indices of those ids that `ids` holds; the others are of no interest. `index` is for the caller to free(). */
recsys_status id_lines_indices(program *p, const id_lines *lines, const recsys_ids *ids, int64_t **index, int64_t *count);

/* Says on standard error how many ids of an option's file are not among those of `where`; fails if none is there at all. */
recsys_status id_lines_report(program *p, const char *option, const char *path, const id_lines *lines, int64_t known,
                              const char *where);

/* The dataset that holds the items of --items (an item table, or a MovieLens folder), for their names; NULL without
 * --items. */
recsys_status names_read(program *p, recsys_dataset **names);

/* The name of an item of `items`; "" if there is none. Borrowed from `names`. */
const char *name_of(const recsys_dataset *names, const recsys_ids *items, int64_t item);

#endif
