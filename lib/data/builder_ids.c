/* builder_ids.c - from ids to codes while events come in, and from codes to indices at the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "data/builder_inside.h"
#include "data/encoding.h"
#include "data/radix_sort.h"

static const char how_strings[] = "to take ids as strings, set id_type to RECSYS_ID_STRING (--id-type string)";

void recsys__side_init(id_side *side, int32_t type)
{
    *side = (id_side){.type = type, .strict = type == RECSYS_ID_AUTO};
}

void recsys__side_free(memory *m, id_side *side)
{
    recsys__ids_release(side->ids);
    recsys__free(m, side->known);
    recsys__side_init(side, RECSYS_ID_AUTO);
}

/* ---- messages ---- */

static const char *side_word(int which, const event_place *place)
{
    if (place->labelled) return which == SIDE_USERS ? "row" : "label";
    return which == SIDE_USERS ? "user" : "item";
}

/* "PATH:LINE: column 2 (item)", or "event 7: item" for events in memory. */
static const char *show_place(const event_place *place, int which, char *buffer, size_t size)
{
    const char *side = side_word(which, place);
    int32_t column = which == SIDE_USERS ? place->user_column : place->item_column;
    if (!place->path && place->labelled)
        snprintf(buffer, size, "row %lld: %s", (long long)place->line, which == SIDE_USERS ? "id" : side);
    else if (!place->path)
        snprintf(buffer, size, "event %lld: %s", (long long)place->line, side);
    else if (column > 0)
        snprintf(buffer, size, "%.300s:%lld: column %d (%s)", place->path, (long long)place->line, (int)column, side);
    else
        snprintf(buffer, size, "%.300s:%lld: %s", place->path, (long long)place->line, side);
    return buffer;
}

static recsys_status fail_id(recsys_dataset_builder *b, int which, const event_place *place, recsys_status status,
                             const char *id, const char *reason)
{
    char where[360];
    return recsys__fail(&b->x->error, status, "%s: %s%s%s", show_place(place, which, where, sizeof where), id,
                        *id ? " " : "", reason);
}

static recsys_status fail_unknown(recsys_dataset_builder *b, int which, const event_place *place, const char *id)
{
    char reason[64];
    snprintf(reason, sizeof reason, "is not among the %lld %ss that are known",
             (long long)recsys_ids_count(b->side[which].ids), side_word(which, place));
    return fail_id(b, which, place, RECSYS_ERR_UNKNOWN_ID, id, reason);
}

static const char *fault_of(int kind, int strict)
{
    if (kind == INTEGER_LARGE) return "does not fit into 64 bits";
    if (kind == INTEGER_PADDED) return "would lose its zeros or sign as an integer (id_type RECSYS_ID_INT allows it)";
    return strict ? "is not an integer, but the first id is one" : "is not an integer";
}

static recsys_status fail_kind(recsys_dataset_builder *b, int which, const event_place *place, const char *id,
                               int64_t length, int kind)
{
    char shown[64], reason[200];
    snprintf(reason, sizeof reason, "%s; %s", fault_of(kind, b->side[which].strict), how_strings);
    return fail_id(b, which, place, RECSYS_ERR_TYPE, recsys__show_cell(id, length, shown, sizeof shown), reason);
}

/* ---- integers ---- */

/* Whether no id came yet. */
static int undecided(const id_side *side)
{
    return !side->ids && !side->direct;
}

/* Gets the side ready for its first id. */
static recsys_status decide(recsys_dataset_builder *b, id_side *side, int32_t type)
{
    recsys_status s = RECSYS_OK;
    if (type == RECSYS_ID_STRING) {
        s = recsys__ids_create(b->x, RECSYS_ID_STRING, &side->ids);
    } else {
        side->direct = 1;
        side->limit = INT32_MAX;
    }
    if (!s) side->type = type;
    return s;
}

static int32_t *chunk_codes(const chunk *c, int which, int64_t *n)
{
    *n = c->columns.n_events;
    return which == SIDE_USERS ? c->columns.user : c->columns.item;
}

/* Adds integers that are their own codes to a map; if `change`, writes their places there over them. */
static recsys_status recode(recsys_exec *x, recsys_ids *ids, int32_t *code, int64_t n, int change)
{
    for (int64_t k = 0; k < n; k++) {
        int32_t place;
        recsys_status s = recsys__ids_add_int(x, ids, code[k], &place);
        if (s) return s;
        if (change) code[k] = place;
    }
    return RECSYS_OK;
}

/* Leaves the direct form: all integers so far go into a map first, which may fail; then the codes change, which cannot. */
static recsys_status leave_direct(recsys_dataset_builder *b, int which)
{
    id_side *side = &b->side[which];
    recsys_ids *ids;
    recsys_status s = recsys__ids_create(b->x, RECSYS_ID_INT, &ids);
    if (s) return s;
    for (int change = 0; !s && change < 2; change++) {
        for (int64_t p = 0; p < b->n_parts; p++)
            for (int64_t k = 0; !s && k < b->parts[p].n_chunks; k++) {
                int64_t n;
                int32_t *code = chunk_codes(&b->parts[p].chunks[k], which, &n);
                s = recode(b->x, ids, code, n, change);
            }
        if (!s) s = recode(b->x, ids, side->known, side->n_known, change);
    }
    if (s) {
        recsys__ids_release(ids);
        return s;
    }
    side->ids = ids;
    side->direct = 0;
    side->limit = 0;
    return RECSYS_OK;
}

recsys_status recsys__side_int(recsys_dataset_builder *b, int which, int64_t id, const event_place *place, int32_t *code)
{
    id_side *side = &b->side[which];
    recsys_status s = RECSYS_OK;
    if (undecided(side) && side->type != RECSYS_ID_STRING) s = decide(b, side, RECSYS_ID_INT);
    if (s) return s;
    if ((uint64_t)id < (uint64_t)side->limit) {
        *code = (int32_t)id;
        return RECSYS_OK;
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)id);
    if (side->type == RECSYS_ID_STRING)
        return fail_id(b, which, place, RECSYS_ERR_TYPE, digits, "is an integer, but ids are strings");
    if (side->universe) {
        int64_t found = recsys_ids_find_int(side->ids, id);
        *code = (int32_t)found;
        return found < 0 ? fail_unknown(b, which, place, digits) : RECSYS_OK;
    }
    if (side->direct) s = leave_direct(b, which);
    return s ? s : recsys__ids_add_int(b->x, side->ids, id, code);
}

/* Writes ids as codes where all of them are their own codes; 0 if one is not. All bits of all ids together are an upper
 * bound that costs less than a comparison of each. */
static int narrow(const int64_t *id, int64_t count, int64_t limit, int32_t *code)
{
    uint64_t bits = 0;
    for (int64_t k = 0; k < count; k++) {
        bits |= (uint64_t)id[k];
        code[k] = (int32_t)id[k];
    }
    if (bits < (uint64_t)limit) return 1;
    int within = 1;
    for (int64_t k = 0; k < count; k++) within &= (uint64_t)id[k] < (uint64_t)limit;
    return within;
}

recsys_status recsys__side_ints(recsys_dataset_builder *b, int which, const int64_t *id, int64_t count,
                                const event_place *first, int32_t *code)
{
    id_side *side = &b->side[which];
    if (count == 0) return RECSYS_OK;
    recsys_status s = recsys__side_int(b, which, id[0], first, code);
    if (s || (side->limit > 0 && narrow(id, count, side->limit, code))) return s;
    /* Codes written before the direct form is left would stay behind. */
    if (side->direct) s = leave_direct(b, which);
    int64_t done;
    if (!s && !side->universe) return recsys__ids_add_ints(b->x, side->ids, id, count, code, &done);
    for (int64_t k = 0; !s && k < count; k++) {
        event_place place = *first;
        place.line += k;
        s = recsys__side_int(b, which, id[k], &place, &code[k]);
    }
    return s;
}

/* ---- text ---- */

recsys_status recsys__side_text(recsys_dataset_builder *b, int which, const char *id, int64_t length,
                                const event_place *place, int32_t *code)
{
    id_side *side = &b->side[which];
    if (length == 0) return fail_id(b, which, place, RECSYS_ERR_PARSE, "", "is empty");
    int64_t value = 0;
    int kind = side->type == RECSYS_ID_STRING ? INTEGER_NONE : recsys__integer(id, length, &value);
    if (side->type == RECSYS_ID_AUTO && kind == INTEGER_LARGE) return fail_kind(b, which, place, id, length, kind);
    if (undecided(side)) {
        int32_t type = side->type != RECSYS_ID_AUTO ? side->type : kind == INTEGER_OK ? RECSYS_ID_INT : RECSYS_ID_STRING;
        recsys_status s = decide(b, side, type);
        if (s) return s;
    }
    if (side->type == RECSYS_ID_INT) {
        if (kind == INTEGER_OK || (kind == INTEGER_PADDED && !side->strict))
            return recsys__side_int(b, which, value, place, code);
        return fail_kind(b, which, place, id, length, kind);
    }
    if (!side->universe) return recsys__ids_add_text(b->x, side->ids, id, length, code);
    int64_t found = recsys__ids_find_text(side->ids, id, length);
    *code = (int32_t)found;
    if (found >= 0) return RECSYS_OK;
    char shown[64];
    return fail_unknown(b, which, place, recsys__show_cell(id, length, shown, sizeof shown));
}

static recsys_status add_known(recsys_dataset_builder *b, id_side *side, int32_t code)
{
    if (side->n_known == side->known_room) {
        int64_t room = 2 * side->known_room + 64;
        recsys_status s = recsys__resize(b->x->memory, &b->x->error, room, sizeof *side->known, &side->known);
        if (s) return s;
        side->known_room = room;
    }
    side->known[side->n_known++] = code;
    return RECSYS_OK;
}

recsys_status recsys__builder_know(recsys_dataset_builder *b, int which, const char *id, int64_t length,
                                   const event_place *place)
{
    int32_t code;
    id_side *side = &b->side[which];
    recsys_status s = recsys__side_text(b, which, id, length, place, &code);
    return s || side->type == RECSYS_ID_STRING || side->universe ? s : add_known(b, side, code);
}

/* ---- universes ---- */

recsys_status recsys__side_member(recsys_dataset_builder *b, int which, const char *id, int64_t length,
                                  const event_place *place, int32_t *code)
{
    id_side *side = &b->side[which];
    int64_t value;
    if (length == 0) return fail_id(b, which, place, RECSYS_ERR_PARSE, "", "is empty");
    int kind = recsys__integer(id, length, &value);
    if (side->type != RECSYS_ID_STRING && kind == INTEGER_LARGE) return fail_kind(b, which, place, id, length, kind);
    recsys_status s = side->ids ? RECSYS_OK : recsys__ids_create(b->x, side->type, &side->ids);
    int64_t n = recsys_ids_count(side->ids);
    if (!s) s = recsys__ids_add_text(b->x, side->ids, id, length, code);
    if (s == RECSYS_ERR_TYPE) return fail_kind(b, which, place, id, length, kind);
    if (s) return s;
    side->type = recsys_ids_type(side->ids);
    return *code < n ? RECSYS_ERR_DUPLICATE : RECSYS_OK;
}

recsys_status recsys__side_range(recsys_dataset_builder *b, int which, int64_t n)
{
    id_side *side = &b->side[which];
    recsys_status s = recsys__ids_range(b->x, side->type, n, &side->ids);
    if (s) return s;
    side->type = recsys_ids_type(side->ids);
    side->universe = 1;
    side->limit = side->type == RECSYS_ID_INT ? n : 0;
    return RECSYS_OK;
}

recsys_status recsys__side_close(recsys_dataset_builder *b, int which)
{
    id_side *side = &b->side[which];
    side->universe = 1;
    if (side->type != RECSYS_ID_INT) return RECSYS_OK;
    recsys_ids *ids;
    int64_t n = recsys_ids_count(side->ids);
    recsys_status s = recsys__ids_from_ints(b->x, recsys__ids_ints(side->ids), n, &ids); /* made for looking up */
    if (s) return s;
    recsys__ids_release(side->ids);
    side->ids = ids;
    int counted = 1;
    for (int64_t k = 0; counted && k < n; k++) counted = recsys__ids_ints(ids)[k] == k;
    side->limit = counted ? n : 0;
    return RECSYS_OK;
}

/* ---- the end: numbering integers ---- */

/* The greatest code plus one, and how many events there are. */
static int64_t count_codes(const recsys_dataset_builder *b, int which, int64_t *n_events)
{
    const id_side *side = &b->side[which];
    int32_t most = -1;
    *n_events = 0;
    for (int64_t p = 0; p < b->n_parts; p++)
        for (int64_t k = 0; k < b->parts[p].n_chunks; k++) {
            int64_t n;
            const int32_t *code = chunk_codes(&b->parts[p].chunks[k], which, &n);
            for (int64_t e = 0; e < n; e++) most = code[e] > most ? code[e] : most;
            *n_events += n;
        }
    for (int64_t k = 0; k < side->n_known; k++) most = side->known[k] > most ? side->known[k] : most;
    return (int64_t)most + 1;
}

/* map[code] = 1 where an event has the code, or it is known without one. */
static void mark_codes(const recsys_dataset_builder *b, int which, int32_t *map)
{
    const id_side *side = &b->side[which];
    for (int64_t p = 0; p < b->n_parts; p++)
        for (int64_t k = 0; k < b->parts[p].n_chunks; k++) {
            int64_t n;
            const int32_t *code = chunk_codes(&b->parts[p].chunks[k], which, &n);
            for (int64_t e = 0; e < n; e++) map[code[e]] = 1;
        }
    for (int64_t k = 0; k < side->n_known; k++) map[side->known[k]] = 1;
}

/* Codes are the integers themselves: the marked ones, as they come. */
static void number_direct(int64_t n_codes, int32_t *map, int64_t *id)
{
    int64_t n = 0;
    for (int64_t c = 0; c < n_codes; c++) {
        if (!map[c]) continue;
        id[n] = c;
        map[c] = (int32_t)n++;
    }
}

/* Integers as keys of the same order. */
static uint64_t key_of(int64_t id)
{
    return (uint64_t)id ^ UINT64_C(1) << 63;
}

/* Codes are places in a map: the integers at the marked ones, sorted. */
static recsys_status number_sorted(recsys_exec *x, const recsys_ids *ids, int64_t n_codes, int64_t n, int32_t *map,
                                   int64_t *id)
{
    tagged *order = NULL, *room = NULL;
    int64_t k = 0;
    recsys_status s = recsys__alloc(x->memory, &x->error, n, sizeof *order, &order);
    if (!s) s = recsys__alloc(x->memory, &x->error, n, sizeof *room, &room);
    if (!s) {
        for (int64_t c = 0; c < n_codes; c++)
            if (map[c]) order[k++] = (tagged){key_of(recsys__ids_ints(ids)[c]), c};
        const tagged *sorted = recsys__radix_sort(order, room, n);
        for (k = 0; k < n; k++) {
            id[k] = recsys__ids_ints(ids)[sorted[k].tag];
            map[sorted[k].tag] = (int32_t)k;
        }
    }
    recsys__free(x->memory, room);
    recsys__free(x->memory, order);
    return s;
}

/* Numbers the integers that occur, ascending. */
static recsys_status number_integers(recsys_dataset_builder *b, int which, recsys_ids **ids, int32_t **map)
{
    id_side *side = &b->side[which];
    memory *m = b->x->memory;
    error *e = &b->x->error;
    int64_t n_events, n = 0, *id = NULL;
    recsys_status s = RECSYS_OK;
    int64_t n_codes = count_codes(b, which, &n_events);
    if (side->direct && n_codes > 2 * n_events + 4096) s = leave_direct(b, which);
    if (!side->direct) n_codes = recsys_ids_count(side->ids);
    if (!s) s = recsys__alloc_zero(m, e, n_codes, sizeof **map, map);
    if (s) return s;
    mark_codes(b, which, *map);
    for (int64_t c = 0; c < n_codes; c++) n += (*map)[c];
    int same = side->direct && n == n_codes;
    s = recsys__alloc(m, e, n, sizeof *id, &id);
    if (!s && side->direct) number_direct(n_codes, *map, id);
    if (!s && !side->direct) s = number_sorted(b->x, side->ids, n_codes, n, *map, id);
    if (!s) s = recsys__ids_from_ints(b->x, id, n, ids);
    recsys__free(m, id);
    if (s || same) {
        recsys__free(m, *map);
        *map = NULL;
    }
    return s;
}

recsys_status recsys__side_finish(recsys_dataset_builder *b, int which, recsys_ids **ids, int32_t **map)
{
    id_side *side = &b->side[which];
    *ids = NULL;
    *map = NULL;
    if (!side->direct && !side->ids) return recsys__ids_create(b->x, side->type, ids);
    if (side->type == RECSYS_ID_INT && !side->universe) return number_integers(b, which, ids, map);
    *ids = recsys__ids_retain(side->ids);
    return RECSYS_OK;
}
