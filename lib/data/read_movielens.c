/* read_movielens.c - MovieLens in its own files: which of the layouts it is, where the files are, the ratings.
 *
 * Ratings are delimited text with known columns, so the delimited reader reads them. Movies are in movielens_catalogue.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/read_movielens.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "data/input.h"
#include "data/read.h"

/* Where the data lies. */
struct location {
    int layout;    /* MOVIELENS_* */
    char *folder;  /* empty, or with a slash at the end */
    char *ratings; /* the file with the events */
};

/* By MOVIELENS_*. */
static const char *const ratings_names[] = { "u.data", "ratings.dat", "ratings.csv" };
static const char *const separators[] = { "\t", "::", "," };
enum { LAYOUTS = 3 };

/* `length` bytes of s, then `tail`. */
static recsys_status join(recsys_exec *x, const char *s, size_t length, const char *tail, char **out)
{
    size_t more = strlen(tail) + 1;
    recsys_status status = recsys__alloc(x->memory, &x->error, (int64_t)(length + more), 1, out);
    if (status) return status;
    memcpy(*out, s, length);
    memcpy(*out + length, tail, more);
    return RECSYS_OK;
}

recsys_status recsys__movielens_find(recsys_exec *x, const char *folder, const char *name, char **path)
{
    static const char packed[] = ".gz";
    char *file;
    struct stat about;
    *path = NULL;
    size_t size = strlen(folder) + strlen(name) + sizeof packed;
    recsys_status status = recsys__alloc(x->memory, &x->error, (int64_t)size, 1, &file);
    if (status) return status;
    strcat(strcpy(file, folder), name);
    if (stat(file, &about)) {
        strcat(file, packed);
        if (stat(file, &about)) {
            recsys__free(x->memory, file);
            return RECSYS_OK;
        }
    }
    *path = file;
    return RECSYS_OK;
}

/* A folder: the first of the ratings files that it holds says which layout it is. */
static recsys_status locate_folder(recsys_exec *x, const char *path, struct location *at)
{
    size_t length = strlen(path);
    recsys_status status = join(x, path, length, length > 0 && path[length - 1] == '/' ? "" : "/", &at->folder);
    for (at->layout = 0; !status && at->layout < LAYOUTS; at->layout++) {
        status = recsys__movielens_find(x, at->folder, ratings_names[at->layout], &at->ratings);
        if (at->ratings) return RECSYS_OK;
    }
    if (status) return status;
    return recsys__fail(&x->error, RECSYS_ERR_FILE_NOT_FOUND,
                        "%s: no ratings of MovieLens in this folder (u.data, ratings.dat or ratings.csv, plain or .gz)",
                        path);
}

/* The layout of a ratings file by what stands between the numbers of its first line. An empty one could be any. */
static recsys_status find_layout(recsys_exec *x, const char *path, int *layout)
{
    input *in;
    const char *line;
    int64_t length, number;
    recsys_status status = recsys__input_open(x, path, &in);
    if (status) return status;
    status = recsys__input_line(in, &line, &length, &number);
    *layout = line ? -1 : MOVIELENS_100K;
    for (int64_t k = 0; !status && *layout < 0 && k < length; k++) {
        if (line[k] == '\t') *layout = MOVIELENS_100K;
        if (line[k] == ',') *layout = MOVIELENS_CSV;
        if (line[k] == ':' && k + 1 < length && line[k + 1] == ':') *layout = MOVIELENS_DAT;
    }
    recsys__input_close(in);
    if (!status && *layout < 0)
        status = recsys__fail(&x->error, RECSYS_ERR_PARSE, "%s:1: no ratings of MovieLens: no tab, \"::\" or comma", path);
    return status;
}

static recsys_status locate_file(recsys_exec *x, const char *path, struct location *at)
{
    const char *slash = strrchr(path, '/');
    recsys_status status = find_layout(x, path, &at->layout);
    if (!status) status = join(x, path, slash ? (size_t)(slash - path) + 1 : 0, "", &at->folder);
    if (!status) status = join(x, path, strlen(path), "", &at->ratings);
    return status;
}

static void release(recsys_exec *x, struct location *at)
{
    recsys__free(x->memory, at->ratings);
    recsys__free(x->memory, at->folder);
}

/* On failure there is nothing to release. */
static recsys_status locate(recsys_exec *x, const char *path, struct location *at)
{
    struct stat about;
    *at = (struct location){ 0, NULL, NULL };
    int is_folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    recsys_status status = is_folder ? locate_folder(x, path, at) : locate_file(x, path, at);
    if (status) release(x, at);
    return status;
}

recsys_status recsys__read_movielens_items(recsys_exec *x, const char *path, recsys_dataset_builder *b)
{
    struct location at;
    recsys_status status = locate(x, path, &at);
    if (status) return status;
    status = recsys__movielens_catalogue(x, at.folder, at.layout, b);
    release(x, &at);
    return status;
}

recsys_status recsys__read_movielens_events(recsys_exec *x, const char *path, recsys_dataset_builder *b)
{
    struct location at;
    recsys_status status = locate(x, path, &at);
    if (status) return status;
    recsys_read_options options = RECSYS_READ_OPTIONS_INIT;
    options.columns = "user,item,value,time";
    options.separator = separators[at.layout];
    options.header = at.layout == MOVIELENS_CSV ? RECSYS_HEADER_AUTO : RECSYS_HEADER_NO;
    input *in;
    status = recsys__input_open(x, at.ratings, &in);
    if (!status) {
        status = recsys__read_delimited(in, &options, b);
        recsys__input_close(in);
    }
    release(x, &at);
    return status;
}
