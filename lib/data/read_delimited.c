/* read_delimited.c - delimited text: each row an event, or a row of features with its label.
 *
 * Rows go through one of two doors. Lines that begin with two integers, which are the ids, and whose other columns are not
 * asked for go to parse_pairs.c, block by block. Any other line, and the first, is cut into cells (record.c), each read by
 * what its column holds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "data/builder_inside.h"
#include "data/cell_number.h"
#include "data/columns.h"
#include "data/parse_pairs.h"
#include "data/read.h"
#include "data/record.h"

enum { BLOCK_LINES = 1024 };

typedef struct delimited {
    recsys_exec *x;
    recsys_dataset_builder *b;
    record_reader *r;
    column_map map;
    event_place place;
    int64_t rows;
    float *features; /* of a row, if there are columns for them */
    int64_t first[BLOCK_LINES], second[BLOCK_LINES];
} delimited;

/* ---- messages ---- */

static recsys_status fail_cell(const delimited *d, int kind, const cell *c, const char *fault)
{
    char shown[64];
    return recsys__fail(&d->x->error, RECSYS_ERR_PARSE, "%.300s:%lld: column %d (%s): %s %s", d->place.path,
                        (long long)d->place.line, (int)d->map.at[kind] + 1, recsys__kind_word(&d->map, kind),
                        recsys__show_cell(c->text, c->length, shown, sizeof shown), fault);
}

static const char *separator_name(const record_reader *r)
{
    if (r->separator_length == 0) return "none found";
    if (strcmp(r->separator, "\t") == 0) return "tab";
    return strcmp(r->separator, " ") == 0 ? "space" : r->separator;
}

/* A row has too few cells. In the first row the column is missing from the file, later from the row. */
static recsys_status fail_missing(const delimited *d, int32_t n_cells)
{
    int kind = 0;
    while (d->map.at[kind] < n_cells) kind++;
    int cut = recsys__input_ends_in_mid_line(d->r->in) && d->r->at == d->r->end;
    return recsys__fail(&d->x->error, d->rows == 0 ? RECSYS_ERR_UNKNOWN_COLUMN : RECSYS_ERR_PARSE,
                        "%.300s:%lld: column %d (%s) is missing: the line has %d column%s (separator: %s)%s", d->place.path,
                        (long long)d->place.line, (int)d->map.at[kind] + 1, recsys__kind_word(&d->map, kind), (int)n_cells,
                        n_cells == 1 ? "" : "s", separator_name(d->r), cut ? "; the file ends in mid-line" : "");
}

/* A row of features has too few cells or too many. */
static recsys_status fail_width(const delimited *d, int32_t n_cells)
{
    int cut = recsys__input_ends_in_mid_line(d->r->in) && d->r->at == d->r->end;
    return recsys__fail(&d->x->error, RECSYS_ERR_PARSE, "%.300s:%lld: the line has %d column%s, not %d (separator: %s)%s",
                        d->place.path, (long long)d->place.line, (int)n_cells, n_cells == 1 ? "" : "s", (int)d->map.exact,
                        separator_name(d->r), cut ? "; the file ends in mid-line" : "");
}

static recsys_status fail_feature(const delimited *d, int32_t f, const cell *c, int result)
{
    char shown[64];
    return recsys__fail(&d->x->error, RECSYS_ERR_PARSE, "%.300s:%lld: column %d (feature %d): %s %s", d->place.path,
                        (long long)d->place.line, (int)d->map.feature[f] + 1, (int)f + 1,
                        recsys__show_cell(c->text, c->length, shown, sizeof shown), recsys__number_fault(result, 0));
}

/* ---- rows of cells ---- */

static recsys_status read_value(const delimited *d, const cell *c, float *value)
{
    int result = recsys__cell_float(c->text, c->length, value);
    return result ? fail_cell(d, KIND_VALUE, c, recsys__number_fault(result, 0)) : RECSYS_OK;
}

static recsys_status read_time(const delimited *d, const cell *c, int64_t *time)
{
    int result = recsys__cell_i64(c->text, c->length, time);
    return result ? fail_cell(d, KIND_TIME, c, recsys__number_fault(result, 1)) : RECSYS_OK;
}

static recsys_status read_flag(const delimited *d, const cell *c, uint8_t *flag)
{
    int64_t value;
    if (recsys__cell_i64(c->text, c->length, &value) != NUMBER_OK || value < 0 || value > 1)
        return fail_cell(d, KIND_FLAG, c, "is neither 0 nor 1");
    *flag = (uint8_t)value;
    return RECSYS_OK;
}

static recsys_status read_word(const delimited *d, int kind, const cell *c, const char **word, int64_t *length)
{
    *word = c->text;
    *length = c->length;
    return c->length == 0 ? fail_cell(d, kind, c, "is empty") : RECSYS_OK;
}

static recsys_status read_features(const delimited *d, const cell *cells)
{
    for (int32_t f = 0; f < d->map.n_features; f++) {
        const cell *c = &cells[d->map.feature[f]];
        int result = recsys__cell_float(c->text, c->length, &d->features[f]);
        if (result) return fail_feature(d, f, c, result);
    }
    return RECSYS_OK;
}

/* The item of an event, or the label of a row: a question mark where the columns have none. */
static void name_item(const delimited *d, const cell *cells, event_row *row)
{
    int32_t column = d->map.at[KIND_ITEM];
    row->item = column >= 0 ? cells[column].text : "?";
    row->item_length = column >= 0 ? cells[column].length : 1;
}

/* Who a row is: its id, or the number of the row where it has none. */
static void name_user(const delimited *d, const cell *cells, event_row *row, char digits[24])
{
    int32_t column = d->map.at[KIND_USER];
    if (column >= 0) {
        row->user = cells[column].text;
        row->user_length = cells[column].length;
        return;
    }
    row->user_id = recsys__builder_rows(d->b);
    if (d->b->side[SIDE_USERS].type != RECSYS_ID_STRING) return;
    row->user_length = snprintf(digits, 24, "%lld", (long long)row->user_id);
    row->user = digits;
}

static recsys_status add_row(delimited *d, const cell *cells, int32_t n_cells)
{
    const int32_t *at = d->map.at;
    char digits[24];
    if (d->map.exact > 0 && n_cells != d->map.exact) return fail_width(d, n_cells);
    if (n_cells < d->map.n_columns) return fail_missing(d, n_cells);
    event_row row = {.features = d->features};
    name_user(d, cells, &row, digits);
    name_item(d, cells, &row);
    recsys_status s = read_features(d, cells);
    if (!s && at[KIND_VALUE] >= 0) s = read_value(d, &cells[at[KIND_VALUE]], &row.value);
    if (!s && at[KIND_TIME] >= 0) s = read_time(d, &cells[at[KIND_TIME]], &row.time);
    if (!s && at[KIND_FLAG] >= 0) s = read_flag(d, &cells[at[KIND_FLAG]], &row.flag);
    if (!s && at[KIND_BEHAVIOUR] >= 0)
        s = read_word(d, KIND_BEHAVIOUR, &cells[at[KIND_BEHAVIOUR]], &row.behaviour, &row.behaviour_length);
    if (!s && at[KIND_SESSION] >= 0)
        s = read_word(d, KIND_SESSION, &cells[at[KIND_SESSION]], &row.session, &row.session_length);
    if (!s) s = recsys__builder_add(d->b, &row, &d->place);
    d->rows++;
    return s;
}

/* ---- lines of two integers ---- */

static int takes_pairs(const delimited *d)
{
    const record_reader *r = d->r;
    const id_side *side = d->b->side;
    return d->map.present == 0 && d->map.n_features == 0 && d->map.at[KIND_USER] + d->map.at[KIND_ITEM] == 1 &&
           r->separator_length == 1 &&
           !(r->separator[0] >= '0' && r->separator[0] <= '9') && side[SIDE_USERS].type == RECSYS_ID_INT &&
           side[SIDE_ITEMS].type == RECSYS_ID_INT;
}

/* Takes the lines of two integers from here to the end of the chunk, or to the first other line. */
static recsys_status add_pairs(delimited *d)
{
    record_reader *r = d->r;
    int user_first = d->map.at[KIND_USER] == 0, strict = d->b->side[SIDE_USERS].strict || d->b->side[SIDE_ITEMS].strict;
    int64_t n = BLOCK_LINES;
    while (n == BLOCK_LINES) {
        const char *next;
        n = recsys__parse_pairs(r->at, r->end, r->separator[0], strict, d->first, d->second, BLOCK_LINES, &next);
        d->place.line = r->line;
        recsys_status s = recsys__builder_add_pairs(d->b, n, user_first ? d->first : d->second,
                                                    user_first ? d->second : d->first, &d->place);
        if (s) return s;
        r->at += next - r->at;
        r->line += n;
        d->rows += n;
    }
    return RECSYS_OK;
}

/* ---- the file ---- */

static recsys_status read_rows(delimited *d)
{
    d->place.path = recsys__input_path(d->r->in);
    d->place.user_column = d->map.at[KIND_USER] + 1;
    d->place.item_column = d->map.at[KIND_ITEM] + 1;
    d->place.labelled = d->map.n_features > 0;
    for (;;) {
        const cell *cells;
        int32_t n_cells;
        recsys_status s = recsys__record_fill(d->r);
        if (!s && takes_pairs(d)) s = add_pairs(d);
        if (!s) s = recsys__record_next(d->r, &cells, &n_cells, &d->place.line);
        if (s || !cells) return s;
        s = add_row(d, cells, n_cells);
        if (s) return s;
    }
}

/* Begins the part, with features if the columns say so, and finds room for those of a row. */
static recsys_status begin_part(delimited *d, int64_t lines)
{
    recsys_dataset_builder *b = d->b;
    recsys_status s = recsys__builder_begin_part(b, d->map.present);
    if (!s && d->map.n_features > 0) {
        const char *path = recsys__input_path(d->r->in);
        s = recsys__builder_features(b, d->map.n_features, d->map.names, path, d->map.names ? d->r->line - 1 : d->r->line);
        if (!s) s = recsys__alloc(d->x->memory, &d->x->error, d->map.n_features, sizeof *d->features, &d->features);
    }
    if (!s) recsys__builder_expect(b, lines + lines / 64);
    return s;
}

recsys_status recsys__read_delimited(input *in, const recsys_read_options *options, recsys_dataset_builder *b)
{
    recsys_exec *x = b->x;
    delimited *d;
    recsys_status s = recsys__alloc(x->memory, &x->error, 1, sizeof *d, &d);
    if (s) return s;
    d->x = x;
    d->b = b;
    d->r = NULL;
    d->rows = 0;
    d->features = NULL;
    d->map.names = NULL;
    int64_t lines = recsys__input_estimate_lines(in);
    s = recsys__record_open(x, in, options->separator, 1, MOST_COLUMNS, &d->r);
    if (!s) s = recsys__columns_find(d->r, options, &d->map);
    if (!s) s = begin_part(d, lines);
    if (!s) s = read_rows(d);
    recsys__columns_free(x, &d->map);
    recsys__free(x->memory, d->features);
    recsys__record_close(d->r);
    recsys__free(x->memory, d);
    return recsys__input_blame(in, s);
}

recsys_status recsys__read_rating(input *in, const recsys_read_options *options, recsys_dataset_builder *b)
{
    recsys_read_options own = *options;
    if (!own.columns) own.columns = "user,item,flag";
    if (!own.separator) own.separator = "\t";
    if (own.header == RECSYS_HEADER_AUTO && !strchr(own.columns, '=')) own.header = RECSYS_HEADER_NO;
    return recsys__read_delimited(in, &own, b);
}
