/* item_table.h - item tables (names and features) for items that are numbered anew.
 *
 * I items of the new numbering, P parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ITEM_TABLE_H
#define DATA_ITEM_TABLE_H

#include "data/dataset.h"

/* A table (NULL: it knows nothing) and where it has each new item: row[i], or -1. */
typedef struct item_source {
    const item_table *table;
    const int32_t *row;
} item_source;

/* The table of I items, each with the name, and in each feature table the cells, of the first part that has any for it.
 * *out is NULL if no part has a table. */
recsys_status recsys__item_table_collect(recsys_exec *x, const item_source *parts, int64_t n_parts, int64_t n_items,
                                         item_table **out);

#endif
