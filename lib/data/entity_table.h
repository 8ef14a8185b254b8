/* entity_table.h - tables (names and features) of users or items that are numbered anew.
 *
 * R users or items (rows) of the new numbering, P parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ENTITY_TABLE_H
#define DATA_ENTITY_TABLE_H

#include "data/dataset.h"

/* A table (NULL: it knows nothing) and where it has each new row: row[r], or -1. */
typedef struct entity_source {
    const entity_table *table;
    const int32_t *row;
} entity_source;

/* The table of R rows, each with the name, and in each feature table the cells, of the first part that has any for it.
 * *out is NULL if no part has a table. */
recsys_status recsys__entity_table_collect(recsys_exec *x, const entity_source *parts, int64_t n_parts, int64_t n_rows,
                                           entity_table **out);

#endif
