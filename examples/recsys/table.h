/* table.h - aligned columns for people to read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_TABLE_H
#define RECSYS_PROGRAM_TABLE_H

#include "program.h"

/* Cells row by row, the headings first. A failed allocation is remembered until table_show(). */
typedef struct table {
    int columns;
    const char *align; /* for each column 'l' or 'r' */
    char **cell;
    int64_t cells, room;
    int failed;
} table;

#define TABLE_INIT(align) { (int)sizeof(align) - 1, align, NULL, 0, 0, 0 }

void table_text(table *t, const char *text);
void table_integer(table *t, int64_t value);

/* One cell for each text up to a NULL. */
void table_head(table *t, ...);

/* Prints the table where program_say() prints, and empties it. */
recsys_status table_show(program *p, table *t);

/* "1.5 GB", "512 bytes", in powers of 1000; returns `buffer`. */
const char *size_text(char buffer[24], int64_t bytes);

#endif
