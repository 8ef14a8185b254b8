/* record.h - delimited text as records of cells: any separator, RFC 4180 quotes, newlines inside quotes.
 *
 * A cell that begins with a double quote goes on to the closing one; two quotes in it stand for one. Blank lines are
 * skipped. Cells are borrowed until the next record.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_RECORD_H
#define DATA_RECORD_H

#include "data/encoding.h"
#include "data/input.h"

typedef struct cell {
    const char *text; /* not terminated */
    int64_t length;
} cell;

/* A reader. A faster parser may take whole lines from `at` and move `at` and `line` on. */
typedef struct record_reader {
    recsys_exec *x;
    input *in;
    char separator[16]; /* empty: one cell a line */
    int64_t separator_length;
    int quotes;
    char *at, *end;     /* what is left of the chunk: whole lines */
    int64_t line;       /* number of the line at `at`, counted from 1 */
    cell *cells;
    int32_t max_cells;
} record_reader;

/* Reads `in`, which stays the caller's. Cells from `max_cells` on are counted but not kept. quotes = 0: a quote is an
 * ordinary character. separator NULL: found from the first line among tab, `::`, comma, `;` and space; none of them there,
 * or an empty one: one cell a line. Reads the first chunk. */
recsys_status recsys__record_open(recsys_exec *x, input *in, const char *separator, int quotes, int32_t max_cells,
                                  record_reader **r);
void recsys__record_close(record_reader *r);

/* The next record: *cells is NULL at the end of the file, *n_cells counts all cells of the record (those that are not
 * kept too), *line is where it begins. ERR_PARSE: a quote that does not close, or text behind a closing quote. */
recsys_status recsys__record_next(record_reader *r, const cell **cells, int32_t *n_cells, int64_t *line);

/* Looks at the record that is `ahead` records from here (0: the next one) without taking it, doubled quotes left as they
 * stand. *cells is NULL if it is not whole within the chunk. */
void recsys__record_peek(record_reader *r, int ahead, const cell **cells, int32_t *n_cells);

/* Reads on if the chunk is used up; afterwards at == end only at the end of the file. */
recsys_status recsys__record_fill(record_reader *r);

#endif
