/* entity_table.c - tables of users or items that are numbered anew: after a k-core, and where datasets are put together.
 *
 * A feature table is known by its name. Parts that share the map of its features (all parts of one reading do) keep it;
 * otherwise the maps are united and the columns translated.
 * R users or items of the new numbering, P parts, F features of a table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/entity_table.h"

#include <string.h>

#include "data/id_sets.h"
#include "data/order.h"

struct collect {
    recsys_exec *exec;
    const entity_source *parts;
    int64_t n_parts, n_rows;
    entity_table *table;
};

static const char *name_in(const entity_source *part, int64_t i)
{
    const entity_table *t = part->table;
    if (!t || !t->name_bytes || part->row[i] < 0 || t->name_offset[part->row[i]] < 0) return NULL;
    return t->name_bytes + t->name_offset[part->row[i]];
}

static const char *first_name(const struct collect *c, int64_t i)
{
    for (int64_t p = 0; p < c->n_parts; p++) {
        const char *name = name_in(&c->parts[p], i);
        if (name) return name;
    }
    return NULL;
}

static recsys_status collect_names(const struct collect *c)
{
    entity_table *t = c->table;
    int any = 0;
    int64_t bytes = 0;
    for (int64_t p = 0; p < c->n_parts; p++) any |= c->parts[p].table && c->parts[p].table->name_bytes;
    if (!any) return RECSYS_OK;
    for (int64_t i = 0; i < c->n_rows; i++) {
        const char *name = first_name(c, i);
        if (name) bytes += (int64_t)strlen(name) + 1;
    }
    recsys_status status = recsys__alloc(t->memory, &c->exec->error, c->n_rows, sizeof *t->name_offset, &t->name_offset);
    if (!status) status = recsys__alloc(t->memory, &c->exec->error, bytes, 1, &t->name_bytes);
    if (status) return status;
    bytes = 0;
    for (int64_t i = 0; i < c->n_rows; i++) {
        const char *name = first_name(c, i);
        t->name_offset[i] = name ? bytes : -1;
        if (!name) continue;
        size_t size = strlen(name) + 1;
        memcpy(t->name_bytes + bytes, name, size);
        bytes += (int64_t)size;
    }
    return RECSYS_OK;
}

/* ---- Feature tables ---- */

/* The feature table of one part, and where its columns are in the new one (NULL: where they were). */
struct source {
    const feature_table *table; /* NULL: the part has none of this name */
    const int32_t *row;
    int32_t *column;
};

/* The cells of the first source that has any for row i: their source and range. */
static const struct source *first_cells(const struct source *sources, int64_t n_sources, int64_t i, int64_t *begin,
                                        int64_t *end)
{
    for (int64_t p = 0; p < n_sources; p++) {
        const struct source *s = &sources[p];
        if (!s->table || s->row[i] < 0) continue;
        *begin = s->table->cells.ptr[s->row[i]];
        *end = s->table->cells.ptr[s->row[i] + 1];
        if (*end > *begin) return s;
    }
    *begin = *end = 0;
    return NULL;
}

/* Copies a row with its columns translated and put in order. */
static void copy_row(const struct source *s, int64_t begin, int64_t end, keyed *room, int32_t *col, float *val)
{
    const csr *from = &s->table->cells;
    for (int64_t cell = begin; cell < end; cell++) {
        int32_t column = s->column ? s->column[from->col[cell]] : from->col[cell];
        room[cell - begin] = (keyed){ (uint64_t)column, cell };
    }
    if (s->column) recsys__sort_keyed(room, end - begin);
    for (int64_t k = 0; k < end - begin; k++) {
        col[k] = (int32_t)room[k].key;
        if (val) val[k] = from->val ? from->val[room[k].event] : 1.0f;
    }
}

static recsys_status collect_cells(const struct collect *c, const struct source *sources, csr *cells)
{
    memory *own = c->table->memory;
    error *e = &c->exec->error;
    int64_t n = 0, most = 0, begin, end;
    int valued = 0;
    for (int64_t p = 0; p < c->n_parts; p++) valued |= sources[p].table && sources[p].table->cells.val;
    recsys_status status = recsys__alloc(own, e, c->n_rows + 1, sizeof *cells->ptr, &cells->ptr);
    if (status) return status;
    cells->n_rows = c->n_rows;
    cells->ptr[0] = 0;
    for (int64_t i = 0; i < c->n_rows; i++) {
        first_cells(sources, c->n_parts, i, &begin, &end);
        if (end - begin > most) most = end - begin;
        cells->ptr[i + 1] = n += end - begin;
    }
    keyed *room = NULL;
    status = recsys__alloc(own, e, n, sizeof *cells->col, &cells->col);
    if (!status && valued) status = recsys__alloc(own, e, n, sizeof *cells->val, &cells->val);
    if (!status) status = recsys__alloc(own, e, most, sizeof *room, &room);
    for (int64_t i = 0; !status && i < c->n_rows; i++) {
        const struct source *s = first_cells(sources, c->n_parts, i, &begin, &end);
        if (s) copy_row(s, begin, end, room, cells->col + cells->ptr[i], cells->val ? cells->val + cells->ptr[i] : NULL);
    }
    recsys__free(own, room);
    return status;
}

/* The union of the sources' features, and the translation of each source whose map is another one. */
static recsys_status unite_features(const struct collect *c, struct source *sources, feature_table *out)
{
    recsys_exec *x = c->exec;
    const recsys_ids **maps;
    int64_t n = 0;
    recsys_status status = recsys__alloc(x->memory, &x->error, c->n_parts, sizeof *maps, &maps);
    if (status) return status;
    for (int64_t p = 0; p < c->n_parts; p++)
        if (sources[p].table) maps[n++] = sources[p].table->features;
    status = recsys__ids_union(x, maps, n, "features", &out->features);
    recsys__free(x->memory, maps);
    for (int64_t p = 0; !status && p < c->n_parts; p++) {
        struct source *s = &sources[p];
        if (!s->table || s->table->features == out->features) continue;
        status = recsys__alloc(x->memory, &x->error, recsys_ids_count(s->table->features), sizeof *s->column, &s->column);
        if (!status) status = recsys__ids_translate(x, s->table->features, out->features, s->column);
    }
    if (!status) out->cells.n_cols = recsys_ids_count(out->features);
    return status;
}

static const feature_table *find_table(const entity_table *t, const char *name)
{
    for (int64_t k = 0; t && k < t->n_features; k++)
        if (!strcmp(t->features[k].name, name)) return &t->features[k];
    return NULL;
}

/* Appends the feature table `name` to c->table, which has room for it. */
static recsys_status collect_features(const struct collect *c, const char *name)
{
    recsys_exec *x = c->exec;
    feature_table *out = &c->table->features[c->table->n_features++];
    size_t size = strlen(name) + 1;
    struct source *sources = NULL;
    recsys_status status = recsys__alloc(c->table->memory, &x->error, (int64_t)size, 1, &out->name);
    if (!status) memcpy(out->name, name, size);
    if (!status) status = recsys__alloc_zero(x->memory, &x->error, c->n_parts, sizeof *sources, &sources);
    if (status) return status;
    for (int64_t p = 0; p < c->n_parts; p++)
        sources[p] = (struct source){ find_table(c->parts[p].table, name), c->parts[p].row, NULL };
    status = unite_features(c, sources, out);
    out->dense = 1;
    for (int64_t p = 0; p < c->n_parts; p++)
        if (sources[p].table)
            out->dense = out->dense && sources[p].table->dense && sources[p].table->cells.n_cols == out->cells.n_cols;
    if (!status) status = collect_cells(c, sources, &out->cells);
    for (int64_t p = 0; p < c->n_parts; p++) recsys__free(x->memory, sources[p].column);
    recsys__free(x->memory, sources);
    return status;
}

static recsys_status collect_all_features(const struct collect *c)
{
    entity_table *t = c->table;
    int64_t most = 0;
    for (int64_t p = 0; p < c->n_parts; p++) most += c->parts[p].table ? c->parts[p].table->n_features : 0;
    if (most == 0) return RECSYS_OK;
    recsys_status status = recsys__alloc_zero(t->memory, &c->exec->error, most, sizeof *t->features, &t->features);
    for (int64_t p = 0; !status && p < c->n_parts; p++) {
        const entity_table *from = c->parts[p].table;
        for (int64_t k = 0; !status && from && k < from->n_features; k++)
            if (!find_table(t, from->features[k].name)) status = collect_features(c, from->features[k].name);
    }
    return status;
}

recsys_status recsys__entity_table_collect(recsys_exec *x, const entity_source *parts, int64_t n_parts, int64_t n_rows,
                                           entity_table **out)
{
    *out = NULL;
    int any = 0;
    for (int64_t p = 0; p < n_parts; p++) any |= parts[p].table != NULL;
    if (!any) return RECSYS_OK;
    struct collect c = { x, parts, n_parts, n_rows, NULL };
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *c.table, &c.table);
    if (status) return status;
    atomic_init(&c.table->refs, 1);
    c.table->memory = recsys__memory_retain(x->memory);
    c.table->n_rows = n_rows;
    status = collect_names(&c);
    if (!status) status = collect_all_features(&c);
    if (status)
        recsys__entity_table_release(c.table);
    else
        *out = c.table;
    return status;
}
