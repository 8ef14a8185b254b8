/* rows.h - sparse rows for a block of users, written by several threads, and where they come from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_ROWS_H
#define EVAL_ROWS_H

#include "base/exec.h"
#include "data/dataset.h"

/* n rows, one after the other. The arrays grow and are used again for the next block. */
typedef struct row_block {
    int64_t n;
    int64_t *ptr;     /* n + 1 */
    int64_t *length;  /* n: of use while rows are being made */
    int32_t *item;
    float *val;       /* NULL if made without values */
    int64_t row_room, item_room, val_room;
} row_block;

/* Writes row `row` and returns its length, at most the bound given for it. `val` is NULL if no values are wanted. */
typedef int64_t (*row_writer)(void *data, int64_t row, int32_t thread, int32_t *item, float *val);

/* Makes room for n rows; the caller then sets r->length[row] to the most entries that each may have. */
recsys_status recsys__rows_begin(recsys_exec *x, row_block *r, int64_t n);

/* Has all rows written, on several threads, and closes the gaps between them. */
recsys_status recsys__rows_fill(recsys_exec *x, row_block *r, int with_values, row_writer write, void *data);

void recsys__rows_free(recsys_exec *x, row_block *r);

/* A sparse matrix read by users of the test data, in items of the model. */
typedef struct source {
    const csr *rows;       /* NULL: nothing is there */
    const int32_t *row_of; /* row of each user of the test data, -1: none */
    const int32_t *item_of; /* item of the model for each column, negative: none; NULL: columns are items of the model */
} source;

/* Length of the longest row of all. */
int64_t recsys__source_longest(const source *s);

/* Length of the user's row before items that the model does not have are left out. */
int64_t recsys__source_bound(const source *s, int64_t user);

/* Copies the user's row: items of the model, ascending, with their values if `val` is not NULL. Returns its length. `keys`
 * is room for as many as the bound. */
int64_t recsys__source_copy(const source *s, int64_t user, uint64_t *keys, int32_t *item, float *val);

/* 1 if the row that recsys__source_copy() would give is not empty. */
int recsys__source_has_any(const source *s, int64_t user);

#endif
