/* read.c - reading datasets from files: the options, the choice of a reader, several files at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/read.h"

#include <stddef.h>
#include <string.h>

#include "base/struct.h"
#include "base/text.h"
#include "data/builder_inside.h"
#include "data/read_movielens.h"

typedef struct format {
    const char *name;
    recsys_status (*read)(input *in, const recsys_read_options *options, recsys_dataset_builder *b); /* a file as a part */
    int has_columns;
} format;

/* MovieLens has no `read`: it opens files of its own choice. */
static const format formats[] = {
    {"delimited", recsys__read_delimited, 1}, {"movielens", NULL, 0},
    {"adjacency", recsys__read_adjacency, 0}, {"rating", recsys__read_rating, 1},
    {"negative", recsys__read_negative, 0},   {"negative-candidates", recsys__read_negative_candidates, 0}};

enum { N_FORMATS = sizeof formats / sizeof *formats };

/* ---- options ---- */

static recsys_status check_number(recsys_exec *x, const char *name, int32_t value, int32_t most)
{
    if (value >= 0 && value <= most) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "recsys_read_options: %s is %d, but must be 0 to %d", name,
                        value, most);
}

recsys_status recsys__read_options_in(recsys_exec *x, const recsys_read_options *given, recsys_read_options *own)
{
    recsys_status s = recsys__struct_in(&x->error, "recsys_read_options", given, sizeof own->struct_size, own, sizeof *own);
    if (!s) s = check_number(x, "header", own->header, RECSYS_HEADER_YES);
    if (!s) s = check_number(x, "id_type", own->id_type, RECSYS_ID_STRING);
    if (!s) s = check_number(x, "duplicates", own->duplicates, RECSYS_DUPLICATES_ERROR);
    if (!s) s = check_number(x, "reserved", own->reserved, 0);
    if (!s && own->user_columns && !own->users)
        s = recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                         "user_columns describes a user file, but users names none");
    if (!s && own->item_columns && !own->items)
        s = recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                         "item_columns describes an item file, but items names none");
    return s;
}

static recsys_status find_format(recsys_exec *x, const recsys_read_options *options, const format **out)
{
    const char *names[N_FORMATS], *given = options->format ? options->format : formats[0].name;
    *out = NULL;
    for (int k = 0; k < N_FORMATS; k++) {
        names[k] = formats[k].name;
        if (strcmp(given, names[k]) == 0) *out = &formats[k];
    }
    if (!*out)
        return recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_KEY,
                            "format: \"%s\" is none (did you mean \"%s\"?); there are delimited, movielens, adjacency, "
                            "rating, negative and negative-candidates",
                            given, recsys__nearest(given, names, N_FORMATS));
    if (options->columns && !(*out)->has_columns)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT,
                            "columns: files of the format %s have no choice of columns", given);
    return RECSYS_OK;
}

/* ---- reading ---- */

static recsys_status read_part(recsys_exec *x, const format *f, const char *path, const recsys_read_options *options,
                               recsys_dataset_builder *b)
{
    if (!f->read) return recsys__read_movielens_events(x, path, b);
    input *in;
    recsys_status s = recsys__input_open(x, path, &in);
    if (s) return s;
    s = f->read(in, options, b);
    recsys__input_close(in);
    return s;
}

static recsys_status fail_empty(recsys_exec *x, const char *path)
{
    return recsys__fail(&x->error, RECSYS_ERR_EMPTY, "%s: no events in it", path);
}

/* Puts the path, and the line if it is known (0: not), before the message of a duplicate, which is found when all events
 * are there. */
static recsys_status name_place(recsys_exec *x, recsys_status s, const char *path, int64_t line)
{
    if (s != RECSYS_ERR_DUPLICATE) return s;
    error old = x->error;
    if (line > 0) return recsys__fail(&x->error, s, "%.250s:%lld: %s", path, (long long)line, old.message);
    return recsys__fail(&x->error, s, "%.250s: %s", path, old.message);
}

static recsys_status read_all(recsys_exec *x, const format *f, const char *const *paths, int64_t n_paths,
                              const recsys_read_options *options, recsys_dataset_builder *b, recsys_dataset **datasets)
{
    recsys_status s = f->read ? RECSYS_OK : recsys__read_movielens_items(x, paths[0], b);
    for (int64_t p = 0; !s && p < n_paths; p++) {
        s = read_part(x, f, paths[p], options, b);
        if (!s && p == 0 && recsys__builder_part_events(b) == 0) s = fail_empty(x, paths[0]);
    }
    if (s) return s;
    s = recsys__builder_finish(b, datasets);
    return s && b->failed_part >= 0 ? name_place(x, s, paths[b->failed_part], f->read ? b->failed_line : 0) : s;
}

recsys_status recsys_dataset_read_parts(recsys_exec *exec, const char *const *paths, int64_t n_paths,
                                        const recsys_read_options *options, recsys_dataset **datasets)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    recsys_exec *x = exec;
    int bad = !paths || !datasets || n_paths < 1;
    for (int64_t p = 0; datasets && p < n_paths; p++) datasets[p] = NULL;
    for (int64_t p = 0; !bad && p < n_paths; p++) bad = !paths[p];
    if (bad)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "reading a dataset: no paths, or one of them is NULL");

    recsys_read_options own;
    const format *f = NULL;
    recsys_dataset_builder *b = NULL;
    recsys_status s = recsys__read_options_in(x, options, &own);
    if (!s) s = find_format(x, &own, &f);
    if (!s) s = recsys__phase(x, "read");
    if (!s) s = recsys__builder_create(x, &own, &b);
    if (!s) s = read_all(x, f, paths, n_paths, &own, b, datasets);
    recsys_dataset_builder_release(b);
    return s;
}

recsys_status recsys_dataset_read(recsys_exec *exec, const char *path, const recsys_read_options *options,
                                  recsys_dataset **dataset)
{
    return recsys_dataset_read_parts(exec, &path, 1, options, dataset);
}

recsys_status recsys__dataset_read_memory(recsys_exec *x, const char *name, const void *bytes, int64_t size,
                                          const recsys_read_options *options, recsys_dataset **dataset)
{
    recsys_read_options own;
    const format *f = NULL;
    recsys_dataset_builder *b = NULL;
    input *in = NULL;
    *dataset = NULL;
    recsys_status s = recsys__read_options_in(x, options, &own);
    if (!s) s = find_format(x, &own, &f);
    if (!s && !f->read) s = recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s: this format has several files", f->name);
    if (!s) s = recsys__builder_create(x, &own, &b);
    if (!s) s = recsys__input_open_memory(x, name, bytes, size, &in);
    if (!s) s = f->read(in, &own, b);
    if (!s && recsys__builder_part_events(b) == 0) s = fail_empty(x, name);
    if (!s) s = name_place(x, recsys__builder_finish(b, dataset), name, b->failed_line);
    recsys__input_close(in);
    recsys_dataset_builder_release(b);
    return s;
}
