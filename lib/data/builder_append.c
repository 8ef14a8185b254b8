/* builder_append.c - the public builder: arrays of events in memory become a dataset.
 *
 * A call adds all of its events or none: what can be wrong with them is looked for before the first one is added, and what
 * can fail then (memory, an id that the universe does not hold) takes the events of the call out again. Integers that only
 * those events had stay in the map, but recsys__builder_finish() numbers no integer that no event has.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/struct.h"
#include "data/builder_inside.h"

recsys_status recsys_dataset_builder_create(recsys_exec *exec, const recsys_read_options *options,
                                            recsys_dataset_builder **builder)
{
    if (!exec) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!builder)
        return recsys__fail(&exec->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_builder_create: an argument is NULL");
    *builder = NULL;
    recsys_read_options own;
    recsys_status s = recsys__read_options_in(exec, options, &own);
    return s ? s : recsys__builder_create(exec, &own, builder);
}

/* ---- checks ---- */

static recsys_status fail_argument(recsys_dataset_builder *b, const char *reason)
{
    return recsys__fail(&b->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_builder_append: %s", reason);
}

static uint32_t columns_of(const recsys_events *v)
{
    return (v->values ? COLUMN_VALUE : 0u) | (v->times ? COLUMN_TIME : 0u) | (v->behaviours ? COLUMN_BEHAVIOUR : 0u) |
           (v->sessions ? COLUMN_SESSION : 0u) | (v->flags ? COLUMN_FLAG : 0u);
}

/* The first of `count` strings that is NULL or empty, or -1. */
static int64_t first_empty(const char *const *strings, int64_t count)
{
    for (int64_t e = 0; strings && e < count; e++)
        if (!strings[e] || !*strings[e]) return e;
    return -1;
}

static recsys_status check_rows(recsys_dataset_builder *b, const recsys_events *v)
{
    error *x = &b->x->error;
    const struct {
        const char *name;
        const char *const *strings;
    } arrays[] = {{"user_names", v->user_names}, {"item_names", v->item_names}, {"behaviours", v->behaviours}};
    for (int k = 0; k < 3; k++) {
        int64_t e = first_empty(arrays[k].strings, v->count);
        if (e >= 0) return recsys__fail(x, RECSYS_ERR_INVALID_ARGUMENT, "%s[%lld] is empty", arrays[k].name, (long long)e);
    }
    for (int64_t e = 0; v->values && e < v->count; e++)
        if (!isfinite(v->values[e]))
            return recsys__fail(x, RECSYS_ERR_NUMERIC, "values[%lld] is %s", (long long)e,
                                isnan(v->values[e]) ? "not a number (NaN)" : "infinite");
    for (int64_t e = 0; v->flags && e < v->count; e++)
        if (v->flags[e] > 1)
            return recsys__fail(x, RECSYS_ERR_INVALID_ARGUMENT, "flags[%lld] is %d, but must be 0 or 1", (long long)e,
                                v->flags[e]);
    return RECSYS_OK;
}

static recsys_status check_events(recsys_dataset_builder *b, const recsys_events *v)
{
    if (v->count < 0) return fail_argument(b, "a negative count");
    if (!v->user_ids == !v->user_names) return fail_argument(b, "one of user_ids and user_names is needed, not both");
    if (!v->item_ids == !v->item_names) return fail_argument(b, "one of item_ids and item_names is needed, not both");
    if (recsys__builder_part_events(b) > 0 && b->dense.n_features > 0) return fail_argument(b, "the builder has rows already");
    if (recsys__builder_part_events(b) > 0 && b->parts[0].present != columns_of(v))
        return fail_argument(b, "each call must bring the same optional arrays as the first");
    return check_rows(b, v);
}

/* ---- taking events out again ---- */

typedef struct mark {
    int32_t type[2];
    int64_t n_ids[2], n_behaviours, n_sessions, n_chunks, n_in_last, n_events, n_rows;
} mark;

static mark set_mark(const recsys_dataset_builder *b)
{
    const part *p = &b->parts[0];
    mark m = {.n_chunks = p->n_chunks, .n_events = p->n_events, .n_rows = b->dense.n};
    if (p->n_chunks > 0) m.n_in_last = p->chunks[p->n_chunks - 1].columns.n_events;
    for (int k = 0; k < 2; k++) {
        m.type[k] = b->side[k].type;
        m.n_ids[k] = recsys_ids_count(b->side[k].ids);
    }
    m.n_behaviours = recsys_ids_count(b->behaviours);
    m.n_sessions = recsys_ids_count(b->sessions);
    return m;
}

static void go_back(recsys_dataset_builder *b, const mark *m)
{
    part *p = &b->parts[0];
    while (p->n_chunks > m->n_chunks) recsys__event_columns_free(b->x->memory, &p->chunks[--p->n_chunks].columns);
    if (p->n_chunks > 0) p->chunks[p->n_chunks - 1].columns.n_events = m->n_in_last;
    p->n_events = m->n_events;
    b->dense.n = m->n_rows;
    for (int k = 0; k < 2; k++) {
        id_side *side = &b->side[k];
        if (m->type[k] == RECSYS_ID_AUTO)
            recsys__side_free(b->x->memory, side);
        else if (side->type == RECSYS_ID_STRING && !side->universe && side->ids)
            recsys__ids_truncate(side->ids, m->n_ids[k]);
    }
    if (b->behaviours) recsys__ids_truncate(b->behaviours, m->n_behaviours);
    if (b->sessions) recsys__ids_truncate(b->sessions, m->n_sessions);
}

/* ---- adding ---- */

/* Strings stay strings, whatever they look like, unless integers were asked for. */
static void decide_types(recsys_dataset_builder *b, const recsys_events *v)
{
    if (v->user_names && b->side[SIDE_USERS].type == RECSYS_ID_AUTO) b->side[SIDE_USERS].type = RECSYS_ID_STRING;
    if (v->item_names && b->side[SIDE_ITEMS].type == RECSYS_ID_AUTO) b->side[SIDE_ITEMS].type = RECSYS_ID_STRING;
}

static recsys_status add_row(recsys_dataset_builder *b, const recsys_events *v, int64_t e)
{
    event_row row = {0};
    event_place place = {.line = e};
    if (v->user_names) {
        row.user = v->user_names[e];
        row.user_length = (int64_t)strlen(row.user);
    } else {
        row.user_id = v->user_ids[e];
    }
    if (v->item_names) {
        row.item = v->item_names[e];
        row.item_length = (int64_t)strlen(row.item);
    } else {
        row.item_id = v->item_ids[e];
    }
    if (v->values) row.value = v->values[e];
    if (v->times) row.time = v->times[e];
    if (v->behaviours) {
        row.behaviour = v->behaviours[e];
        row.behaviour_length = (int64_t)strlen(row.behaviour);
    }
    if (v->sessions) row.session_id = v->sessions[e];
    if (v->flags) row.flag = v->flags[e];
    return recsys__builder_add(b, &row, &place);
}

recsys_status recsys_dataset_builder_append(recsys_dataset_builder *builder, const recsys_events *events)
{
    recsys_dataset_builder *b = builder;
    if (!b) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!events) return fail_argument(b, "an argument is NULL");
    recsys_events v;
    recsys_status s = recsys__struct_in(&b->x->error, "recsys_events", events, offsetof(recsys_events, count), &v, sizeof v);
    if (!s) s = check_events(b, &v);
    if (s || v.count == 0) return s;
    if (b->n_parts > 0 && b->parts[0].n_events == 0)
        recsys__builder_clear(b); /* the call before was the first, and failed */
    if (b->n_parts == 0) s = recsys__builder_begin_part(b, columns_of(&v));
    if (s) return s;
    mark m = set_mark(b);
    decide_types(b, &v);
    event_place first = {.line = 0};
    if (v.user_ids && v.item_ids && columns_of(&v) == 0)
        s = recsys__builder_add_pairs(b, v.count, v.user_ids, v.item_ids, &first);
    else
        for (int64_t e = 0; !s && e < v.count; e++) s = add_row(b, &v, e);
    if (s) go_back(b, &m);
    return s;
}

/* ---- rows of features ---- */

static recsys_status fail_rows(recsys_dataset_builder *b, const char *reason)
{
    return recsys__fail(&b->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_builder_append_rows: %s", reason);
}

static recsys_status check_features(recsys_dataset_builder *b, const recsys_rows *v)
{
    const struct {
        const char *name;
        const char *const *strings;
        int64_t count;
    } arrays[] = {{"label_names", v->label_names, v->count},
                  {"row_names", v->row_names, v->count}};
    for (int k = 0; k < 2; k++) {
        int64_t e = first_empty(arrays[k].strings, arrays[k].count);
        if (e >= 0)
            return recsys__fail(&b->x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s[%lld] is empty", arrays[k].name, (long long)e);
    }
    for (int64_t f = 0; v->feature_names && f < v->n_features; f++)
        if (!v->feature_names[f]) return fail_rows(b, "a name of a feature is NULL");
    for (int64_t k = 0; k < v->count * v->n_features; k++)
        if (!isfinite(v->features[k]))
            return recsys__fail(&b->x->error, RECSYS_ERR_NUMERIC, "row %lld: feature %lld is %s",
                                (long long)(k / v->n_features),
                                (long long)(k % v->n_features), isnan(v->features[k]) ? "not a number (NaN)" : "infinite");
    return RECSYS_OK;
}

static recsys_status check_all_rows(recsys_dataset_builder *b, const recsys_rows *v)
{
    if (v->count < 0) return fail_rows(b, "a negative count");
    if (v->n_features < 1 || v->n_features > INT32_MAX) return fail_rows(b, "n_features must be 1 or more");
    if (v->count > INT64_MAX / 8 / v->n_features)
        return recsys__fail(&b->x->error, RECSYS_ERR_TOO_LARGE, "%lld rows of %lld features are too many", (long long)v->count,
                            (long long)v->n_features);
    if (!v->features) return fail_rows(b, "features is NULL");
    if (!v->label_ids == !v->label_names) return fail_rows(b, "one of label_ids and label_names is needed, not both");
    if (v->row_ids && v->row_names) return fail_rows(b, "at most one of row_ids and row_names can be given");
    if (recsys__builder_part_events(b) > 0 && b->dense.n_features == 0) return fail_rows(b, "the builder has events already");
    return check_features(b, v);
}

/* The names as the builder takes them: one after the other. */
static recsys_status settle_features(recsys_dataset_builder *b, const recsys_rows *v)
{
    text t = recsys__text_begin(b->x->memory, &b->x->error);
    for (int64_t f = 0; v->feature_names && f < v->n_features; f++)
        recsys__text_bytes(&t, v->feature_names[f], (int64_t)strlen(v->feature_names[f]) + 1);
    recsys_status s = recsys__text_end(&t);
    if (!s) s = recsys__builder_features(b, v->n_features, v->feature_names ? t.data : NULL, NULL, 0);
    recsys__text_free(&t);
    return s;
}

static recsys_status add_labelled(recsys_dataset_builder *b, const recsys_rows *v, int64_t r)
{
    char digits[24];
    event_row row = {.features = v->features + r * v->n_features};
    event_place place = {.line = r, .labelled = 1};
    if (v->row_names) {
        row.user = v->row_names[r];
        row.user_length = (int64_t)strlen(row.user);
    } else {
        row.user_id = v->row_ids ? v->row_ids[r] : recsys__builder_rows(b);
        if (!v->row_ids && b->side[SIDE_USERS].type == RECSYS_ID_STRING) {
            row.user_length = snprintf(digits, sizeof digits, "%lld", (long long)row.user_id);
            row.user = digits;
        }
    }
    if (v->label_names) {
        row.item = v->label_names[r];
        row.item_length = (int64_t)strlen(row.item);
    } else {
        row.item_id = v->label_ids[r];
    }
    return recsys__builder_add(b, &row, &place);
}

recsys_status recsys_dataset_builder_append_rows(recsys_dataset_builder *builder, const recsys_rows *rows)
{
    recsys_dataset_builder *b = builder;
    if (!b) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!rows) return fail_rows(b, "an argument is NULL");
    recsys_rows v;
    recsys_status s = recsys__struct_in(&b->x->error, "recsys_rows", rows, offsetof(recsys_rows, count), &v, sizeof v);
    if (!s) s = check_all_rows(b, &v);
    if (s || v.count == 0) return s;
    if (b->n_parts > 0 && b->parts[0].n_events == 0) recsys__builder_clear(b);
    if (b->n_parts == 0) s = recsys__builder_begin_part(b, 0);
    if (!s) s = settle_features(b, &v);
    if (s) return s;
    mark m = set_mark(b);
    if (v.row_names && b->side[SIDE_USERS].type == RECSYS_ID_AUTO) b->side[SIDE_USERS].type = RECSYS_ID_STRING;
    if (v.label_names && b->side[SIDE_ITEMS].type == RECSYS_ID_AUTO) b->side[SIDE_ITEMS].type = RECSYS_ID_STRING;
    for (int64_t r = 0; !s && r < v.count; r++) s = add_labelled(b, &v, r);
    if (s) go_back(b, &m);
    return s;
}

recsys_status recsys_dataset_builder_finish(recsys_dataset_builder *builder, recsys_dataset **dataset)
{
    recsys_dataset_builder *b = builder;
    if (!b) return RECSYS_ERR_INVALID_ARGUMENT;
    if (!dataset)
        return recsys__fail(&b->x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_dataset_builder_finish: an argument is NULL");
    *dataset = NULL;
    recsys_status s = RECSYS_OK;
    if (recsys__builder_part_events(b) == 0 && !b->items_given)
        return recsys__fail(&b->x->error, RECSYS_ERR_EMPTY, "no events were added to the dataset");
    if (b->n_parts == 0) s = recsys__builder_begin_part(b, 0); /* a catalogue alone: names and features, no events */
    return s ? s : recsys__builder_finish(b, dataset);
}
