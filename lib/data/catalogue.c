/* catalogue.c - what a builder knows of users and items besides events: items of a catalogue, names and features.
 *
 * Feature cells come as a list in any order. At the end two counting sorts, by feature and then by row, bring them into
 * rows; the second one meets cells of one row and feature one after the other and merges them by the table's rule.
 *
 * A row is a user or an item. F features, N cells of a list.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "data/builder_inside.h"
#include "data/encoding.h"

/* ---- items and names ---- */

static recsys_status fail_twice(recsys_dataset_builder *b, const char *id, int64_t length, const event_place *place)
{
    char shown[64];
    recsys__show_cell(id, length, shown, sizeof shown);
    return recsys__fail(&b->x->error, RECSYS_ERR_DUPLICATE, "%.300s:%lld: item %s comes twice",
                        place->path ? place->path : "items", (long long)place->line, shown);
}

recsys_status recsys__builder_add_item(recsys_dataset_builder *b, const char *id, int64_t length, const event_place *place,
                                       int64_t *index)
{
    id_side *side = &b->side[SIDE_ITEMS];
    *index = -1;
    if (b->items_given) {
        *index = recsys__ids_find_text(side->ids, id, length);
        return RECSYS_OK;
    }
    int32_t code;
    recsys_status s = recsys__side_member(b, SIDE_ITEMS, id, length, place, &code);
    if (s) return s == RECSYS_ERR_DUPLICATE ? fail_twice(b, id, length, place) : s;
    *index = code;
    return RECSYS_OK;
}

static recsys_status name_room(recsys_exec *x, catalogue *c, int64_t index)
{
    if (index < c->names_room) return RECSYS_OK;
    int64_t room = 2 * index + 64;
    recsys_status s = recsys__resize(x->memory, &x->error, room, sizeof *c->name_offset, &c->name_offset);
    if (s) return s;
    for (int64_t i = c->names_room; i < room; i++) c->name_offset[i] = -1;
    c->names_room = room;
    return RECSYS_OK;
}

recsys_status recsys__builder_name(recsys_dataset_builder *b, int which, int64_t index, const char *name, int64_t length)
{
    catalogue *c = &b->catalogue[which];
    if (length == 0) return RECSYS_OK;
    recsys_status s = name_room(b->x, c, index);
    if (s || c->name_offset[index] >= 0) return s;
    int64_t offset = c->names.length;
    recsys__text_utf8(&c->names, name, length);
    recsys__text_bytes(&c->names, "", 1);
    if (c->names.status) return c->names.status;
    c->name_offset[index] = offset;
    return RECSYS_OK;
}

/* ---- features ---- */

recsys_status recsys__builder_feature_table(recsys_dataset_builder *b, int which, const char *name, int32_t rule,
                                            int64_t *table)
{
    memory *m = b->x->memory;
    error *e = &b->x->error;
    catalogue *c = &b->catalogue[which];
    for (*table = 0; *table < c->n_lists; ++*table)
        if (strcmp(c->lists[*table].name, name) == 0) return RECSYS_OK;
    recsys_status s = recsys__resize(m, e, c->n_lists + 1, sizeof *c->lists, &c->lists);
    if (s) return s;
    feature_list *f = &c->lists[c->n_lists];
    *f = (feature_list){.rule = rule};
    s = recsys__alloc(m, e, (int64_t)strlen(name) + 1, 1, &f->name);
    if (!s) s = recsys__ids_create(b->x, RECSYS_ID_STRING, &f->features);
    if (s) {
        recsys__free(m, f->name);
        return s;
    }
    strcpy(f->name, name);
    c->n_lists++;
    return RECSYS_OK;
}

recsys_status recsys__builder_feature(recsys_dataset_builder *b, int which, int64_t table, const char *name,
                                      int64_t length, int64_t *feature)
{
    int32_t index = -1;
    recsys_status s;
    recsys_ids *features = b->catalogue[which].lists[table].features;
    if (recsys__is_utf8(name, length)) {
        s = recsys__ids_add_text(b->x, features, name, length, &index);
    } else {
        text t = recsys__text_begin(b->x->memory, &b->x->error);
        recsys__text_utf8(&t, name, length);
        s = recsys__text_end(&t);
        if (!s) s = recsys__ids_add_text(b->x, features, t.data, t.length, &index);
        recsys__text_free(&t);
    }
    *feature = index;
    return s;
}

recsys_status recsys__builder_cell(recsys_dataset_builder *b, int which, int64_t table, int64_t index, int64_t feature,
                                   float value)
{
    memory *m = b->x->memory;
    error *e = &b->x->error;
    feature_list *f = &b->catalogue[which].lists[table];
    if (f->n == f->room) {
        int64_t room = 2 * f->room + 256;
        recsys_status s = recsys__resize(m, e, room, sizeof *f->row, &f->row);
        if (!s) s = recsys__resize(m, e, room, sizeof *f->feature, &f->feature);
        if (!s && f->rule != FEATURE_ONCE) s = recsys__resize(m, e, room, sizeof *f->value, &f->value);
        if (s) return s;
        f->room = room;
    }
    f->row[f->n] = (int32_t)index;
    f->feature[f->n] = (int32_t)feature;
    if (f->value) f->value[f->n] = value;
    f->n++;
    return RECSYS_OK;
}

/* ---- from lists to matrices ---- */

/* order[k]: the cells of the list in order of feature, then as they came. */
static recsys_status order_by_feature(recsys_exec *x, const feature_list *f, int64_t F, int64_t **order)
{
    int64_t *ptr;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, F + 1, sizeof *ptr, &ptr);
    if (!s) s = recsys__alloc(x->memory, &x->error, f->n, sizeof **order, order);
    if (!s) {
        for (int64_t c = 0; c < f->n; c++) ptr[f->feature[c] + 1]++;
        for (int64_t k = 0; k < F; k++) ptr[k + 1] += ptr[k];
        for (int64_t c = 0; c < f->n; c++) (*order)[ptr[f->feature[c]]++] = c;
    }
    recsys__free(x->memory, ptr);
    return s;
}

/* Fills `m` (room for N cells, ptr[i] where the row of i begins if nothing merges) and closes the gaps. */
static void fill_rows(const feature_list *f, const int64_t *order, int64_t *fill, csr *m)
{
    for (int64_t k = 0; k < f->n; k++) {
        int64_t c = order[k], at = fill[f->row[c]];
        int same = at > m->ptr[f->row[c]] && m->col[at - 1] == f->feature[c];
        if (same)
            at--;
        else
            fill[f->row[c]]++;
        m->col[at] = f->feature[c];
        if (m->val) m->val[at] = f->value[c] + (same && f->rule == FEATURE_SUM ? m->val[at] : 0.0f);
    }
    int64_t to = 0;
    for (int64_t i = 0; i < m->n_rows; i++) {
        int64_t from = m->ptr[i];
        m->ptr[i] = to;
        for (; from < fill[i]; from++, to++) {
            m->col[to] = m->col[from];
            if (m->val) m->val[to] = m->val[from];
        }
    }
    m->ptr[m->n_rows] = to;
}

static recsys_status make_cells(recsys_exec *x, const feature_list *f, int64_t n_rows, csr *m)
{
    int64_t *order = NULL, *fill = NULL;
    m->n_rows = n_rows;
    m->n_cols = recsys_ids_count(f->features);
    recsys_status s = order_by_feature(x, f, m->n_cols, &order);
    if (!s) s = recsys__alloc_zero(x->memory, &x->error, n_rows + 1, sizeof *m->ptr, &m->ptr);
    if (!s) s = recsys__alloc(x->memory, &x->error, f->n, sizeof *m->col, &m->col);
    if (!s && f->rule != FEATURE_ONCE) s = recsys__alloc(x->memory, &x->error, f->n, sizeof *m->val, &m->val);
    if (!s) s = recsys__alloc(x->memory, &x->error, n_rows, sizeof *fill, &fill);
    if (!s) {
        for (int64_t c = 0; c < f->n; c++) m->ptr[f->row[c] + 1]++;
        for (int64_t i = 0; i < n_rows; i++) m->ptr[i + 1] += m->ptr[i];
        memcpy(fill, m->ptr, (size_t)n_rows * sizeof *fill);
        fill_rows(f, order, fill, m);
    }
    recsys__free(x->memory, fill);
    recsys__free(x->memory, order);
    return s;
}

/* ---- the end ---- */

static void list_free(memory *m, feature_list *f)
{
    recsys__free(m, f->name);
    recsys__ids_release(f->features);
    recsys__free(m, f->row);
    recsys__free(m, f->feature);
    recsys__free(m, f->value);
}

void recsys__catalogue_free(recsys_dataset_builder *b, int which)
{
    memory *m = b->x->memory;
    catalogue *c = &b->catalogue[which];
    for (int64_t k = 0; k < c->n_lists; k++) list_free(m, &c->lists[k]);
    recsys__free(m, c->lists);
    recsys__free(m, c->name_offset);
    recsys__text_free(&c->names);
    recsys__entity_table_release(c->table);
    c->lists = NULL;
    c->name_offset = NULL;
    c->table = NULL;
    c->n_lists = c->names_room = 0;
}

static recsys_status take_names(recsys_exec *x, const catalogue *c, entity_table *t)
{
    if (c->names.length == 0) return RECSYS_OK;
    recsys_status s = recsys__alloc(t->memory, &x->error, c->names.length, 1, &t->name_bytes);
    if (!s) s = recsys__alloc(t->memory, &x->error, t->n_rows, sizeof *t->name_offset, &t->name_offset);
    if (s) return s;
    memcpy(t->name_bytes, c->names.data, (size_t)c->names.length);
    for (int64_t i = 0; i < t->n_rows; i++) t->name_offset[i] = i < c->names_room ? c->name_offset[i] : -1;
    return RECSYS_OK;
}

static recsys_status take_features(recsys_exec *x, const catalogue *c, entity_table *t)
{
    if (c->n_lists == 0) return RECSYS_OK;
    recsys_status s = recsys__alloc_zero(t->memory, &x->error, c->n_lists, sizeof *t->features, &t->features);
    for (int64_t k = 0; !s && k < c->n_lists; k++) {
        const feature_list *f = &c->lists[k];
        feature_table *to = &t->features[t->n_features++];
        to->features = recsys__ids_retain(f->features);
        s = recsys__alloc(t->memory, &x->error, (int64_t)strlen(f->name) + 1, 1, &to->name);
        if (!s) strcpy(to->name, f->name);
        if (!s) s = make_cells(x, f, t->n_rows, &to->cells);
    }
    return s;
}

recsys_status recsys__catalogue_finish(recsys_dataset_builder *b, int which, int64_t n_rows, entity_table **out)
{
    recsys_exec *x = b->x;
    catalogue *c = &b->catalogue[which];
    entity_table *t;
    *out = NULL;
    if (c->table || (c->names.length == 0 && c->n_lists == 0)) {
        *out = recsys__entity_table_retain(c->table);
        return RECSYS_OK;
    }
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *t, &t);
    if (s) return s;
    atomic_init(&t->refs, 1);
    t->memory = recsys__memory_retain(x->memory);
    t->n_rows = n_rows;
    s = take_names(x, c, t);
    if (!s) s = take_features(x, c, t);
    if (s) {
        recsys__entity_table_release(t);
        return s;
    }
    recsys__catalogue_free(b, which);
    c->table = recsys__entity_table_retain(t);
    *out = t;
    return RECSYS_OK;
}
