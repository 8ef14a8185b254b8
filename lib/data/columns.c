/* columns.c - which column of a delimited file holds what.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/columns.h"

#include <string.h>

#include "base/text.h"
#include "data/builder.h"
#include "data/cell_number.h"

/* One entry of the caller's list. */
typedef struct entry {
    cell name; /* of the column in the header; text NULL: by position */
    int kind;  /* KIND_NONE: skipped */
} entry;

typedef struct column_list {
    entry entries[MOST_COLUMNS];
    int32_t n, n_features;
    int named;
    int labelled; /* there is a "label", which stands for the item */
} column_list;

enum { N_WORDS = KIND_COUNT + 2 };

/* In the order of the kinds, then those that are no kinds of an event. */
static const char *const kind_words[N_WORDS] = {"user", "item", "value", "time", "behaviour", "session", "flag", "feature",
                                                "label"};

const char *recsys__kind_word(const column_map *map, int kind)
{
    return kind == KIND_ITEM && map->n_features > 0 ? "label" : kind_words[kind];
}

static int kind_of_word(const char *word, size_t length)
{
    for (int k = 0; k < KIND_COUNT; k++)
        if (strlen(kind_words[k]) == length && memcmp(kind_words[k], word, length) == 0) return k;
    return KIND_NONE;
}

int recsys__kind_of_header(const cell *c)
{
    static const struct {
        const char *word;
        int kind;
    } known[] = {{"user", KIND_USER},          {"userid", KIND_USER},     {"item", KIND_ITEM},
                 {"itemid", KIND_ITEM},        {"value", KIND_VALUE},     {"rating", KIND_VALUE},
                 {"time", KIND_TIME},          {"timestamp", KIND_TIME},  {"behaviour", KIND_BEHAVIOUR},
                 {"behavior", KIND_BEHAVIOUR}, {"session", KIND_SESSION}, {"sessionid", KIND_SESSION},
                 {"flag", KIND_FLAG}};
    char word[16];
    size_t n = 0;
    /* Some programs write the type behind the name: user_id:token. */
    for (int64_t k = 0; k < c->length && c->text[k] != ':'; k++) {
        char letter = c->text[k];
        if (letter == '_' || letter == ' ') continue;
        if (n == sizeof word - 1) return KIND_NONE;
        word[n++] = letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
    }
    word[n] = 0;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(known[k].word, word) == 0) return known[k].kind;
    return KIND_NONE;
}

int recsys__cell_is_integer(const cell *c)
{
    int64_t value;
    return recsys__integer(c->text, c->length, &value) != INTEGER_NONE;
}

/* ---- the caller's list ---- */

static recsys_status fail_word(error *e, const char *word, size_t length)
{
    char given[32];
    (void)recsys__text_copy(word, (int64_t)length, given, sizeof given);
    return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN,
                        "columns: \"%s\" is no column (did you mean \"%s\"?); there are user, item, value, time, behaviour, "
                        "session, flag, feature, label, _, and NAME=WORD for a column by its name in the header",
                        given, recsys__nearest(given, kind_words, N_WORDS));
}

/* How often the word `feature*N` stands for "feature"; 0 if it is another word. */
static int32_t repeats(const char *word, const char *end)
{
    static const char begin[] = "feature*";
    const int64_t n = (int64_t)sizeof begin - 1;
    int64_t count;
    if (end - word <= n || memcmp(word, begin, (size_t)n) != 0) return 0;
    if (recsys__integer(word + n, end - word - n, &count) != INTEGER_OK || count < 1) return 0;
    return count <= MOST_COLUMNS ? (int32_t)count : MOST_COLUMNS + 1;
}

static int is_word(const char *word, const char *end, const char *known)
{
    return (size_t)(end - word) == strlen(known) && memcmp(word, known, (size_t)(end - word)) == 0;
}

/* Parses one entry, `end` - `s` characters long. */
static recsys_status parse_entry(error *e, column_list *list, const char *s, const char *end, entry *out)
{
    const char *word = s;
    for (const char *c = s; c < end; c++)
        if (*c == '=') word = c + 1; /* names may hold '=', words do not */
    *out = (entry){{NULL, 0}, KIND_NONE};
    if (word > s) out->name = (cell){s, word - 1 - s};
    if (is_word(word, end, "_")) return RECSYS_OK;
    if (is_word(word, end, "feature") || (word == s && repeats(word, end) > 0)) {
        out->kind = KIND_FEATURE;
        return RECSYS_OK;
    }
    if (is_word(word, end, "label")) {
        list->labelled = 1;
        out->kind = KIND_ITEM;
        return RECSYS_OK;
    }
    out->kind = kind_of_word(word, (size_t)(end - word));
    return out->kind == KIND_NONE ? fail_word(e, word, (size_t)(end - word)) : RECSYS_OK;
}

static recsys_status check_list(error *e, const column_list *list)
{
    int rows = list->n_features > 0;
    if (list->labelled && !rows)
        return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN, "columns: \"label\" belongs to rows with \"feature\"");
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        int n = 0;
        for (int32_t k = 0; k < list->n; k++) n += list->entries[k].kind == kind;
        if (kind == KIND_ITEM && rows && n > list->labelled)
            return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN,
                                "columns: rows with \"feature\" have one \"label\" or none, and no \"item\"");
        if (n > 1) return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN, "columns: \"%s\" comes twice", kind_words[kind]);
        if (n == 0 && kind <= KIND_ITEM && !rows)
            return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN, "columns: \"%s\" is missing from the list", kind_words[kind]);
    }
    for (int32_t k = 0; k < list->n; k++)
        if ((list->entries[k].name.text != NULL) != list->named)
            return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN,
                                "columns: either all are taken by position or all by their names in the header");
    return RECSYS_OK;
}

static recsys_status parse_list(error *e, const char *columns, column_list *list)
{
    list->n = list->n_features = 0;
    list->labelled = 0;
    for (const char *s = columns;;) {
        const char *end = s + strcspn(s, ",");
        int32_t times = repeats(s, end);
        entry one;
        recsys_status status = parse_entry(e, list, s, end, &one);
        if (status) return status;
        if (times == 0) times = 1;
        if (times > MOST_COLUMNS - list->n)
            return recsys__fail(e, RECSYS_ERR_UNKNOWN_COLUMN, "columns: more than %d of them", MOST_COLUMNS);
        for (int32_t k = 0; k < times; k++) list->entries[list->n++] = one;
        if (one.kind == KIND_FEATURE) list->n_features += times;
        if (!*end) break;
        s = end + 1;
    }
    list->named = list->entries[0].name.text != NULL;
    return check_list(e, list);
}

/* ---- maps ---- */

static void map_clear(column_map *map)
{
    memset(map, 0, sizeof *map);
    for (int kind = 0; kind < KIND_COUNT; kind++) map->at[kind] = -1;
}

static void map_set(column_map *map, int kind, int32_t column)
{
    static const uint32_t bits[KIND_COUNT] = {[KIND_VALUE] = COLUMN_VALUE,
                                              [KIND_TIME] = COLUMN_TIME,
                                              [KIND_BEHAVIOUR] = COLUMN_BEHAVIOUR,
                                              [KIND_SESSION] = COLUMN_SESSION,
                                              [KIND_FLAG] = COLUMN_FLAG};
    if (kind == KIND_NONE || (kind != KIND_FEATURE && map->at[kind] >= 0)) return;
    if (kind == KIND_FEATURE) {
        map->feature[map->n_features++] = column;
    } else {
        map->at[kind] = column;
        map->present |= bits[kind];
    }
    if (column >= map->n_columns) map->n_columns = column + 1;
}

static void map_by_position(const column_list *list, int32_t n_cells, column_map *map)
{
    map_clear(map);
    if (list) {
        for (int32_t k = 0; k < list->n; k++) map_set(map, list->entries[k].kind, k);
        if (list->n_features > 0) map->exact = list->n;
    } else {
        for (int32_t k = KIND_USER; k <= KIND_TIME && (k <= KIND_ITEM || k < n_cells); k++) map_set(map, k, k);
    }
}

/* By the words of a header; 0 if they do not name user and item. */
static int map_by_words(const cell *cells, int32_t n_cells, column_map *map)
{
    map_clear(map);
    for (int32_t k = 0; k < n_cells && k < MOST_COLUMNS; k++) map_set(map, recsys__kind_of_header(&cells[k]), k);
    return map->at[KIND_USER] >= 0 && map->at[KIND_ITEM] >= 0;
}

static recsys_status fail_name(const record_reader *r, int64_t line, const cell *name, const cell *cells, int32_t n_cells)
{
    recsys_exec *x = r->x;
    text t = recsys__text_begin(x->memory, &x->error);
    for (int32_t k = 0; k < n_cells && k < MOST_COLUMNS && t.length < 200; k++) {
        if (k > 0) recsys__text_bytes(&t, ", ", 2);
        recsys__text_bytes(&t, cells[k].text, cells[k].length < 60 ? cells[k].length : 60);
    }
    recsys_status s = recsys__text_end(&t);
    if (!s)
        s = recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_COLUMN,
                         "%.200s:%lld: no column is named \"%.*s\"; the header has: %s", recsys__input_path(r->in),
                         (long long)line, (int)(name->length < 60 ? name->length : 60), name->text, t.data ? t.data : "");
    recsys__text_free(&t);
    return s;
}

static recsys_status map_by_names(const record_reader *r, int64_t line, const column_list *list, const cell *cells,
                                  int32_t n_cells, column_map *map)
{
    map_clear(map);
    for (int32_t k = 0; k < list->n; k++) {
        const cell *name = &list->entries[k].name;
        int32_t column = 0;
        while (column < n_cells && column < MOST_COLUMNS &&
               !(cells[column].length == name->length && memcmp(cells[column].text, name->text, (size_t)name->length) == 0))
            column++;
        if (column == n_cells || column == MOST_COLUMNS) return fail_name(r, line, name, cells, n_cells);
        map_set(map, list->entries[k].kind, column);
    }
    if (list->n_features > 0) map->exact = n_cells;
    return RECSYS_OK;
}

/* The names of the features in a header. */
static recsys_status take_names(recsys_exec *x, const cell *cells, int32_t n_cells, column_map *map)
{
    text t = recsys__text_begin(x->memory, &x->error);
    for (int32_t f = 0; f < map->n_features; f++) {
        const cell *c = map->feature[f] < n_cells ? &cells[map->feature[f]] : NULL;
        if (c) recsys__text_bytes(&t, c->text, c->length);
        recsys__text_bytes(&t, "", 1);
    }
    recsys_status s = recsys__text_end(&t);
    if (s)
        recsys__text_free(&t);
    else
        map->names = t.data;
    return s;
}

/* ---- is there a header? ---- */

static int both_integers(const column_map *map, const cell *cells, int32_t n_cells)
{
    return map->at[KIND_USER] < n_cells && map->at[KIND_ITEM] < n_cells &&
           recsys__cell_is_integer(&cells[map->at[KIND_USER]]) && recsys__cell_is_integer(&cells[map->at[KIND_ITEM]]);
}

static int neither_integer(const column_map *map, const cell *cells, int32_t n_cells)
{
    return map->at[KIND_USER] < n_cells && map->at[KIND_ITEM] < n_cells &&
           !recsys__cell_is_integer(&cells[map->at[KIND_USER]]) && !recsys__cell_is_integer(&cells[map->at[KIND_ITEM]]);
}

/* Whether a column that holds numbers has none here. */
static int number_lacks(const column_map *map, const cell *cells, int32_t n_cells)
{
    static const int numeric[] = {KIND_VALUE, KIND_TIME, KIND_FLAG};
    for (int k = 0; k < 3; k++) {
        int32_t column = map->at[numeric[k]];
        float value;
        if (column >= 0 && column < n_cells &&
            recsys__cell_float(cells[column].text, cells[column].length, &value) == NUMBER_NONE)
            return 1;
    }
    return 0;
}

/* A line above rows of features: it has the word for a row's id in that column, or no number among its features. */
static int heads_rows(const column_map *map, const cell *cells, int32_t n_cells)
{
    int32_t user = map->at[KIND_USER], numbers = 0;
    if (user >= 0 && user < n_cells && recsys__kind_of_header(&cells[user]) == KIND_USER) return 1;
    for (int32_t f = 0; f < map->n_features; f++) {
        const cell *c = &cells[map->feature[f]];
        float value;
        numbers += map->feature[f] < n_cells && recsys__cell_float(c->text, c->length, &value) != NUMBER_NONE;
    }
    return numbers == 0;
}

static int has_header(record_reader *r, const recsys_read_options *options, const column_list *list)
{
    const cell *cells;
    int32_t n;
    column_map map;
    if (options->header != RECSYS_HEADER_AUTO) return options->header == RECSYS_HEADER_YES;
    if (list && list->named) return 1;
    recsys__record_peek(r, 0, &cells, &n);
    if (!cells) return 0;
    if (list && list->n_features > 0) {
        map_by_position(list, n, &map);
        return heads_rows(&map, cells, n);
    }
    if (map_by_words(cells, n, &map)) return 1;
    map_by_position(list, n, &map);
    if (both_integers(&map, cells, n)) return 0; /* a row of events, if a broken one */
    if (number_lacks(&map, cells, n)) return 1;
    if (options->id_type == RECSYS_ID_STRING || !neither_integer(&map, cells, n)) return 0;
    recsys__record_peek(r, 1, &cells, &n);
    return cells && both_integers(&map, cells, n);
}

static recsys_status find(record_reader *r, const recsys_read_options *options, const column_list *list, column_map *map)
{
    const cell *cells;
    int32_t n_cells;
    int64_t line;
    if (!has_header(r, options, list)) {
        if (list && list->named)
            return recsys__fail(&r->x->error, RECSYS_ERR_INVALID_ARGUMENT,
                                "columns by name need a header, but header is NO");
        recsys__record_peek(r, 0, &cells, &n_cells);
        map_by_position(list, cells ? n_cells : 2, map);
        return RECSYS_OK;
    }
    recsys_status s = recsys__record_next(r, &cells, &n_cells, &line);
    if (s) return s;
    if (cells && list && list->named)
        s = map_by_names(r, line, list, cells, n_cells, map);
    else if (list || !cells || !map_by_words(cells, n_cells, map))
        map_by_position(list, n_cells, map);
    return s || map->n_features == 0 || !cells ? s : take_names(r->x, cells, n_cells, map);
}

void recsys__columns_free(recsys_exec *x, column_map *map)
{
    recsys__free(x->memory, map->names);
    map->names = NULL;
}

recsys_status recsys__columns_find(record_reader *r, const recsys_read_options *options, column_map *map)
{
    recsys_exec *x = r->x;
    column_list *list = NULL;
    recsys_status s = RECSYS_OK;
    map_clear(map);
    if (options->columns) {
        s = recsys__alloc(x->memory, &x->error, 1, sizeof *list, &list);
        if (!s) s = parse_list(&x->error, options->columns, list);
    }
    if (!s) s = find(r, options, list, map);
    recsys__free(x->memory, list);
    return s;
}
