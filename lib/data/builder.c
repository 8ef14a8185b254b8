/* builder.c - events from files or memory on their way to a dataset: parts, chunks, the end.
 *
 * Rows are stored in chunks that never move. A part that turns out to be one chunk, nearly full, becomes a dataset as it
 * is: readers that know how many rows to expect see to that. Otherwise the chunks of each column are joined into one array
 * and given back as they are copied, so that the peak is what the dataset takes and its widest column once more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/builder.h"

#include <stddef.h>
#include <string.h>

#include "data/builder_inside.h"

enum { FIRST_CHUNK = 1 << 10, LARGEST_CHUNK = 1 << 18 };

recsys_exec *recsys__builder_exec(const recsys_dataset_builder *b)
{
    return b->x;
}

int64_t recsys__builder_part_events(const recsys_dataset_builder *b)
{
    return b->n_parts > 0 ? b->parts[b->n_parts - 1].n_events : 0;
}

/* ---- making and freeing ---- */

recsys_status recsys__builder_create(recsys_exec *x, const recsys_read_options *options, recsys_dataset_builder **out)
{
    recsys_dataset_builder *b;
    *out = NULL;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *b, &b);
    if (s) return s;
    b->x = recsys_exec_retain(x);
    b->id_type = options->id_type;
    b->duplicates = options->duplicates;
    b->failed_part = -1;
    for (int side = 0; side < 2; side++) b->catalogue[side].names = recsys__text_begin(x->memory, &x->error);
    recsys__side_init(&b->side[SIDE_USERS], options->id_type);
    recsys__side_init(&b->side[SIDE_ITEMS], options->id_type);
    if (options->users) s = recsys__read_users(b, options->users, options->user_columns);
    if (!s && options->items) s = recsys__read_items(b, options->items, options->item_columns);
    b->items_given = options->items != NULL;
    if (s)
        recsys_dataset_builder_release(b);
    else
        *out = b;
    return s;
}

static void free_parts(recsys_dataset_builder *b)
{
    memory *m = b->x->memory;
    for (int64_t p = 0; p < b->n_parts; p++) {
        for (int64_t k = 0; k < b->parts[p].n_chunks; k++) recsys__event_columns_free(m, &b->parts[p].chunks[k].columns);
        recsys__free(m, b->parts[p].chunks);
        recsys__free(m, b->parts[p].runs);
    }
    recsys__free(m, b->parts);
    b->parts = NULL;
    b->n_parts = b->parts_room = 0;
}

/* Maps that grew with the events go too: datasets have them now, and a dataset's maps do not change. */
void recsys__builder_clear(recsys_dataset_builder *b)
{
    free_parts(b);
    for (int k = 0; k < 2; k++) {
        if (b->side[k].universe) continue;
        recsys__side_free(b->x->memory, &b->side[k]);
        recsys__side_init(&b->side[k], b->id_type);
    }
    recsys__ids_release(b->behaviours);
    recsys__ids_release(b->sessions);
    b->behaviours = b->sessions = NULL;
    recsys__dense_free(b);
}

void recsys_dataset_builder_release(recsys_dataset_builder *builder)
{
    recsys_dataset_builder *b = builder;
    if (!b) return;
    recsys_exec *x = b->x;
    recsys__builder_clear(b);
    recsys__side_free(x->memory, &b->side[SIDE_USERS]);
    recsys__side_free(x->memory, &b->side[SIDE_ITEMS]);
    for (int side = 0; side < 2; side++) recsys__catalogue_free(b, side);
    recsys__free(x->memory, b);
    recsys_exec_release(x);
}

/* ---- parts and chunks ---- */

recsys_status recsys__builder_begin_part(recsys_dataset_builder *b, uint32_t columns)
{
    recsys_exec *x = b->x;
    recsys_status s = RECSYS_OK;
    /* Before the first event only the catalogue can have brought ids. */
    if (b->n_parts == 0 && b->side[SIDE_ITEMS].ids && !b->side[SIDE_ITEMS].universe) s = recsys__side_close(b, SIDE_ITEMS);
    if (!s && b->n_parts == b->parts_room) {
        int64_t room = 2 * b->parts_room + 2;
        s = recsys__resize(x->memory, &x->error, room, sizeof *b->parts, &b->parts);
        if (!s) b->parts_room = room;
    }
    if (!s && (columns & COLUMN_BEHAVIOUR) && !b->behaviours) s = recsys__ids_create(x, RECSYS_ID_STRING, &b->behaviours);
    if (!s && (columns & COLUMN_SESSION) && !b->sessions) s = recsys__ids_create(x, RECSYS_ID_AUTO, &b->sessions);
    if (!s) b->parts[b->n_parts++] = (part){.present = columns};
    return s;
}

static recsys_status chunk_alloc(memory *m, error *e, uint32_t present, int64_t room, event_columns *c)
{
    *c = (event_columns){0};
    recsys_status s = recsys__alloc(m, e, room, sizeof *c->user, &c->user);
    if (!s) s = recsys__alloc(m, e, room, sizeof *c->item, &c->item);
    if (!s && (present & COLUMN_VALUE)) s = recsys__alloc(m, e, room, sizeof *c->value, &c->value);
    if (!s && (present & COLUMN_TIME)) s = recsys__alloc(m, e, room, sizeof *c->time, &c->time);
    if (!s && (present & COLUMN_BEHAVIOUR)) s = recsys__alloc(m, e, room, sizeof *c->behaviour, &c->behaviour);
    if (!s && (present & COLUMN_SESSION)) s = recsys__alloc(m, e, room, sizeof *c->session, &c->session);
    if (!s && (present & COLUMN_FLAG)) s = recsys__alloc(m, e, room, sizeof *c->flag, &c->flag);
    if (s) recsys__event_columns_free(m, c);
    return s;
}

static recsys_status add_chunk(recsys_exec *x, error *e, part *p, int64_t room)
{
    if (p->n_chunks == p->chunks_room) {
        int64_t chunks_room = 2 * p->chunks_room + 8;
        recsys_status s = recsys__resize(x->memory, e, chunks_room, sizeof *p->chunks, &p->chunks);
        if (s) return s;
        p->chunks_room = chunks_room;
    }
    chunk c = {.room = room};
    recsys_status s = chunk_alloc(x->memory, e, p->present, room, &c.columns);
    if (!s) p->chunks[p->n_chunks++] = c;
    return s;
}

/* The chunk of the last part that takes the next event. */
static inline recsys_status open_chunk(recsys_dataset_builder *b, chunk **out)
{
    part *p = &b->parts[b->n_parts - 1];
    chunk *last = p->n_chunks > 0 ? &p->chunks[p->n_chunks - 1] : NULL;
    recsys_status s = RECSYS_OK;
    if (!last || last->columns.n_events == last->room) {
        int64_t room = !last ? FIRST_CHUNK : 2 * last->room;
        s = add_chunk(b->x, &b->x->error, p, room < LARGEST_CHUNK ? room : LARGEST_CHUNK);
        last = s ? NULL : &p->chunks[p->n_chunks - 1];
    }
    *out = last;
    return s;
}

/* Without the memory for it, the part grows like any other. */
void recsys__builder_expect(recsys_dataset_builder *b, int64_t n_events)
{
    part *p = &b->parts[b->n_parts - 1];
    if (n_events > FIRST_CHUNK && p->n_chunks == 0) (void)add_chunk(b->x, NULL, p, n_events);
}

/* ---- lines ---- */

/* Notes that the next event of the last part stands in this line; many events in lines that follow each other take one
 * note. */
static recsys_status note_line(recsys_dataset_builder *b, const event_place *place)
{
    part *p = &b->parts[b->n_parts - 1];
    int may_fail = b->duplicates == RECSYS_DUPLICATES_ERROR || b->dense.n_features > 0;
    if (!may_fail || !place->path) return RECSYS_OK;
    const line_run *last = p->n_runs > 0 ? &p->runs[p->n_runs - 1] : NULL;
    if (last && place->line - last->line == p->n_events - last->event) return RECSYS_OK;
    if (p->n_runs == p->runs_room) {
        int64_t room = 2 * p->runs_room + 8;
        recsys_status s = recsys__resize(b->x->memory, &b->x->error, room, sizeof *p->runs, &p->runs);
        if (s) return s;
        p->runs_room = room;
    }
    p->runs[p->n_runs++] = (line_run){p->n_events, place->line};
    return RECSYS_OK;
}

/* The line that an event came from, 0 if that is not known. */
static int64_t line_of(const part *p, int64_t event)
{
    int64_t low = 0, high = p->n_runs;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (p->runs[middle].event <= event)
            low = middle + 1;
        else
            high = middle;
    }
    return event < 0 || low == 0 ? 0 : p->runs[low - 1].line + event - p->runs[low - 1].event;
}

/* ---- adding ---- */

/* The index of a session; sessions are integers or strings as their first one is, and turn to neither later. */
static recsys_status add_session(recsys_dataset_builder *b, const event_row *row, const event_place *place, int32_t *index)
{
    recsys_status s = row->session ? recsys__ids_add_text(b->x, b->sessions, row->session, row->session_length, index)
                                   : recsys__ids_add_int(b->x, b->sessions, row->session_id, index);
    if (s != RECSYS_ERR_TYPE) return s;
    return recsys__fail(&b->x->error, s, "%.300s:%lld: session \"%.*s\" is not an integer, but the first session is one",
                        place->path ? place->path : "event", (long long)place->line,
                        (int)(row->session_length < 40 ? row->session_length : 40), row->session ? row->session : "");
}

recsys_status recsys__builder_add(recsys_dataset_builder *b, const event_row *row, const event_place *place)
{
    int32_t user, item, behaviour = 0, session = 0;
    part *p = &b->parts[b->n_parts - 1];
    recsys_status s = row->user ? recsys__side_text(b, SIDE_USERS, row->user, row->user_length, place, &user)
                                : recsys__side_int(b, SIDE_USERS, row->user_id, place, &user);
    if (!s)
        s = row->item ? recsys__side_text(b, SIDE_ITEMS, row->item, row->item_length, place, &item)
                      : recsys__side_int(b, SIDE_ITEMS, row->item_id, place, &item);
    if (!s && (p->present & COLUMN_BEHAVIOUR))
        s = recsys__ids_add_text(b->x, b->behaviours, row->behaviour, row->behaviour_length, &behaviour);
    if (!s && (p->present & COLUMN_SESSION)) s = add_session(b, row, place, &session);
    if (!s) s = note_line(b, place);
    if (!s && b->dense.n_features > 0) s = recsys__dense_room(b);
    chunk *c = NULL;
    if (!s) s = open_chunk(b, &c);
    if (s) return s;
    dense_rows *dense = &b->dense;
    if (dense->n_features > 0)
        memcpy(dense->cell + dense->n++ * dense->n_features, row->features, (size_t)dense->n_features * sizeof *row->features);
    event_columns *to = &c->columns;
    int64_t e = to->n_events++;
    to->user[e] = user;
    to->item[e] = item;
    if (to->value) to->value[e] = row->value;
    if (to->time) to->time[e] = row->time;
    if (to->behaviour) to->behaviour[e] = behaviour;
    if (to->session) to->session[e] = session;
    if (to->flag) to->flag[e] = row->flag;
    p->n_events++;
    return RECSYS_OK;
}

recsys_status recsys__builder_add_pairs(recsys_dataset_builder *b, int64_t count, const int64_t *user, const int64_t *item,
                                        const event_place *first)
{
    for (int64_t done = 0; done < count;) {
        chunk *c;
        recsys_status s = open_chunk(b, &c);
        if (s) return s;
        event_columns *to = &c->columns;
        event_place place = *first;
        place.line += done;
        int64_t n = c->room - to->n_events;
        if (n > count - done) n = count - done;
        s = recsys__side_ints(b, SIDE_USERS, user + done, n, &place, to->user + to->n_events);
        if (!s) s = recsys__side_ints(b, SIDE_ITEMS, item + done, n, &place, to->item + to->n_events);
        if (!s) s = note_line(b, &place);
        if (s) return s;
        to->n_events += n;
        b->parts[b->n_parts - 1].n_events += n;
        done += n;
    }
    return RECSYS_OK;
}

/* ---- the end ---- */

static void translate(const int32_t *code, int64_t n, const int32_t *map, int32_t *index)
{
    for (int64_t e = 0; e < n; e++) index[e] = map[code[e]];
}

/* A single chunk, all but full, stays where it is. */
static int keeps_chunk(const part *p)
{
    return p->n_chunks == 1 && p->chunks[0].room - p->n_events <= p->n_events / 16;
}

/* Joins one column of all chunks into *to, codes turned into indices by `map` (NULL: as they are). `at` is where chunks
 * keep the column. */
static recsys_status join_column(recsys_exec *x, part *p, size_t at, size_t size, const int32_t *map, void *to)
{
    void *column, *none = NULL;
    char *joined;
    if (keeps_chunk(p)) {
        char *from = (char *)&p->chunks[0].columns + at;
        memcpy(&column, from, sizeof column);
        memcpy(from, &none, sizeof none);
        memcpy(to, &column, sizeof column);
        if (map) translate(column, p->n_events, map, column);
        return RECSYS_OK;
    }
    recsys_status s = recsys__alloc(x->memory, &x->error, p->n_events, size, &joined);
    if (s) return s;
    memcpy(to, &joined, sizeof joined);
    for (int64_t k = 0; k < p->n_chunks; k++) {
        event_columns *c = &p->chunks[k].columns;
        memcpy(&column, (char *)c + at, sizeof column);
        if (map)
            translate(column, c->n_events, map, (int32_t *)(void *)joined);
        else
            memcpy(joined, column, (size_t)c->n_events * size);
        joined += (size_t)c->n_events * size;
        recsys__free(x->memory, column);
        memcpy((char *)c + at, &none, sizeof none);
    }
    return RECSYS_OK;
}

#define AT(column) offsetof(event_columns, column), sizeof *((event_columns *)0)->column

static recsys_status join(recsys_exec *x, part *p, int32_t *const map[2], const dataset_shared *shared, recsys_dataset **out)
{
    event_columns c = {.n_events = p->n_events};
    recsys_status s = join_column(x, p, AT(user), map[SIDE_USERS], &c.user);
    if (!s) s = join_column(x, p, AT(item), map[SIDE_ITEMS], &c.item);
    if (!s && (p->present & COLUMN_VALUE)) s = join_column(x, p, AT(value), NULL, &c.value);
    if (!s && (p->present & COLUMN_TIME)) s = join_column(x, p, AT(time), NULL, &c.time);
    if (!s && (p->present & COLUMN_BEHAVIOUR)) s = join_column(x, p, AT(behaviour), NULL, &c.behaviour);
    if (!s && (p->present & COLUMN_SESSION)) s = join_column(x, p, AT(session), NULL, &c.session);
    if (!s && (p->present & COLUMN_FLAG)) s = join_column(x, p, AT(flag), NULL, &c.flag);
    if (!s) s = recsys__dataset_make(x, shared, &c, out);
    if (s) recsys__event_columns_free(x->memory, &c);
    return s;
}

static recsys_status treat_duplicates(recsys_dataset_builder *b, const part *p, recsys_dataset **d)
{
    if (b->duplicates == RECSYS_DUPLICATES_KEEP || (*d)->n_events == 0) return RECSYS_OK;
    recsys_dataset *merged;
    int64_t event;
    recsys_status s = recsys__dataset_merge(b->x, *d, b->duplicates, &merged, &event);
    b->failed_line = s ? line_of(p, event) : 0;
    if (s) return s;
    recsys_dataset_release(*d);
    *d = merged;
    return RECSYS_OK;
}

/* What is known of users and items beside their ids. Rows of features and a catalogue of users exclude each other. */
static recsys_status finish_tables(recsys_dataset_builder *b, const int32_t *user_map, dataset_shared *shared)
{
    recsys_status s = RECSYS_OK;
    if (b->dense.n_features > 0) {
        int64_t event;
        s = recsys__dense_finish(b, shared->users, user_map, &shared->table[SIDE_USERS], &event);
        if (b->failed_part >= 0) b->failed_line = line_of(&b->parts[b->failed_part], event);
    } else {
        s = recsys__catalogue_finish(b, SIDE_USERS, recsys_ids_count(shared->users), &shared->table[SIDE_USERS]);
    }
    return s ? s : recsys__catalogue_finish(b, SIDE_ITEMS, recsys_ids_count(shared->items), &shared->table[SIDE_ITEMS]);
}

recsys_status recsys__builder_finish(recsys_dataset_builder *b, recsys_dataset **datasets)
{
    recsys_exec *x = b->x;
    dataset_shared shared = {NULL, NULL, b->behaviours, b->sessions, {NULL, NULL}};
    int32_t *map[2] = {NULL, NULL};
    int64_t n_parts = b->n_parts;
    for (int64_t p = 0; p < n_parts; p++) datasets[p] = NULL;
    recsys_status s = recsys__side_finish(b, SIDE_USERS, &shared.users, &map[SIDE_USERS]);
    if (!s) s = recsys__side_finish(b, SIDE_ITEMS, &shared.items, &map[SIDE_ITEMS]);
    if (!s) s = finish_tables(b, map[SIDE_USERS], &shared);
    for (int64_t p = 0; !s && p < n_parts; p++) {
        s = join(x, &b->parts[p], map, &shared, &datasets[p]);
        if (!s) s = treat_duplicates(b, &b->parts[p], &datasets[p]);
        if (s) b->failed_part = p;
    }
    recsys__free(x->memory, map[SIDE_USERS]);
    recsys__free(x->memory, map[SIDE_ITEMS]);
    recsys__ids_release(shared.users);
    recsys__ids_release(shared.items);
    for (int side = 0; side < 2; side++) recsys__entity_table_release(shared.table[side]);
    recsys__builder_clear(b);
    for (int64_t p = 0; s && p < n_parts; p++) {
        recsys_dataset_release(datasets[p]);
        datasets[p] = NULL;
    }
    return s;
}
