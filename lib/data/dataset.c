/* dataset.c - making, sharing and asking a recsys_dataset and what it knows of users and items.
 *
 * The matrices made from the events are in views.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/dataset.h"

#include <string.h>

#include "base/struct.h"

/* ---- tables of users and items ---- */

entity_table *recsys__entity_table_retain(entity_table *t)
{
    if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void recsys__entity_table_release(entity_table *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = t->memory;
    for (int64_t k = 0; k < t->n_features; k++) {
        feature_table *f = &t->features[k];
        recsys__free(m, f->name);
        recsys__ids_release(f->features);
        recsys__free(m, f->cells.ptr);
        recsys__free(m, f->cells.col);
        recsys__free(m, f->cells.val);
    }
    recsys__free(m, t->features);
    recsys__free(m, t->name_bytes);
    recsys__free(m, t->name_offset);
    recsys__free(m, t);
    recsys__memory_release(m);
}

/* ---- making ---- */

void recsys__event_columns_free(memory *m, event_columns *columns)
{
    recsys__free(m, columns->user);
    recsys__free(m, columns->item);
    recsys__free(m, columns->value);
    recsys__free(m, columns->time);
    recsys__free(m, columns->behaviour);
    recsys__free(m, columns->session);
    recsys__free(m, columns->flag);
    *columns = (event_columns){0};
}

/* Names of features are handed out as strings. */
static recsys_status terminate_names(recsys_exec *x, const entity_table *t)
{
    recsys_status s = RECSYS_OK;
    for (int64_t k = 0; !s && t && k < t->n_features; k++) s = recsys__ids_terminate(t->features[k].features, &x->error);
    return s;
}

recsys_status recsys__dataset_make(recsys_exec *x, const dataset_shared *shared, event_columns *columns,
                                   recsys_dataset **out)
{
    recsys_dataset *d;
    *out = NULL;
    recsys_status s = terminate_names(x, shared->table[SIDE_USERS]);
    if (!s) s = terminate_names(x, shared->table[SIDE_ITEMS]);
    if (!s) s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *d, &d);
    if (s) return s;
    int failed = pthread_mutex_init(&d->lock, NULL);
    if (failed) {
        recsys__free(x->memory, d);
        return recsys__fail_system(&x->error, RECSYS_ERR_NO_MEMORY, failed, "no lock for a dataset");
    }
    atomic_init(&d->refs, 1);
    d->memory = recsys__memory_retain(x->memory);
    d->users = recsys__ids_retain(shared->users);
    d->items = recsys__ids_retain(shared->items);
    d->behaviours = columns->behaviour ? recsys__ids_retain(shared->behaviours) : NULL;
    d->sessions = columns->session ? recsys__ids_retain(shared->sessions) : NULL;
    for (int side = 0; side < 2; side++) d->table[side] = recsys__entity_table_retain(shared->table[side]);
    d->n_events = columns->n_events;
    d->user = columns->user;
    d->item = columns->item;
    d->value = columns->value;
    d->time = columns->time;
    d->behaviour = columns->behaviour;
    d->session = columns->session;
    d->flag = columns->flag;
    *columns = (event_columns){0};
    *out = d;
    return RECSYS_OK;
}

recsys_status recsys__dataset_create(recsys_exec *x, const recsys_dataset *like, event_columns *columns,
                                     recsys_dataset **out)
{
    dataset_shared shared = {like->users, like->items, like->behaviours, like->sessions, {like->table[0], like->table[1]}};
    return recsys__dataset_make(x, &shared, columns, out);
}

/* Copies the elements of `from` with keep[e] != 0; *to stays NULL if there is no such column. */
static recsys_status select_column(recsys_exec *x, const recsys_dataset *source, const uint8_t *keep, int64_t kept,
                                   const void *from, size_t size, void *to)
{
    if (!from) return RECSYS_OK;
    char *column;
    recsys_status s = recsys__alloc(x->memory, &x->error, kept, size, &column);
    if (s) return s;
    memcpy(to, &column, sizeof column);
    const char *element = from;
    for (int64_t e = 0; e < source->n_events; e++, element += size) {
        if (!keep[e]) continue;
        memcpy(column, element, size);
        column += size;
    }
    return RECSYS_OK;
}

recsys_status recsys__dataset_select(recsys_exec *x, const recsys_dataset *source, const uint8_t *keep, recsys_dataset **out)
{
    event_columns c = {0};
    *out = NULL;
    for (int64_t e = 0; e < source->n_events; e++) c.n_events += keep[e] != 0;
    const recsys_dataset *d = source;
    recsys_status s = select_column(x, d, keep, c.n_events, d->user, sizeof *d->user, &c.user);
    if (!s) s = select_column(x, d, keep, c.n_events, d->item, sizeof *d->item, &c.item);
    if (!s) s = select_column(x, d, keep, c.n_events, d->value, sizeof *d->value, &c.value);
    if (!s) s = select_column(x, d, keep, c.n_events, d->time, sizeof *d->time, &c.time);
    if (!s) s = select_column(x, d, keep, c.n_events, d->behaviour, sizeof *d->behaviour, &c.behaviour);
    if (!s) s = select_column(x, d, keep, c.n_events, d->session, sizeof *d->session, &c.session);
    if (!s) s = select_column(x, d, keep, c.n_events, d->flag, sizeof *d->flag, &c.flag);
    if (!s) s = recsys__dataset_create(x, source, &c, out);
    if (s) recsys__event_columns_free(x->memory, &c);
    return s;
}

recsys_dataset *recsys_dataset_retain(recsys_dataset *dataset)
{
    if (dataset) atomic_fetch_add_explicit(&dataset->refs, 1, memory_order_relaxed);
    return dataset;
}

void recsys_dataset_release(recsys_dataset *dataset)
{
    recsys_dataset *d = dataset;
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = d->memory;
    event_columns columns = {0, d->user, d->item, d->value, d->time, d->behaviour, d->session, d->flag};
    recsys__event_columns_free(m, &columns);
    recsys__csr_free(d->by_user_memory, d->by_user);
    recsys__csr_free(d->by_item_memory, d->by_item);
    recsys__memory_release(d->by_user_memory);
    recsys__memory_release(d->by_item_memory);
    recsys__ids_release(d->users);
    recsys__ids_release(d->items);
    recsys__ids_release(d->behaviours);
    recsys__ids_release(d->sessions);
    for (int side = 0; side < 2; side++) recsys__entity_table_release(d->table[side]);
    (void)pthread_mutex_destroy(&d->lock);
    recsys__free(m, d);
    recsys__memory_release(m);
}

/* ---- asking ---- */

const recsys_ids *recsys_dataset_users(const recsys_dataset *dataset)
{
    return dataset ? dataset->users : NULL;
}

const recsys_ids *recsys_dataset_items(const recsys_dataset *dataset)
{
    return dataset ? dataset->items : NULL;
}

int64_t recsys_dataset_event_count(const recsys_dataset *dataset)
{
    return dataset ? dataset->n_events : 0;
}

static const entity_table *entities(const recsys_dataset *dataset, int side)
{
    return dataset ? dataset->table[side] : NULL;
}

static const char *name_of(const entity_table *t, int64_t row)
{
    if (!t || !t->name_bytes || row < 0 || row >= t->n_rows || t->name_offset[row] < 0) return NULL;
    return t->name_bytes + t->name_offset[row];
}

static const feature_table *table_at(const entity_table *t, int64_t table)
{
    return t && table >= 0 && table < t->n_features ? &t->features[table] : NULL;
}

static recsys_status describe(const feature_table *f, recsys_feature_info *info)
{
    if (!info) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!f) return RECSYS_ERR_OUT_OF_RANGE;
    recsys_feature_info own = RECSYS_FEATURE_INFO_INIT;
    own.name = f->name;
    own.n_features = f->cells.n_cols;
    own.n_occurrences = f->cells.ptr[f->cells.n_rows];
    for (int64_t c = 0; c < own.n_occurrences; c++) {
        double v = f->cells.val ? (double)f->cells.val[c] : 1.0;
        if (c == 0 || v < own.value_min) own.value_min = v;
        if (c == 0 || v > own.value_max) own.value_max = v;
    }
    return recsys__struct_out(NULL, "recsys_feature_info", &own, sizeof own, info);
}

static recsys_status copy_row(const feature_table *f, int64_t row, int64_t *features, float *values, int64_t capacity,
                              int64_t *count)
{
    if (!count || capacity < 0) return RECSYS_ERR_INVALID_ARGUMENT;
    *count = 0;
    if (!f || row < 0 || row >= f->cells.n_rows) return RECSYS_ERR_OUT_OF_RANGE;
    recsys__csr_row(&f->cells, row, features, values, capacity, count);
    return RECSYS_OK;
}

const feature_table *recsys__dataset_dense(const recsys_dataset *d)
{
    const entity_table *t = d->table[SIDE_USERS];
    for (int64_t k = 0; t && k < t->n_features; k++)
        if (t->features[k].dense) return &t->features[k];
    return NULL;
}

const char *recsys_dataset_item_name(const recsys_dataset *dataset, int64_t item)
{
    return name_of(entities(dataset, SIDE_ITEMS), item);
}

int64_t recsys_dataset_feature_count(const recsys_dataset *dataset)
{
    const entity_table *t = entities(dataset, SIDE_ITEMS);
    return t ? t->n_features : 0;
}

recsys_status recsys_dataset_feature_info(const recsys_dataset *dataset, int64_t table, recsys_feature_info *info)
{
    return describe(table_at(entities(dataset, SIDE_ITEMS), table), info);
}

const char *recsys_dataset_feature_name(const recsys_dataset *dataset, int64_t table, int64_t feature)
{
    const feature_table *f = table_at(entities(dataset, SIDE_ITEMS), table);
    return f ? recsys__ids_string(f->features, feature) : NULL;
}

recsys_status recsys_dataset_item_features(const recsys_dataset *dataset, int64_t table, int64_t item, int64_t *features,
                                           float *values, int64_t capacity, int64_t *count)
{
    return copy_row(table_at(entities(dataset, SIDE_ITEMS), table), item, features, values, capacity, count);
}

const char *recsys_dataset_user_name(const recsys_dataset *dataset, int64_t user)
{
    return name_of(entities(dataset, SIDE_USERS), user);
}

int64_t recsys_dataset_user_feature_count(const recsys_dataset *dataset)
{
    const entity_table *t = entities(dataset, SIDE_USERS);
    return t ? t->n_features : 0;
}

recsys_status recsys_dataset_user_feature_info(const recsys_dataset *dataset, int64_t table, recsys_feature_info *info)
{
    return describe(table_at(entities(dataset, SIDE_USERS), table), info);
}

const char *recsys_dataset_user_feature_name(const recsys_dataset *dataset, int64_t table, int64_t feature)
{
    const feature_table *f = table_at(entities(dataset, SIDE_USERS), table);
    return f ? recsys__ids_string(f->features, feature) : NULL;
}

recsys_status recsys_dataset_user_features(const recsys_dataset *dataset, int64_t table, int64_t user, int64_t *features,
                                           float *values, int64_t capacity, int64_t *count)
{
    return copy_row(table_at(entities(dataset, SIDE_USERS), table), user, features, values, capacity, count);
}
