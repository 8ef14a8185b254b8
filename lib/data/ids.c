/* ids.c - ids to indices and back, for integers and for strings.
 *
 * Ids lie in the order of their indices. The way back takes one of three forms:
 *   contiguous   integers base, base + 1, ...: index = id - base, no table
 *   direct       integers in a narrow range: a table of indices, direct[id - base]
 *   hashed       all else: open addressing with linear probing, at most half full; a slot has 32 bits of the hash, so that
 *                ids are looked at only where they very likely are equal
 * A growing map begins contiguous, if it can, and turns to hashing; direct tables are made when all ids are known.
 * Slots are filled in the order of the indices, so the last id added can be taken out by emptying its slot.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/ids.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "data/encoding.h"

typedef struct slot {
    uint32_t tag;
    int32_t index; /* -1: empty */
} slot;

struct recsys_ids {
    atomic_int refs;
    memory *memory;
    int32_t type;
    int strict; /* the first id decided the type: padded integers do not fit */
    int64_t count, room;
    int64_t *id;     /* integers: count */
    int64_t *offset; /* strings: count + 1 */
    char *bytes;
    int64_t bytes_room;
    int64_t base;    /* contiguous, direct: the least id */
    int32_t *direct; /* direct: span; -1 where no id is */
    int64_t span;
    slot *slots;                /* hashed */
    int64_t n_slots;            /* a power of two */
    _Atomic(char *) terminated; /* strings with a zero behind each: string i is at offset[i] + i */
};

enum { FIRST_ROOM = 16 };
static const int64_t MOST_IDS = INT32_MAX;

/* ---- integers as text ---- */

/* 18 digits fit into 64 bits whatever they are. */
static int short_integer(const char *s, int64_t length, uint64_t *value)
{
    uint64_t v = 0;
    for (int64_t at = 0; at < length; at++) {
        unsigned digit = (unsigned)(unsigned char)s[at] - '0';
        if (digit > 9) return INTEGER_NONE;
        v = v * 10 + digit;
    }
    *value = v;
    return INTEGER_OK;
}

static int long_integer(const char *s, int64_t length, uint64_t most, uint64_t *value)
{
    uint64_t v = 0;
    int large = 0;
    for (int64_t at = 0; at < length; at++) {
        unsigned digit = (unsigned)(unsigned char)s[at] - '0';
        if (digit > 9) return INTEGER_NONE;
        if (v > (most - digit) / 10) large = 1;
        v = v * 10 + digit;
    }
    *value = v;
    return large ? INTEGER_LARGE : INTEGER_OK;
}

int recsys__integer(const char *s, int64_t length, int64_t *value)
{
    int sign = length > 0 && (s[0] == '-' || s[0] == '+'), negative = sign && s[0] == '-';
    const char *digits = s + sign;
    int64_t n = length - sign;
    uint64_t v = 0;
    if (n <= 0) return INTEGER_NONE;
    int kind =
        n <= 18 ? short_integer(digits, n, &v) : long_integer(digits, n, (uint64_t)INT64_MAX + (uint64_t)negative, &v);
    if (kind != INTEGER_OK) return kind;
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return (sign && !negative) || (digits[0] == '0' && (n > 1 || negative)) ? INTEGER_PADDED : INTEGER_OK;
}

/* ---- hashing ---- */

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

static uint64_t hash_text(const char *s, int64_t length)
{
    uint64_t h = (uint64_t)length, word;
    for (; length >= 8; s += 8, length -= 8) {
        memcpy(&word, s, 8);
        h = mix(h ^ word) + UINT64_C(0x9e3779b97f4a7c15);
    }
    word = 0;
    memcpy(&word, s, (size_t)length);
    return mix(h ^ word);
}

static uint64_t hash_at(const recsys_ids *ids, int64_t index)
{
    if (ids->type == RECSYS_ID_INT) return mix((uint64_t)ids->id[index]);
    return hash_text(ids->bytes + ids->offset[index], ids->offset[index + 1] - ids->offset[index]);
}

/* The low half of a hash picks the slot, the high half is the tag. */
static int64_t first_slot(const recsys_ids *ids, uint64_t hash)
{
    return (int64_t)hash & (ids->n_slots - 1);
}

static int64_t next_slot(const recsys_ids *ids, int64_t at)
{
    return (at + 1) & (ids->n_slots - 1);
}

/* The slot that holds integer `id`, or the empty one where it would go. */
static int64_t slot_of_int(const recsys_ids *ids, int64_t id, uint64_t hash)
{
    int64_t at = first_slot(ids, hash);
    for (; ids->slots[at].index >= 0; at = next_slot(ids, at))
        if (ids->slots[at].tag == (uint32_t)(hash >> 32) && ids->id[ids->slots[at].index] == id) break;
    return at;
}

static int64_t slot_of_text(const recsys_ids *ids, const char *s, int64_t length, uint64_t hash)
{
    int64_t at = first_slot(ids, hash);
    for (; ids->slots[at].index >= 0; at = next_slot(ids, at)) {
        if (ids->slots[at].tag != (uint32_t)(hash >> 32)) continue;
        const int64_t *offset = ids->offset + ids->slots[at].index;
        if (offset[1] - offset[0] == length && memcmp(ids->bytes + offset[0], s, (size_t)length) == 0) break;
    }
    return at;
}

static void put(recsys_ids *ids, int64_t at, uint64_t hash, int64_t index)
{
    ids->slots[at] = (slot){(uint32_t)(hash >> 32), (int32_t)index};
}

/* Makes a table of slots for `n` ids and puts the ids there are into it. */
static recsys_status hash_all(recsys_exec *x, recsys_ids *ids, int64_t n)
{
    int64_t n_slots = FIRST_ROOM;
    while (n_slots < 2 * n) n_slots *= 2;
    slot *slots;
    recsys_status s = recsys__alloc(ids->memory, &x->error, n_slots, sizeof *slots, &slots);
    if (s) return s;
    for (int64_t i = 0; i < n_slots; i++) slots[i].index = -1;
    recsys__free(ids->memory, ids->slots);
    recsys__free(ids->memory, ids->direct);
    ids->direct = NULL;
    ids->slots = slots;
    ids->n_slots = n_slots;
    for (int64_t i = 0; i < ids->count; i++) {
        uint64_t hash = hash_at(ids, i);
        int64_t at = first_slot(ids, hash);
        while (slots[at].index >= 0) at = next_slot(ids, at);
        put(ids, at, hash, i);
    }
    return RECSYS_OK;
}

/* ---- lookup ---- */

/* Position of `id` counted from the least one; huge if it lies below. */
static uint64_t from_base(const recsys_ids *ids, int64_t id)
{
    return (uint64_t)id - (uint64_t)ids->base;
}

static int64_t find_int(const recsys_ids *ids, int64_t id)
{
    if (ids->slots) return ids->slots[slot_of_int(ids, id, mix((uint64_t)id))].index;
    uint64_t at = from_base(ids, id);
    if (ids->direct) return at < (uint64_t)ids->span ? ids->direct[at] : -1;
    return at < (uint64_t)ids->count ? (int64_t)at : -1;
}

static int64_t find_text(const recsys_ids *ids, const char *s, int64_t length)
{
    return ids->slots ? ids->slots[slot_of_text(ids, s, length, hash_text(s, length))].index : -1;
}

int64_t recsys__ids_find_text(const recsys_ids *ids, const char *id, int64_t length)
{
    if (ids->type != RECSYS_ID_INT) return find_text(ids, id, length);
    int64_t value;
    int kind = recsys__integer(id, length, &value);
    return kind == INTEGER_OK || kind == INTEGER_PADDED ? find_int(ids, value) : -1;
}

int64_t recsys_ids_find(const recsys_ids *ids, const char *id)
{
    return ids && id ? recsys__ids_find_text(ids, id, (int64_t)strlen(id)) : -1;
}

int64_t recsys_ids_find_int(const recsys_ids *ids, int64_t id)
{
    if (!ids) return -1;
    if (ids->type == RECSYS_ID_INT) return find_int(ids, id);
    char digits[24];
    return find_text(ids, digits, snprintf(digits, sizeof digits, "%lld", (long long)id));
}

/* ---- adding ---- */

recsys_status recsys__ids_create(recsys_exec *x, int32_t type, recsys_ids **out)
{
    recsys_ids *ids;
    *out = NULL;
    recsys_status s = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *ids, &ids);
    if (s) return s;
    atomic_init(&ids->refs, 1);
    atomic_init(&ids->terminated, NULL);
    ids->memory = recsys__memory_retain(x->memory);
    ids->type = type;
    ids->strict = type == RECSYS_ID_AUTO;
    *out = ids;
    return RECSYS_OK;
}

recsys_ids *recsys__ids_retain(const recsys_ids *ids)
{
    recsys_ids *own = (recsys_ids *)ids; /* only the count changes, and that is atomic */
    if (own) atomic_fetch_add_explicit(&own->refs, 1, memory_order_relaxed);
    return own;
}

void recsys__ids_release(recsys_ids *ids)
{
    if (!ids || atomic_fetch_sub_explicit(&ids->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = ids->memory;
    recsys__free(m, ids->id);
    recsys__free(m, ids->offset);
    recsys__free(m, ids->bytes);
    recsys__free(m, ids->direct);
    recsys__free(m, ids->slots);
    recsys__free(m, atomic_load_explicit(&ids->terminated, memory_order_relaxed));
    recsys__free(m, ids);
    recsys__memory_release(m);
}

/* Room for one id more. */
static recsys_status make_room(recsys_exec *x, recsys_ids *ids)
{
    if (ids->count < ids->room) return RECSYS_OK;
    if (ids->count >= MOST_IDS)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "more than %lld different ids", (long long)MOST_IDS);
    int64_t room = ids->room ? 2 * ids->room : FIRST_ROOM;
    if (room > MOST_IDS) room = MOST_IDS;
    recsys_status s = ids->type == RECSYS_ID_INT
                          ? recsys__resize(ids->memory, &x->error, room, sizeof *ids->id, &ids->id)
                          : recsys__resize(ids->memory, &x->error, room + 1, sizeof *ids->offset, &ids->offset);
    if (!s) ids->room = room;
    return s;
}

/* Room for one slot more; makes the table if there is none. */
static recsys_status make_slot(recsys_exec *x, recsys_ids *ids)
{
    return !ids->slots || 2 * (ids->count + 1) > ids->n_slots ? hash_all(x, ids, ids->count + 1) : RECSYS_OK;
}

recsys_status recsys__ids_add_int(recsys_exec *x, recsys_ids *ids, int64_t id, int32_t *index)
{
    if (ids->type == RECSYS_ID_AUTO) ids->type = RECSYS_ID_INT;
    if (ids->type != RECSYS_ID_INT) return RECSYS_ERR_TYPE;
    if (ids->count > 0) {
        int64_t found = find_int(ids, id);
        *index = (int32_t)found;
        if (found >= 0) return RECSYS_OK;
    }
    recsys_status s = make_room(x, ids);
    if (s) return s;
    if (ids->count == 0) ids->base = id;
    if (ids->slots || ids->direct || from_base(ids, id) != (uint64_t)ids->count) {
        s = make_slot(x, ids);
        if (s) return s;
        uint64_t hash = mix((uint64_t)id);
        put(ids, slot_of_int(ids, id, hash), hash, ids->count);
    }
    *index = (int32_t)ids->count;
    ids->id[ids->count++] = id;
    return RECSYS_OK;
}

static inline void fetch_slot(const recsys_ids *ids, int64_t id)
{
    __builtin_prefetch(&ids->slots[first_slot(ids, mix((uint64_t)id))]);
}

/* The id that the slot points to will be compared. */
static inline void fetch_id(const recsys_ids *ids, int64_t id)
{
    int32_t index = ids->slots[first_slot(ids, mix((uint64_t)id))].index;
    if (index >= 0) __builtin_prefetch(&ids->id[index]);
}

recsys_status recsys__ids_add_ints(recsys_exec *x, recsys_ids *ids, const int64_t *id, int64_t count, int32_t *index,
                                   int64_t *done)
{
    enum { AHEAD = 8 };
    for (*done = 0; *done < count; ++*done) {
        if (ids->slots && *done + 2 * AHEAD < count) fetch_slot(ids, id[*done + 2 * AHEAD]);
        if (ids->slots && *done + AHEAD < count) fetch_id(ids, id[*done + AHEAD]);
        recsys_status s = recsys__ids_add_int(x, ids, id[*done], &index[*done]);
        if (s) return s;
    }
    return RECSYS_OK;
}

static recsys_status append_bytes(recsys_exec *x, recsys_ids *ids, const char *id, int64_t length)
{
    int64_t used = ids->count ? ids->offset[ids->count] : 0;
    if (length > ids->bytes_room - used) {
        if (length > INT64_MAX / 4 - used) return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "too many bytes in ids");
        int64_t room = 2 * (used + length) + 64;
        recsys_status s = recsys__resize(ids->memory, &x->error, room, 1, &ids->bytes);
        if (s) return s;
        ids->bytes_room = room;
    }
    memcpy(ids->bytes + used, id, (size_t)length);
    ids->offset[ids->count] = used;
    ids->offset[ids->count + 1] = used + length;
    return RECSYS_OK;
}

static recsys_status add_string(recsys_exec *x, recsys_ids *ids, const char *id, int64_t length, int32_t *index)
{
    uint64_t hash = hash_text(id, length);
    if (ids->slots) {
        *index = ids->slots[slot_of_text(ids, id, length, hash)].index;
        if (*index >= 0) return RECSYS_OK;
    }
    recsys_status s = make_room(x, ids);
    if (!s) s = make_slot(x, ids);
    if (!s) s = append_bytes(x, ids, id, length);
    if (s) return s;
    put(ids, slot_of_text(ids, id, length, hash), hash, ids->count);
    *index = (int32_t)ids->count++;
    return RECSYS_OK;
}

recsys_status recsys__ids_add_text(recsys_exec *x, recsys_ids *ids, const char *id, int64_t length, int32_t *index)
{
    if (ids->type == RECSYS_ID_STRING) return add_string(x, ids, id, length, index);
    int64_t value;
    int kind = recsys__integer(id, length, &value);
    if (ids->type == RECSYS_ID_AUTO) ids->type = kind == INTEGER_OK ? RECSYS_ID_INT : RECSYS_ID_STRING;
    if (ids->type == RECSYS_ID_STRING) return add_string(x, ids, id, length, index);
    if (kind == INTEGER_OK || (kind == INTEGER_PADDED && !ids->strict)) return recsys__ids_add_int(x, ids, value, index);
    return RECSYS_ERR_TYPE;
}

void recsys__ids_truncate(recsys_ids *ids, int64_t count)
{
    for (; ids->count > count; ids->count--) {
        if (!ids->slots) continue;
        uint64_t hash = hash_at(ids, ids->count - 1);
        int64_t at = first_slot(ids, hash);
        while (ids->slots[at].index != ids->count - 1) at = next_slot(ids, at);
        ids->slots[at].index = -1;
    }
}

/* ---- whole maps ---- */

/* A table over the range of the ids, if that is not much wider than there are ids; else hashing. ERR_FILE_FORMAT if an id
 * comes twice. */
static recsys_status index_ints(recsys_exec *x, recsys_ids *ids)
{
    int64_t low = ids->id[0], high = low;
    int contiguous = 1;
    for (int64_t i = 0; i < ids->count; i++) {
        if (ids->id[i] < low) low = ids->id[i];
        if (ids->id[i] > high) high = ids->id[i];
        contiguous &= from_base(ids, ids->id[i]) == (uint64_t)i;
    }
    if (contiguous) return RECSYS_OK;
    uint64_t span = (uint64_t)high - (uint64_t)low;
    if (span >= (uint64_t)ids->count * 4) {
        recsys_status s = hash_all(x, ids, ids->count);
        for (int64_t i = 0; !s && i < ids->count; i++)
            if (find_int(ids, ids->id[i]) != i) s = RECSYS_ERR_FILE_FORMAT;
        return s;
    }
    recsys_status s = recsys__alloc(ids->memory, &x->error, (int64_t)span + 1, sizeof *ids->direct, &ids->direct);
    if (s) return s;
    ids->base = low;
    ids->span = (int64_t)span + 1;
    memset(ids->direct, 0xff, (size_t)ids->span * sizeof *ids->direct);
    for (int64_t i = 0; i < ids->count; i++) {
        int32_t *index = &ids->direct[from_base(ids, ids->id[i])];
        if (*index >= 0) return RECSYS_ERR_FILE_FORMAT;
        *index = (int32_t)i;
    }
    return RECSYS_OK;
}

static recsys_status check_count(recsys_exec *x, int64_t count)
{
    if (count <= MOST_IDS) return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "%lld ids; at most %lld are possible", (long long)count,
                        (long long)MOST_IDS);
}

/* Ends the making of a map: on failure it goes. */
static recsys_status hand_out(recsys_exec *x, recsys_status s, recsys_ids *ids, recsys_ids **out)
{
    if (s == RECSYS_ERR_FILE_FORMAT) recsys__fail(&x->error, s, "an id comes twice in a list of ids");
    if (s) recsys__ids_release(ids);
    *out = s ? NULL : ids;
    return s;
}

recsys_status recsys__ids_from_ints(recsys_exec *x, const int64_t *id, int64_t count, recsys_ids **out)
{
    recsys_ids *ids = NULL;
    *out = NULL;
    recsys_status s = check_count(x, count);
    if (!s) s = recsys__ids_create(x, RECSYS_ID_INT, &ids);
    if (!s && count > 0) s = recsys__alloc(ids->memory, &x->error, count, sizeof *ids->id, &ids->id);
    if (!s && count > 0) {
        memcpy(ids->id, id, (size_t)count * sizeof *id);
        ids->count = ids->room = count;
        ids->base = id[0];
        s = index_ints(x, ids);
    }
    return hand_out(x, s, ids, out);
}

recsys_status recsys__ids_from_text(recsys_exec *x, const char *bytes, const int64_t *offsets, int64_t count,
                                    recsys_ids **out)
{
    recsys_ids *ids = NULL;
    *out = NULL;
    recsys_status s = check_count(x, count);
    if (!s) s = recsys__ids_create(x, RECSYS_ID_STRING, &ids);
    for (int64_t i = 0; !s && i < count; i++) {
        int32_t index;
        if (offsets[i] > offsets[i + 1]) s = recsys__fail(&x->error, RECSYS_ERR_INTERNAL, "id offsets do not ascend");
        if (!s) s = recsys__ids_add_text(x, ids, bytes + offsets[i], offsets[i + 1] - offsets[i], &index);
        if (!s && index != i) s = RECSYS_ERR_FILE_FORMAT;
    }
    return hand_out(x, s, ids, out);
}

static recsys_status range_of_ints(recsys_exec *x, recsys_ids *ids, int64_t count)
{
    recsys_status s = recsys__alloc(ids->memory, &x->error, count, sizeof *ids->id, &ids->id);
    if (s) return s;
    for (int64_t i = 0; i < count; i++) ids->id[i] = i;
    ids->count = ids->room = count;
    ids->base = 0;
    return RECSYS_OK;
}

static recsys_status range_of_texts(recsys_exec *x, recsys_ids *ids, int64_t count)
{
    recsys_status s = RECSYS_OK;
    for (int64_t i = 0; !s && i < count; i++) {
        int32_t index;
        char digits[24];
        s = recsys__ids_add_text(x, ids, digits, snprintf(digits, sizeof digits, "%lld", (long long)i), &index);
    }
    return s;
}

recsys_status recsys__ids_range(recsys_exec *x, int32_t type, int64_t count, recsys_ids **out)
{
    recsys_ids *ids = NULL;
    *out = NULL;
    recsys_status s = check_count(x, count);
    if (!s) s = recsys__ids_create(x, type == RECSYS_ID_STRING ? type : RECSYS_ID_INT, &ids);
    if (!s && count > 0) s = type == RECSYS_ID_STRING ? range_of_texts(x, ids, count) : range_of_ints(x, ids, count);
    return hand_out(x, s, ids, out);
}

recsys_status recsys__ids_translate(recsys_exec *x, const recsys_ids *from, const recsys_ids *to, int32_t *map)
{
    if (from != to && from->count > 0 && to->count > 0 && from->type != to->type)
        return recsys__fail(&x->error, RECSYS_ERR_TYPE, "one side has integer ids, the other strings");
    for (int64_t i = 0; i < from->count; i++) {
        if (from == to)
            map[i] = (int32_t)i;
        else if (from->type == RECSYS_ID_INT)
            map[i] = (int32_t)(to->type == RECSYS_ID_INT ? find_int(to, from->id[i]) : -1);
        else
            map[i] = (int32_t)find_text(to, from->bytes + from->offset[i], from->offset[i + 1] - from->offset[i]);
    }
    return RECSYS_OK;
}

/* ---- reading ---- */

int64_t recsys_ids_count(const recsys_ids *ids)
{
    return ids ? ids->count : 0;
}

/* A map that never got an id counts as one of integers. */
int32_t recsys_ids_type(const recsys_ids *ids)
{
    return ids && ids->type == RECSYS_ID_STRING ? RECSYS_ID_STRING : RECSYS_ID_INT;
}

recsys_status recsys_ids_get_int(const recsys_ids *ids, int64_t index, int64_t *id)
{
    if (!ids || !id) return RECSYS_ERR_INVALID_ARGUMENT;
    if (index < 0 || index >= ids->count) return RECSYS_ERR_OUT_OF_RANGE;
    if (ids->type != RECSYS_ID_INT) return RECSYS_ERR_TYPE;
    *id = ids->id[index];
    return RECSYS_OK;
}

int64_t recsys_ids_text(const recsys_ids *ids, int64_t index, char *buffer, int64_t size)
{
    if (!ids || index < 0 || index >= ids->count) return -1;
    if (ids->type == RECSYS_ID_STRING)
        return recsys__text_copy(ids->bytes + ids->offset[index], ids->offset[index + 1] - ids->offset[index], buffer, size);
    char digits[24];
    return recsys__text_copy(digits, snprintf(digits, sizeof digits, "%lld", (long long)ids->id[index]), buffer, size);
}

const int64_t *recsys__ids_ints(const recsys_ids *ids)
{
    return ids->id;
}

const char *recsys__ids_bytes(const recsys_ids *ids, const int64_t **offsets)
{
    static const int64_t none[1] = {0};
    *offsets = ids->offset ? ids->offset : none;
    return ids->bytes;
}

/* Two threads may both make the copies; one of them throws its own away. */
recsys_status recsys__ids_terminate(const recsys_ids *ids, error *e)
{
    recsys_ids *own = (recsys_ids *)ids; /* the copies are no part of what the map says */
    if (ids->type != RECSYS_ID_STRING || ids->count == 0 || atomic_load(&own->terminated)) return RECSYS_OK;
    char *copy, *none = NULL;
    recsys_status s = recsys__alloc(ids->memory, e, ids->offset[ids->count] + ids->count, 1, &copy);
    if (s) return s;
    for (int64_t i = 0; i < ids->count; i++) {
        int64_t length = ids->offset[i + 1] - ids->offset[i];
        memcpy(copy + ids->offset[i] + i, ids->bytes + ids->offset[i], (size_t)length);
        copy[ids->offset[i + 1] + i] = 0;
    }
    if (!atomic_compare_exchange_strong(&own->terminated, &none, copy)) recsys__free(ids->memory, copy);
    return RECSYS_OK;
}

const char *recsys__ids_string(const recsys_ids *ids, int64_t index)
{
    if (index < 0 || index >= ids->count || ids->type != RECSYS_ID_STRING) return NULL;
    if (recsys__ids_terminate(ids, NULL)) return NULL;
    return atomic_load(&((recsys_ids *)ids)->terminated) + ids->offset[index] + index;
}

const char *recsys__ids_show(const recsys_ids *ids, int64_t index, char *buffer, size_t size)
{
    if (index < 0 || index >= ids->count)
        snprintf(buffer, size, "?");
    else if (ids->type == RECSYS_ID_STRING)
        recsys__show_cell(ids->bytes + ids->offset[index], ids->offset[index + 1] - ids->offset[index], buffer, size);
    else
        snprintf(buffer, size, "%lld", (long long)ids->id[index]);
    return buffer;
}
