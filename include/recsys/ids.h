/* ids.h - the ids of users or items, and the dense indices (0 to count - 1) that stand for them.
 *
 * Ids come from outside and are kept: all 64-bit integers, or all strings. Every other function takes indices.
 * A recsys_ids belongs to a dataset or a model, which hands it out borrowed; it is immutable, so any thread may read it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_IDS_H
#define RECSYS_IDS_H

#include <recsys/status.h>

/** A one-to-one map between ids and indices. Immutable; borrowed from its dataset or model. */
typedef struct recsys_ids recsys_ids;

/** Kinds of ids. */
enum {
    RECSYS_ID_AUTO = 0,  /**< Decided by the first row: integers if it holds one (007 is none), else strings. */
    RECSYS_ID_INT = 1,   /**< 64-bit integers. */
    RECSYS_ID_STRING = 2 /**< Strings: any bytes but zero. */
};

RECSYS_BEGIN_DECLS

/** Number of ids. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_ids_count(const recsys_ids *ids);

/** RECSYS_ID_INT or RECSYS_ID_STRING. Any thread. @since 0.1 */
RECSYS_API int32_t recsys_ids_type(const recsys_ids *ids);

/** Index of an integer id, or -1. A map of strings looks for its decimal form. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_ids_find_int(const recsys_ids *ids, int64_t id);

/** Index of an id given as text, or -1. A map of integers reads it as a decimal number. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_ids_find(const recsys_ids *ids, const char *id);

/** The integer id at `index`. @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_TYPE (a map of strings). Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_ids_get_int(const recsys_ids *ids, int64_t index, int64_t *id);

/** Writes the id at `index` as text.
 * @param[out] buffer receives at most `size` bytes with the final zero; may be NULL if `size` is 0.
 * @return length of the whole id without the final zero, -1 if `index` is out of range. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_ids_text(const recsys_ids *ids, int64_t index, char *buffer, int64_t size);

RECSYS_END_DECLS
#endif
