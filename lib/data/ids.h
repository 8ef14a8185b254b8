/* ids.h - inside of recsys_ids: ids to indices and back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_IDS_H
#define DATA_IDS_H

#include <recsys/ids.h>

#include "base/exec.h"

/* A growing map; `type` as asked, RECSYS_ID_AUTO until the first id decides. Charged to the exec's memory. */
recsys_status recsys__ids_create(recsys_exec *x, int32_t type, recsys_ids **ids);
recsys_ids *recsys__ids_retain(const recsys_ids *ids);
void recsys__ids_release(recsys_ids *ids);

/* Index of an id, added if new. ERR_TYPE without a message if the kind does not fit: the caller knows the line.
 * ERR_TOO_LARGE at 2^31 - 1 ids. */
recsys_status recsys__ids_add_int(recsys_exec *x, recsys_ids *ids, int64_t id, int32_t *index);
recsys_status recsys__ids_add_text(recsys_exec *x, recsys_ids *ids, const char *id, int64_t length, int32_t *index);

/* recsys__ids_add_int() on each of `count` ids; a few ids ahead are fetched into the cache. On failure *done tells how many
 * were added. */
recsys_status recsys__ids_add_ints(recsys_exec *x, recsys_ids *ids, const int64_t *id, int64_t count, int32_t *index,
                                   int64_t *done);

/* Index of an id of `length` bytes, or -1; recsys_ids_find() is this on a terminated string. */
int64_t recsys__ids_find_text(const recsys_ids *ids, const char *id, int64_t length);

/* Forgets the ids from `count` on, the last that were added. */
void recsys__ids_truncate(recsys_ids *ids, int64_t count);

/* For loading: a map with these ids in this order; ERR_FILE_FORMAT if one comes twice. Strings are `bytes` cut at
 * `offsets` (count + 1). */
recsys_status recsys__ids_from_ints(recsys_exec *x, const int64_t *id, int64_t count, recsys_ids **ids);
recsys_status recsys__ids_from_text(recsys_exec *x, const char *bytes, const int64_t *offsets, int64_t count, recsys_ids **ids);

/* The integers 0 to count - 1; in a map of strings (type RECSYS_ID_STRING) their decimal forms. */
recsys_status recsys__ids_range(recsys_exec *x, int32_t type, int64_t count, recsys_ids **ids);

/* For saving: the ids in order. Integers, or offsets (count + 1) and bytes; borrowed. */
const int64_t *recsys__ids_ints(const recsys_ids *ids);
const char *recsys__ids_bytes(const recsys_ids *ids, const int64_t **offsets);

/* The string at `index` with a zero behind it, borrowed; NULL if there is none. Copies are made once for all strings: by
 * recsys__ids_terminate(), which can say that memory is short, or at the first call, which then returns NULL. */
const char *recsys__ids_string(const recsys_ids *ids, int64_t index);
recsys_status recsys__ids_terminate(const recsys_ids *ids, error *e);

/* map[i] = index in `to` of the id at index i of `from`, or -1. Identity if they are the same map. ERR_TYPE if one holds
 * integers and the other strings. `map` has room for count(from). */
recsys_status recsys__ids_translate(recsys_exec *x, const recsys_ids *from, const recsys_ids *to, int32_t *map);

/* The id at `index` in quotes or digits, for messages; cut to fit. Returns buffer. */
const char *recsys__ids_show(const recsys_ids *ids, int64_t index, char *buffer, size_t size);

/* ---- integers as text ---- */

enum {
    INTEGER_OK = 0,
    INTEGER_NONE = 1,    /* no integer */
    INTEGER_LARGE = 2,   /* beyond 64 bits */
    INTEGER_PADDED = 3   /* an integer, but not as one is written: 007, +7. *value is set */
};

/* Reads all of s[0..length-1] as a 64-bit integer; the result is INTEGER_*. */
int recsys__integer(const char *s, int64_t length, int64_t *value);

#endif
