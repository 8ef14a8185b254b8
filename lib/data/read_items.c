/* read_items.c - universes: users and items that are known without events, from a count or a file.
 *
 * A file is a table: which column holds the id, the name, and lists of features (with `|` between entries), the options
 * user_columns and item_columns say. Where they do not, a user file has ids in its first column.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "data/builder_inside.h"
#include "data/columns.h"
#include "data/record.h"

/* ---- counts ---- */

/* 1 if `given` is a count, not the name of a file. */
static int is_count(const char *given)
{
    return *given && strspn(given, "0123456789") == strlen(given);
}

static recsys_status know_count(recsys_dataset_builder *b, int which, const char *given)
{
    recsys_exec *x = b->x;
    const char *option = which == SIDE_USERS ? "users" : "items";
    int64_t n = 0;
    if (recsys__integer(given, (int64_t)strlen(given), &n) == INTEGER_LARGE || n > INT32_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "%s: %s are more than the %d that are possible", option, given,
                            INT32_MAX);
    if (n == 0)
        return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "%s: a count of 0; leave the option out to know none",
                            option);
    /* An id takes 8 bytes as an integer; as a string 8, its digits, and slots of 8 that are at most half full. */
    char what[64];
    int64_t bytes = n * (b->side[which].type == RECSYS_ID_STRING ? 8 + 16 : 8);
    snprintf(what, sizeof what, "%s: a universe of %lld", option, (long long)n);
    recsys_status s = recsys__memory_check(x->memory, &x->error, bytes, what);
    return s ? s : recsys__side_range(b, which, n);
}

/* ---- tables ---- */

/* What a column of a table is, beside names of feature tables. */
enum { ROLE_ID = -1, ROLE_NAME = -2, ROLE_SKIP = -3 };

typedef struct table {
    recsys_dataset_builder *b;
    int which;
    record_reader *r;
    event_place place;
    int64_t role[MOST_COLUMNS]; /* ROLE_*, or the number of a feature table */
    int32_t n_columns, id_column;
} table;

static const char *id_word(const table *t)
{
    return t->which == SIDE_USERS ? "user" : "item";
}

static recsys_status fail_columns(table *t, const char *word, const char *reason)
{
    return recsys__fail(&t->b->x->error, RECSYS_ERR_UNKNOWN_COLUMN, "%s_columns: \"%.60s\" %s", id_word(t), word, reason);
}

static recsys_status set_role(table *t, const char *word)
{
    for (int32_t k = 0; strcmp(word, "_") != 0 && k < t->n_columns; k++)
        if ((t->role[k] == ROLE_ID && strcmp(word, id_word(t)) == 0) ||
            (t->role[k] == ROLE_NAME && strcmp(word, "name") == 0) ||
            (t->role[k] >= 0 && strcmp(word, t->b->catalogue[t->which].lists[t->role[k]].name) == 0))
            return fail_columns(t, word, "comes twice");
    int64_t role = ROLE_SKIP;
    recsys_status s = RECSYS_OK;
    if (strcmp(word, id_word(t)) == 0) {
        role = ROLE_ID;
        t->id_column = t->n_columns;
    } else if (strcmp(word, "name") == 0) {
        role = ROLE_NAME;
    } else if (strcmp(word, "_") != 0) {
        s = recsys__builder_feature_table(t->b, t->which, word, FEATURE_ONCE, &role);
    }
    t->role[t->n_columns++] = role;
    return s;
}

/* Sets the roles from a list such as "item,name,features". */
static recsys_status set_roles(table *t, const char *columns)
{
    t->n_columns = 0;
    t->id_column = -1;
    for (const char *s = columns;;) {
        size_t length = strcspn(s, ",");
        char word[64];
        if (length == 0 || length >= sizeof word) return fail_columns(t, s, "is no name of a column (1 to 63 characters)");
        if (t->n_columns == MOST_COLUMNS) return fail_columns(t, columns, "has too many columns");
        memcpy(word, s, length);
        word[length] = 0;
        recsys_status status = set_role(t, word);
        if (status) return status;
        s += length;
        if (!*s) break;
        s++;
    }
    if (t->id_column >= 0) return RECSYS_OK;
    return fail_columns(t, columns, t->which == SIDE_USERS ? "does not say which column is \"user\""
                                                           : "does not say which column is \"item\"");
}

/* The default: as many of item, name and features as the first line has columns. */
static recsys_status set_default_roles(table *t)
{
    static const char *const by_count[] = {"item", "item,name", "item,name,features"};
    const cell *cells;
    int32_t n;
    recsys__record_peek(t->r, 0, &cells, &n);
    return set_roles(t, by_count[n < 1 ? 0 : n > 3 ? 2 : n - 1]);
}

/* A header says "item" or the like where ids stand, or it has no integer there and the line below has one. */
static int has_header(table *t)
{
    const cell *cells;
    int32_t n, type = t->b->side[t->which].type;
    recsys__record_peek(t->r, 0, &cells, &n);
    if (!cells || t->id_column >= n) return 0;
    if (recsys__kind_of_header(&cells[t->id_column]) == (t->which == SIDE_USERS ? KIND_USER : KIND_ITEM)) return 1;
    if (type == RECSYS_ID_STRING || recsys__cell_is_integer(&cells[t->id_column])) return 0;
    recsys__record_peek(t->r, 1, &cells, &n);
    return cells && t->id_column < n && recsys__cell_is_integer(&cells[t->id_column]);
}

/* ---- rows ---- */

/* Adds the entries of a list with `|` between them; spaces around an entry are no part of it. */
static recsys_status add_features(table *t, int64_t list, int64_t index, const cell *c)
{
    const char *end = c->text + c->length;
    for (const char *s = c->text; s < end;) {
        const char *bar = memchr(s, '|', (size_t)(end - s)), *next = bar ? bar + 1 : end, *last = bar ? bar : end;
        while (s < last && *s == ' ') s++;
        while (last > s && last[-1] == ' ') last--;
        if (last > s) {
            int64_t feature;
            recsys_status status = recsys__builder_feature(t->b, t->which, list, s, last - s, &feature);
            if (!status) status = recsys__builder_cell(t->b, t->which, list, index, feature, 1.0f);
            if (status) return status;
        }
        s = next;
    }
    return RECSYS_OK;
}

static recsys_status add_id(table *t, const cell *c, int64_t *index)
{
    recsys_dataset_builder *b = t->b;
    int32_t code = -1;
    recsys_status s = recsys__side_member(b, t->which, c->text, c->length, &t->place, &code);
    *index = code;
    if (s != RECSYS_ERR_DUPLICATE) return s;
    char shown[64];
    return recsys__fail(&b->x->error, s, "%.300s:%lld: column %d (%s): %s comes twice", t->place.path,
                        (long long)t->place.line, (int)t->id_column + 1, id_word(t),
                        recsys__show_cell(c->text, c->length, shown, sizeof shown));
}

static recsys_status add_row(table *t, const cell *cells, int32_t n_cells)
{
    if (n_cells < t->n_columns) {
        int cut = recsys__input_ends_in_mid_line(t->r->in) && t->r->at == t->r->end;
        return recsys__fail(&t->b->x->error, RECSYS_ERR_PARSE, "%.300s:%lld: %d columns are needed, the line has %d%s",
                            t->place.path, (long long)t->place.line, (int)t->n_columns, (int)n_cells,
                            cut ? "; the file ends in mid-line" : "");
    }
    int64_t index;
    recsys_status s = add_id(t, &cells[t->id_column], &index);
    for (int32_t k = 0; !s && k < t->n_columns; k++) {
        if (t->role[k] == ROLE_NAME) s = recsys__builder_name(t->b, t->which, index, cells[k].text, cells[k].length);
        if (t->role[k] >= 0) s = add_features(t, t->role[k], index, &cells[k]);
    }
    return s;
}

static recsys_status read_rows(table *t, const char *path)
{
    const cell *cells;
    int32_t n_cells;
    recsys_status s = RECSYS_OK;
    t->place = (event_place){.path = path, .user_column = t->id_column + 1, .item_column = t->id_column + 1};
    if (has_header(t)) s = recsys__record_next(t->r, &cells, &n_cells, &t->place.line);
    while (!s && !(s = recsys__record_next(t->r, &cells, &n_cells, &t->place.line)) && cells) s = add_row(t, cells, n_cells);
    if (!s && recsys_ids_count(t->b->side[t->which].ids) == 0)
        s = recsys__fail(&t->b->x->error, RECSYS_ERR_EMPTY, "%s: no %s in it", path,
                         t->which == SIDE_USERS ? "users" : "items");
    return s ? s : recsys__side_close(t->b, t->which);
}

static recsys_status read_table(recsys_dataset_builder *b, int which, const char *path, const char *columns)
{
    recsys_exec *x = b->x;
    input *in;
    table *t;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t);
    if (s) return s;
    t->b = b;
    t->which = which;
    s = recsys__input_open(x, path, &in);
    if (!s) {
        s = recsys__record_open(x, in, NULL, 1, MOST_COLUMNS, &t->r);
        if (!s && t->r->separator[0] == ' ') t->r->separator_length = t->r->separator[0] = 0; /* part of a name */
        if (!s) s = columns ? set_roles(t, columns) : set_default_roles(t);
        if (!s) s = read_rows(t, path);
        recsys__record_close(t->r);
        s = recsys__input_blame(in, s);
        recsys__input_close(in);
    }
    recsys__free(x->memory, t);
    return s;
}

static recsys_status read_universe(recsys_dataset_builder *b, int which, const char *given, const char *columns,
                                   const char *default_columns)
{
    if (!is_count(given)) return read_table(b, which, given, columns ? columns : default_columns);
    if (!columns) return know_count(b, which, given);
    const char *side = which == SIDE_USERS ? "user" : "item";
    return recsys__fail(&b->x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s_columns describes a file of %ss, but %ss is a count",
                        side, side, side);
}

recsys_status recsys__read_users(recsys_dataset_builder *b, const char *users, const char *columns)
{
    return read_universe(b, SIDE_USERS, users, columns, "user");
}

recsys_status recsys__read_items(recsys_dataset_builder *b, const char *items, const char *columns)
{
    return read_universe(b, SIDE_ITEMS, items, columns, NULL);
}
