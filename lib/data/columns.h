/* columns.h - which column of a delimited file holds what: from the caller's list, from a header, or by position.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_COLUMNS_H
#define DATA_COLUMNS_H

#include <recsys/dataset.h>

#include "data/record.h"

enum {
    KIND_USER, KIND_ITEM, KIND_VALUE, KIND_TIME, KIND_BEHAVIOUR, KIND_SESSION, KIND_FLAG, KIND_COUNT,
    KIND_NONE = KIND_COUNT,
    KIND_FEATURE /* a number of which a row has several; rows with these have a label in the place of an item, or none */
};

enum { MOST_COLUMNS = 1024 };

typedef struct column_map {
    int32_t at[KIND_COUNT]; /* column of each kind, from 0; -1: none */
    int32_t n_columns;      /* columns that a row must have */
    uint32_t present;       /* COLUMN_* */

    /* Rows of features and a label (n_features > 0). The label is at[KIND_ITEM], -1 if there is none; at[KIND_USER] may be -1:
     * rows are numbered. */
    int32_t n_features;
    int32_t feature[MOST_COLUMNS]; /* column of each */
    int32_t exact;          /* columns that a row must have, no more */
    char *names;            /* of the features, from the header: zero-terminated, one after the other; NULL: no header */
} column_map;

/* "user", "item", "value" ...; "label" for the item of labelled rows */
const char *recsys__kind_word(const column_map *map, int kind);

/* The kind that a header's word stands for, in any case and with `_id` or the like: user, userId, rating, timestamp ...;
 * KIND_NONE for others. */
int recsys__kind_of_header(const cell *c);

/* Finds out which column holds what in the file that `r` is at the beginning of, by the options `columns`, `header` and
 * `id_type`, and takes the header line if there is one. ERR_UNKNOWN_COLUMN: a word that is none, a list without user or
 * item, a name that the header does not have. recsys__columns_free() in any case. */
recsys_status recsys__columns_find(record_reader *r, const recsys_read_options *options, column_map *map);
void recsys__columns_free(recsys_exec *x, column_map *map);

/* 1 if the cell is an integer, however written. */
int recsys__cell_is_integer(const cell *c);

#endif
