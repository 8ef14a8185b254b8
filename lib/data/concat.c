/* concat.c - several datasets one after the other: their ids, behaviours, sessions and tables of users and items united.
 *
 * Datasets that share a map (the parts of one split or one reading) keep it; otherwise ids are added in the order in
 * which they come. P datasets, E events of all together.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/dataset.h>

#include <inttypes.h>
#include <string.h>

#include "data/id_sets.h"
#include "data/entity_table.h"

struct concat {
    recsys_exec *exec;
    const recsys_dataset *const *part;
    int64_t n_parts;
    dataset_shared all; /* the united maps and tables */
    event_columns columns;
};

/* The map of one kind in a dataset, NULL if it has none. */
typedef recsys_ids *(*map_of)(const recsys_dataset *d);

static recsys_ids *users_of(const recsys_dataset *d) { return d->users; }
static recsys_ids *items_of(const recsys_dataset *d) { return d->items; }
static recsys_ids *behaviours_of(const recsys_dataset *d) { return d->behaviour ? d->behaviours : NULL; }
static recsys_ids *sessions_of(const recsys_dataset *d) { return d->session ? d->sessions : NULL; }

/* Unites the maps of one kind; *out stays NULL if a dataset has none. */
static recsys_status unite(const struct concat *c, map_of of, const char *what, recsys_ids **out)
{
    recsys_exec *x = c->exec;
    const recsys_ids **maps;
    recsys_status status = recsys__alloc(x->memory, &x->error, c->n_parts, sizeof *maps, &maps);
    if (status) return status;
    int all = 1;
    for (int64_t p = 0; p < c->n_parts; p++) {
        maps[p] = of(c->part[p]);
        if (!maps[p]) all = 0;
    }
    if (all) status = recsys__ids_union(x, maps, c->n_parts, what, out);
    recsys__free(x->memory, maps);
    return status;
}

static recsys_status unite_maps(struct concat *c)
{
    recsys_status status = unite(c, users_of, "users", &c->all.users);
    if (!status) status = unite(c, items_of, "items", &c->all.items);
    if (!status) status = unite(c, behaviours_of, "behaviours", &c->all.behaviours);
    if (!status) status = unite(c, sessions_of, "sessions", &c->all.sessions);
    return status;
}

/* The column of one kind in a dataset, holding indices into the map of that kind. */
typedef const int32_t *(*column_of)(const recsys_dataset *d);

static const int32_t *user_of(const recsys_dataset *d) { return d->user; }
static const int32_t *item_of(const recsys_dataset *d) { return d->item; }
static const int32_t *behaviour_of(const recsys_dataset *d) { return d->behaviour; }
static const int32_t *session_of(const recsys_dataset *d) { return d->session; }

/* A new column of all events: the datasets' columns, translated to the united map `to` (NULL: the column is dropped). */
static recsys_status join_indices(const struct concat *c, map_of maps, column_of columns, const recsys_ids *to, int32_t **out)
{
    recsys_exec *x = c->exec;
    if (!to) return RECSYS_OK;
    recsys_status status = recsys__alloc(x->memory, &x->error, c->columns.n_events, sizeof **out, out);
    int64_t done = 0;
    for (int64_t p = 0; !status && p < c->n_parts; p++) {
        const recsys_ids *from = maps(c->part[p]);
        const int32_t *column = columns(c->part[p]);
        int32_t *map = NULL;
        status = recsys__alloc(x->memory, &x->error, recsys_ids_count(from), sizeof *map, &map);
        if (!status && recsys_ids_count(from) > 0) status = recsys__ids_translate(x, from, to, map);
        for (int64_t e = 0; !status && e < c->part[p]->n_events; e++) (*out)[done++] = map[column[e]];
        recsys__free(x->memory, map);
    }
    return status;
}

/* The array of one plain column in a dataset, NULL if it has none. */
typedef const void *(*array_of)(const recsys_dataset *d);

static const void *values_of(const recsys_dataset *d) { return d->value; }
static const void *times_of(const recsys_dataset *d) { return d->time; }
static const void *flags_of(const recsys_dataset *d) { return d->flag; }

/* A new column of all events with elements of `size` bytes; *out stays NULL if a dataset has none. */
static recsys_status join_plain(const struct concat *c, array_of of, size_t size, void *out)
{
    for (int64_t p = 0; p < c->n_parts; p++)
        if (!of(c->part[p])) return RECSYS_OK;
    char *joined;
    recsys_status status = recsys__alloc(c->exec->memory, &c->exec->error, c->columns.n_events, size, &joined);
    if (status) return status;
    memcpy(out, &joined, sizeof joined);
    for (int64_t p = 0; p < c->n_parts; p++) {
        size_t bytes = (size_t)c->part[p]->n_events * size;
        if (bytes > 0) memcpy(joined, of(c->part[p]), bytes);
        joined += bytes;
    }
    return RECSYS_OK;
}

static recsys_status join_columns(struct concat *c)
{
    event_columns *all = &c->columns;
    for (int64_t p = 0; p < c->n_parts; p++) all->n_events += c->part[p]->n_events;
    recsys_status status = join_indices(c, users_of, user_of, c->all.users, &all->user);
    if (!status) status = join_indices(c, items_of, item_of, c->all.items, &all->item);
    if (!status) status = join_indices(c, behaviours_of, behaviour_of, c->all.behaviours, &all->behaviour);
    if (!status) status = join_indices(c, sessions_of, session_of, c->all.sessions, &all->session);
    if (!status) status = join_plain(c, values_of, sizeof *all->value, &all->value);
    if (!status) status = join_plain(c, times_of, sizeof *all->time, &all->time);
    if (!status) status = join_plain(c, flags_of, sizeof *all->flag, &all->flag);
    return status;
}

/* One table of all for users or for items; the datasets' own if it is the same everywhere. */
static recsys_status unite_tables(struct concat *c, int side, map_of of, const recsys_ids *all)
{
    recsys_exec *x = c->exec;
    int64_t same = 0;
    while (same < c->n_parts && c->part[same]->table[side] == c->part[0]->table[side] && of(c->part[same]) == all) same++;
    if (same == c->n_parts) {
        c->all.table[side] = recsys__entity_table_retain(c->part[0]->table[side]);
        return RECSYS_OK;
    }
    entity_source *sources;
    int64_t n_rows = recsys_ids_count(all), n_sources = 0;
    recsys_status status = recsys__alloc(x->memory, &x->error, c->n_parts, sizeof *sources, &sources);
    if (status) return status;
    int32_t *row = NULL;
    for (int64_t p = 0; !status && p < c->n_parts; p++) {
        if (!c->part[p]->table[side]) continue;
        status = recsys__alloc(x->memory, &x->error, n_rows, sizeof *row, &row);
        if (status) break;
        sources[n_sources++] = (entity_source){ c->part[p]->table[side], row };
        status = recsys__ids_translate(x, all, of(c->part[p]), row);
    }
    if (!status) status = recsys__entity_table_collect(x, sources, n_sources, n_rows, &c->all.table[side]);
    while (n_sources > 0) recsys__free(x->memory, (void *)sources[--n_sources].row);
    recsys__free(x->memory, sources);
    return status;
}

recsys_status recsys_dataset_concat(recsys_exec *exec, const recsys_dataset *const *datasets, int64_t count,
                                    recsys_dataset **result)
{
    if (!exec || !result) return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    int complete = datasets != NULL && count > 0;
    for (int64_t p = 0; complete && p < count; p++) complete = datasets[p] != NULL;
    if (!complete)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_concat: no datasets, or one is NULL");
    struct concat c = { .exec = exec, .part = datasets, .n_parts = count };
    recsys_status status = unite_maps(&c);
    if (!status) status = unite_tables(&c, SIDE_USERS, users_of, c.all.users);
    if (!status) status = unite_tables(&c, SIDE_ITEMS, items_of, c.all.items);
    if (!status) status = join_columns(&c);
    if (!status) status = recsys__dataset_make(exec, &c.all, &c.columns, result);
    if (status) recsys__event_columns_free(exec->memory, &c.columns);
    for (int side = 0; side < 2; side++) recsys__entity_table_release(c.all.table[side]);
    recsys__ids_release(c.all.sessions);
    recsys__ids_release(c.all.behaviours);
    recsys__ids_release(c.all.items);
    recsys__ids_release(c.all.users);
    return status;
}
