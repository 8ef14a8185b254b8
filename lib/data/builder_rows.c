/* builder_rows.c - rows of features that come with the events: one row of F numbers for each event, of the event's user.
 *
 * Rows are kept in one array in the order in which they come, over all parts. At the end they become a feature table of the
 * users, called `features`, in which a user has all F cells or, if no row is his, none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "data/builder_inside.h"
#include "data/encoding.h"

static const char table_name[] = "features";

/* ---- which features ---- */

/* The name of feature f as UTF-8 in *out: the given one, or its number if that is empty. */
static recsys_status take_name(recsys_exec *x, const char *name, int64_t f, text *out)
{
    char digits[24];
    *out = recsys__text_begin(x->memory, &x->error);
    snprintf(digits, sizeof digits, "%lld", (long long)f + 1);
    if (!name || !*name) name = digits;
    recsys__text_utf8(out, name, (int64_t)strlen(name));
    return recsys__text_end(out);
}

static recsys_status fail_name(recsys_exec *x, const char *path, int64_t line, int64_t f, const char *name, const char *reason)
{
    char shown[64];
    recsys__show_cell(name, (int64_t)strlen(name), shown, sizeof shown);
    if (!path)
        return recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_COLUMN, "feature %lld: its name %s %s", (long long)f + 1, shown,
                            reason);
    return recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_COLUMN, "%.300s:%lld: feature %lld: its name %s %s", path,
                        (long long)line, (long long)f + 1, shown, reason);
}

/* Adds the name of feature f to those of the first part, or compares it with them. */
static recsys_status settle_name(recsys_dataset_builder *b, int64_t f, const char *name, int first, const char *path,
                                 int64_t line)
{
    recsys_exec *x = b->x;
    int32_t index = -1;
    text t;
    recsys_status s = take_name(x, name, f, &t);
    if (!s && first) {
        s = recsys__ids_add_text(x, b->dense.names, t.data, t.length, &index);
        if (!s && index != f) s = fail_name(x, path, line, f, t.data, "comes twice");
    } else if (!s && recsys__ids_find_text(b->dense.names, t.data, t.length) != f) {
        s = fail_name(x, path, line, f, t.data, "is another one than in what was read before");
    }
    recsys__text_free(&t);
    return s;
}

recsys_status recsys__builder_features(recsys_dataset_builder *b, int64_t n_features, const char *names, const char *path,
                                       int64_t line)
{
    dense_rows *d = &b->dense;
    recsys_exec *x = b->x;
    const catalogue *known = &b->catalogue[SIDE_USERS];
    if (known->table || known->n_lists > 0 || known->names.length > 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "user_columns: rows bring their features themselves");
    int first = d->names == NULL;
    recsys_status s = first ? recsys__ids_create(x, RECSYS_ID_STRING, &d->names) : RECSYS_OK;
    if (!s && !first && d->n_features != n_features)
        s = recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_COLUMN, "%.300s:%lld: %lld features, but %lld in what was read before",
                         path ? path : "rows", (long long)line, (long long)n_features, (long long)d->n_features);
    if (first) d->named = names != NULL;
    if (first || (d->named && names))
        for (int64_t f = 0; !s && f < n_features; f++) {
            s = settle_name(b, f, names, first, path, line);
            if (names) names += strlen(names) + 1;
        }
    if (!s) d->n_features = n_features;
    if (s && first) recsys__dense_free(b);
    return s;
}

int64_t recsys__builder_rows(const recsys_dataset_builder *b)
{
    return b->dense.n;
}

/* ---- rows ---- */

recsys_status recsys__dense_room(recsys_dataset_builder *b)
{
    dense_rows *d = &b->dense;
    if (d->n < d->room) return RECSYS_OK;
    if (d->n > INT64_MAX / 4 / d->n_features)
        return recsys__fail(&b->x->error, RECSYS_ERR_TOO_LARGE, "%lld rows of %lld features are too many", (long long)d->n,
                            (long long)d->n_features);
    int64_t room = 2 * d->room + 64;
    recsys_status s = recsys__resize(b->x->memory, &b->x->error, room * d->n_features, sizeof *d->cell, &d->cell);
    if (!s) d->room = room;
    return s;
}

void recsys__dense_free(recsys_dataset_builder *b)
{
    recsys__ids_release(b->dense.names);
    recsys__free(b->x->memory, b->dense.cell);
    b->dense = (dense_rows){0};
}

/* ---- the table ---- */

/* An empty table of the right shape. */
static recsys_status make_table(recsys_dataset_builder *b, int64_t n_users, entity_table **out)
{
    recsys_exec *x = b->x;
    entity_table *t;
    *out = NULL;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t);
    if (s) return s;
    atomic_init(&t->refs, 1);
    t->memory = recsys__memory_retain(x->memory);
    t->n_rows = n_users;
    s = recsys__alloc_zero(t->memory, &x->error, 1, sizeof *t->features, &t->features);
    if (!s) {
        feature_table *f = &t->features[t->n_features++];
        int64_t n = b->dense.n * b->dense.n_features;
        f->dense = 1;
        f->features = recsys__ids_retain(b->dense.names);
        f->cells.n_rows = n_users;
        f->cells.n_cols = b->dense.n_features;
        s = recsys__alloc(t->memory, &x->error, (int64_t)sizeof table_name, 1, &f->name);
        if (!s) memcpy(f->name, table_name, sizeof table_name);
        if (!s) s = recsys__alloc_zero(t->memory, &x->error, n_users + 1, sizeof *f->cells.ptr, &f->cells.ptr);
        if (!s) s = recsys__alloc(t->memory, &x->error, n, sizeof *f->cells.col, &f->cells.col);
        if (!s) s = recsys__alloc(t->memory, &x->error, n, sizeof *f->cells.val, &f->cells.val);
    }
    if (s)
        recsys__entity_table_release(t);
    else
        *out = t;
    return s;
}

static recsys_status fail_twice(recsys_dataset_builder *b, const recsys_ids *users, int64_t user)
{
    char id[64];
    return recsys__fail(&b->x->error, RECSYS_ERR_DUPLICATE, "row %s comes twice", recsys__ids_show(users, user, id, sizeof id));
}

/* row_of[user]: the number of the user's row, or -1. */
static recsys_status find_rows(recsys_dataset_builder *b, const recsys_ids *users, const int32_t *map, int64_t *row_of,
                               int64_t *event)
{
    int64_t row = 0;
    for (int64_t u = 0; u < recsys_ids_count(users); u++) row_of[u] = -1;
    for (int64_t p = 0; p < b->n_parts; p++) {
        *event = 0;
        for (int64_t k = 0; k < b->parts[p].n_chunks; k++) {
            const event_columns *c = &b->parts[p].chunks[k].columns;
            for (int64_t e = 0; e < c->n_events; e++, row++, ++*event) {
                int32_t user = map ? map[c->user[e]] : c->user[e];
                if (row_of[user] >= 0) {
                    b->failed_part = p;
                    return fail_twice(b, users, user);
                }
                row_of[user] = row;
            }
        }
    }
    return RECSYS_OK;
}

static void fill(const dense_rows *d, const int64_t *row_of, csr *cells)
{
    int64_t F = d->n_features, end = 0;
    for (int64_t u = 0; u < cells->n_rows; u++) {
        if (row_of[u] >= 0) {
            memcpy(cells->val + end, d->cell + row_of[u] * F, (size_t)F * sizeof *cells->val);
            for (int64_t f = 0; f < F; f++) cells->col[end + f] = (int32_t)f;
            end += F;
        }
        cells->ptr[u + 1] = end;
    }
}

recsys_status recsys__dense_finish(recsys_dataset_builder *b, const recsys_ids *users, const int32_t *map, entity_table **out,
                                   int64_t *event)
{
    int64_t *row_of;
    *out = NULL;
    *event = -1;
    recsys_status s = recsys__alloc(b->x->memory, &b->x->error, recsys_ids_count(users), sizeof *row_of, &row_of);
    if (s) return s;
    s = find_rows(b, users, map, row_of, event);
    if (!s) s = make_table(b, recsys_ids_count(users), out);
    if (!s) fill(&b->dense, row_of, &(*out)->features[0].cells);
    recsys__free(b->x->memory, row_of);
    return s;
}
