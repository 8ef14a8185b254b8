/* write.c - events as delimited text, plain or gzip, complete or not at all.
 *
 * A line for each event, without header unless features have names: ids as they were given, numbers in their shortest form that
 * reads back equal and with a decimal point in any locale. A string that holds the separator, a quote or a newline stands in
 * double quotes, quotes in it doubled; so does an empty one, which could be taken for a blank line.
 * E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/io.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/struct.h"
#include "base/text.h"
#include "data/dataset.h"
#include "io/atomic_file.h"

enum { CELL_USER, CELL_FEATURES, CELL_LABEL, CELL_ITEM, CELL_VALUE, CELL_TIME, CELL_BEHAVIOUR, CELL_SESSION, CELL_FLAG,
       CELL_KINDS };

static const char *const column_words[CELL_KINDS] = { "user", "feature", "label", "item", "value", "time", "behaviour",
                                                      "session",
                                                       "flag" };

enum { FLUSH_BYTES = 1 << 18, GZIP_OUT_BYTES = 1 << 16, GZIP_WINDOW = 15 + 16 /* 15 bits; 16 asks for gzip framing */ };

struct writer {
    recsys_exec *exec;
    const recsys_dataset *data;
    int column[CELL_KINDS]; /* COLUMN_*, in the order of the file */
    int n_columns;
    const feature_table *features; /* NULL: the data has no rows of features */
    const char *separator;
    int64_t separator_length;
    text line; /* lines that are not yet in the file */
    atomic_file *file;
    int compressed; /* 1: the stream below is open */
    z_stream gzip;
    recsys_status gzip_status; /* why an allocation for it failed */
    unsigned char *gzip_out; /* GZIP_OUT_BYTES */
};

/* ---- Options ---- */

static int has_column(const recsys_dataset *d, int column)
{
    switch (column) {
    case CELL_FEATURES:
    case CELL_LABEL: return recsys__dataset_dense(d) != NULL;
    case CELL_ITEM: return recsys__dataset_dense(d) == NULL;
    case CELL_VALUE: return d->value != NULL;
    case CELL_TIME: return d->time != NULL;
    case CELL_BEHAVIOUR: return d->behaviour != NULL;
    case CELL_SESSION: return d->session != NULL;
    case CELL_FLAG: return d->flag != NULL;
    default: return 1;
    }
}

/* The column with this name, or -1. */
static int find_column(const char *word, size_t length)
{
    for (int column = 0; column < CELL_KINDS; column++)
        if (strlen(column_words[column]) == length && !memcmp(column_words[column], word, length)) return column;
    return -1;
}

static recsys_status add_column(struct writer *w, const char *word, size_t length)
{
    error *e = &w->exec->error;
    int shown = length < 64 ? (int)length : 64, column = find_column(word, length);
    if (column < 0)
        return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN,
                            "no column \"%.*s\"; there are user, item, value, time, behaviour, session and flag, or feature and "
                            "label in the place of item", shown, word);
    if (!has_column(w->data, column))
        return recsys__fail(e, RECSYS_ERR_MISSING_DATA, "column \"%s\" cannot be written: the data has none",
                            column_words[column]);
    for (int c = 0; c < w->n_columns; c++)
        if (w->column[c] == column)
            return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN, "column \"%s\" is asked for twice", column_words[column]);
    w->column[w->n_columns++] = column;
    return RECSYS_OK;
}

static recsys_status choose_columns(struct writer *w, const char *list)
{
    for (int column = 0; !list && column < CELL_KINDS; column++)
        if (has_column(w->data, column)) w->column[w->n_columns++] = column;
    while (list) {
        const char *comma = strchr(list, ',');
        recsys_status status = add_column(w, list, comma ? (size_t)(comma - list) : strlen(list));
        if (status) return status;
        list = comma ? comma + 1 : NULL;
    }
    return RECSYS_OK;
}

/* Numbers are never quoted, so the separator must not be something that they hold. */
static recsys_status choose_separator(struct writer *w, const char *separator)
{
    w->separator = separator ? separator : "\t";
    w->separator_length = (int64_t)strlen(w->separator);
    if (w->separator_length == 0 || strpbrk(w->separator, "0123456789+-.e\"\r\n"))
        return recsys__fail(&w->exec->error, RECSYS_ERR_OUT_OF_RANGE,
                            "the separator must not be empty or hold digits, '+', '-', '.', 'e', quotes or newlines");
    return RECSYS_OK;
}

/* ---- Cells ---- */

static void put_i64(text *t, int64_t value)
{
    char digits[24], *s = digits + sizeof digits;
    /* Negated as unsigned, so that the least value has a magnitude too. */
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do *--s = (char)('0' + magnitude % 10);
    while ((magnitude /= 10) > 0);
    if (value < 0) *--s = '-';
    recsys__text_bytes(t, s, digits + sizeof digits - s);
}

static void put_float(text *t, float value)
{
    int is_small_integer = fabsf(value) < 1e6f && value == (float)(int32_t)value && !(value == 0.0f && signbit(value));
    if (is_small_integer)
        put_i64(t, (int32_t)value);
    else
        recsys__text_float(t, value);
}

static int needs_quotes(const struct writer *w, const char *s, int64_t length)
{
    if (length == 0) return 1;
    for (int64_t k = 0; k < length; k++) {
        if (s[k] == '"' || s[k] == '\n' || s[k] == '\r') return 1;
        if (s[k] == w->separator[0] && length - k >= w->separator_length &&
            !memcmp(s + k, w->separator, (size_t)w->separator_length))
            return 1;
    }
    return 0;
}

static void put_string(struct writer *w, const char *s, int64_t length)
{
    text *t = &w->line;
    if (!needs_quotes(w, s, length)) {
        recsys__text_bytes(t, s, length);
        return;
    }
    recsys__text_bytes(t, "\"", 1);
    for (int64_t k = 0; k < length; k++) recsys__text_bytes(t, s[k] == '"' ? "\"\"" : s + k, s[k] == '"' ? 2 : 1);
    recsys__text_bytes(t, "\"", 1);
}

static void put_id(struct writer *w, const recsys_ids *ids, int32_t index)
{
    if (recsys_ids_type(ids) == RECSYS_ID_INT) {
        put_i64(&w->line, recsys__ids_ints(ids)[index]);
        return;
    }
    const int64_t *offset;
    const char *bytes = recsys__ids_bytes(ids, &offset);
    put_string(w, bytes + offset[index], offset[index + 1] - offset[index]);
}

/* All features of a row; nothing between the separators of one that has none. */
static void put_features(struct writer *w, int32_t row)
{
    const csr *cells = &w->features->cells;
    int64_t first = cells->ptr[row], F = cells->n_cols;
    for (int64_t f = 0; f < F; f++) {
        if (f > 0) recsys__text_bytes(&w->line, w->separator, w->separator_length);
        if (cells->ptr[row + 1] > first) put_float(&w->line, cells->val[first + f]);
    }
}

static void put_cell(struct writer *w, int column, int64_t e)
{
    const recsys_dataset *d = w->data;
    switch (column) {
    case CELL_USER: put_id(w, d->users, d->user[e]); break;
    case CELL_FEATURES: put_features(w, d->user[e]); break;
    case CELL_LABEL:
    case CELL_ITEM: put_id(w, d->items, d->item[e]); break;
    case CELL_VALUE: put_float(&w->line, d->value[e]); break;
    case CELL_TIME: put_i64(&w->line, d->time[e]); break;
    case CELL_BEHAVIOUR: put_id(w, d->behaviours, d->behaviour[e]); break;
    case CELL_SESSION: put_id(w, d->sessions, d->session[e]); break;
    default: put_i64(&w->line, d->flag[e]); break;
    }
}

/* ---- The file ---- */

/* Feeds `n` bytes to the stream; `flush` is Z_NO_FLUSH, or Z_FINISH for the last time. */
static recsys_status compress_slice(struct writer *w, const char *bytes, int64_t n, int flush)
{
    w->gzip.next_in = (Bytef *)bytes;
    w->gzip.avail_in = (uInt)n;
    do {
        w->gzip.next_out = w->gzip_out;
        w->gzip.avail_out = GZIP_OUT_BYTES;
        deflate(&w->gzip, flush); /* fails only if the stream is misused; a full output is what the loop is for */
        recsys_status status = recsys__atomic_write(w->file, w->gzip_out, GZIP_OUT_BYTES - (int64_t)w->gzip.avail_out);
        if (status) return status;
    } while (w->gzip.avail_out == 0);
    return RECSYS_OK;
}

/* zlib counts in 32 bits, and one line may be longer than that. */
static recsys_status compress_lines(struct writer *w, int last)
{
    const int64_t slice = 1 << 30;
    int64_t done = 0, n = w->line.length;
    for (; n - done > slice; done += slice) {
        recsys_status status = compress_slice(w, w->line.data + done, slice, Z_NO_FLUSH);
        if (status) return status;
    }
    return compress_slice(w, w->line.data ? w->line.data + done : NULL, n - done, last ? Z_FINISH : Z_NO_FLUSH);
}

static recsys_status flush_lines(struct writer *w, int last)
{
    if (w->line.status) return recsys__text_end(&w->line);
    recsys_status status =
        w->compressed ? compress_lines(w, last) : recsys__atomic_write(w->file, w->line.data, w->line.length);
    w->line.length = 0;
    return status;
}

/* 1 if a feature has a name and not only its number. */
static int are_named(const feature_table *t)
{
    char digits[24];
    int64_t F = t ? t->cells.n_cols : 0;
    for (int64_t f = 0; f < F; f++) {
        snprintf(digits, sizeof digits, "%lld", (long long)f + 1);
        if (strcmp(recsys__ids_string(t->features, f), digits)) return 1;
    }
    return 0;
}

static void write_header(struct writer *w)
{
    for (int c = 0; c < w->n_columns; c++) {
        if (c > 0) recsys__text_bytes(&w->line, w->separator, w->separator_length);
        if (w->column[c] != CELL_FEATURES) {
            recsys__text_string(&w->line, column_words[w->column[c]]);
            continue;
        }
        for (int64_t f = 0; f < w->features->cells.n_cols; f++) {
            const char *name = recsys__ids_string(w->features->features, f);
            if (f > 0) recsys__text_bytes(&w->line, w->separator, w->separator_length);
            put_string(w, name, (int64_t)strlen(name));
        }
    }
    recsys__text_bytes(&w->line, "\n", 1);
}

static recsys_status write_events(struct writer *w)
{
    int64_t E = w->data->n_events;
    if (are_named(w->features)) write_header(w);
    for (int64_t e = 0; e < E; e++) {
        for (int c = 0; c < w->n_columns; c++) {
            if (c > 0) recsys__text_bytes(&w->line, w->separator, w->separator_length);
            put_cell(w, w->column[c], e);
        }
        recsys__text_bytes(&w->line, "\n", 1);
        if (w->line.length < FLUSH_BYTES && !w->line.status) continue;
        recsys_status status = flush_lines(w, 0);
        if (!status) status = recsys__progress(w->exec, e + 1, E);
        if (status) return status;
    }
    return flush_lines(w, 1);
}

static void *gzip_alloc(void *writer, uInt count, uInt size)
{
    struct writer *w = writer;
    void *block;
    recsys_status status = recsys__alloc(w->exec->memory, &w->exec->error, count, size, &block);
    if (status) w->gzip_status = status; /* zlib asks for several blocks before it looks whether it got them all */
    return block;
}

static void gzip_free(void *writer, void *block)
{
    struct writer *w = writer;
    recsys__free(w->exec->memory, block);
}

static recsys_status open_gzip(struct writer *w, const char *path)
{
    size_t length = strlen(path);
    if (length < 3 || strcmp(path + length - 3, ".gz")) return RECSYS_OK;
    recsys_status status = recsys__alloc(w->exec->memory, &w->exec->error, GZIP_OUT_BYTES, 1, &w->gzip_out);
    if (status) return status;
    w->gzip.zalloc = gzip_alloc;
    w->gzip.zfree = gzip_free;
    w->gzip.opaque = w;
    if (deflateInit2(&w->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        if (w->gzip_status) return w->gzip_status;
        return recsys__fail(&w->exec->error, RECSYS_ERR_UNSUPPORTED, "zlib %s refuses to compress %s", zlibVersion(), path);
    }
    w->compressed = 1;
    return RECSYS_OK;
}

/* Opens, writes and puts in place. */
static recsys_status write_file(struct writer *w, const char *path)
{
    recsys_exec *x = w->exec;
    recsys_status status = recsys__phase(x, "write");
    if (status) return status;
    w->line = recsys__text_begin(x->memory, &x->error);
    status = open_gzip(w, path);
    if (!status) status = recsys__atomic_open(x, path, &w->file);
    if (!status) status = write_events(w);
    if (w->compressed) deflateEnd(&w->gzip);
    recsys__free(x->memory, w->gzip_out);
    recsys__text_free(&w->line);
    if (!status) return recsys__atomic_commit(w->file);
    recsys__atomic_abort(w->file);
    return status;
}

recsys_status recsys_dataset_write(const recsys_dataset *dataset, recsys_exec *exec, const char *path,
                                   const recsys_write_options *options)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    error *e = &exec->error;
    if (!dataset || !path) return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_write: an argument is NULL");
    recsys_write_options own;
    recsys_status status = recsys__struct_in(e, "recsys_write_options", options, sizeof(size_t), &own, sizeof own);
    if (status) return status;
    struct writer w;
    memset(&w, 0, sizeof w);
    w.exec = exec;
    w.data = dataset;
    w.features = recsys__dataset_dense(dataset);
    status = choose_columns(&w, own.columns);
    if (!status) status = choose_separator(&w, own.separator);
    return status ? status : write_file(&w, path);
}
