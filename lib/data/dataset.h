/* dataset.h - inside of recsys_dataset: the columns of the event table and the views made from them.
 *
 * U users, I items, E events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <pthread.h>
#include <stdatomic.h>

#include <recsys/dataset.h>

#include "base/exec.h"
#include "data/ids.h"

/* A sparse matrix by row: columns ascending within a row, no duplicates. */
typedef struct csr {
    int64_t n_rows, n_cols;
    int64_t *ptr;  /* n_rows + 1 */
    int32_t *col;
    float *val;    /* NULL: 1 everywhere */
} csr;

enum { SIDE_USERS = 0, SIDE_ITEMS = 1 };

/* A feature table of users or items (rows): a sparse R x F matrix and the names of its columns. */
typedef struct feature_table {
    char *name;
    recsys_ids *features; /* names of the columns */
    int32_t dense;        /* 1: read as numbers in columns of their own, so that a row has all F cells or none */
    csr cells;
} feature_table;

/* What is known of users or items beyond their ids: shared by the datasets that are cut from one. Reference-counted. */
typedef struct entity_table {
    atomic_int refs;
    memory *memory;
    int64_t n_rows;        /* U or I */
    char *name_bytes;      /* zero-terminated names, one after the other; NULL: no names */
    int64_t *name_offset;  /* one a row; -1: it has none */
    int64_t n_features;
    feature_table *features;
} entity_table;

struct recsys_dataset {
    atomic_int refs;
    memory *memory;
    recsys_ids *users, *items;
    int64_t n_events;
    int32_t *user, *item;              /* E each */
    float *value;                      /* E or NULL */
    int64_t *time;                     /* E or NULL */
    int32_t *behaviour, *session;      /* E or NULL: indices into the maps below */
    uint8_t *flag;                     /* E or NULL */
    recsys_ids *behaviours, *sessions; /* NULL where the column is missing */
    entity_table *table[2];            /* by SIDE_*: of users and of items; NULL: none */

    pthread_mutex_t lock;              /* guards the views below; made once, then immutable */
    csr *by_user, *by_item;            /* the interaction matrix, U x I and I x U */
    memory *by_user_memory, *by_item_memory; /* accounts of the execs that asked first */
};

/* Columns of a new dataset: arrays of E elements that the new dataset takes over when the call succeeds. */
typedef struct event_columns {
    int64_t n_events;
    int32_t *user, *item;
    float *value;
    int64_t *time;
    int32_t *behaviour, *session;
    uint8_t *flag;
} event_columns;

/* What datasets that are cut from one share. Maps of columns that the data lacks, and tables, may be NULL. */
typedef struct dataset_shared {
    recsys_ids *users, *items, *behaviours, *sessions;
    entity_table *table[2]; /* by SIDE_* */
} dataset_shared;

/* Makes a dataset of new parts: takes references of its own to all of `shared`, and owns `columns` when it succeeds. */
recsys_status recsys__dataset_make(recsys_exec *x, const dataset_shared *shared, event_columns *columns,
                                   recsys_dataset **out);

/* Makes a dataset that shares `like`'s ids, maps and tables and owns `columns`. */
recsys_status recsys__dataset_create(recsys_exec *x, const recsys_dataset *like, event_columns *columns, recsys_dataset **out);

/* The events of `source` with keep[e] != 0, in order; ids shared. The base of splits and filters. Empty is allowed. */
recsys_status recsys__dataset_select(recsys_exec *x, const recsys_dataset *source, const uint8_t *keep, recsys_dataset **out);

/* recsys_dataset_merge_duplicates(), which also says in *event which event was at fault (from 0; -1: none was). */
recsys_status recsys__dataset_merge(recsys_exec *x, const recsys_dataset *d, int32_t rule, recsys_dataset **result,
                                    int64_t *event);

/* ERR_UNKNOWN_KEY: no behaviour is called `given`. Names those that there are, as many as the message holds. */
recsys_status recsys__fail_behaviour(recsys_exec *x, const recsys_dataset *d, const char *given);

/* The interaction matrix by user (U x I) and by item (I x U): one cell for each pair that meets, with the value of the
 * latest event by time, then by row (no values: 1). Made at the first call under the dataset's lock and charged to the exec
 * that makes it; borrowed from the dataset. */
recsys_status recsys__dataset_by_user(recsys_exec *x, const recsys_dataset *d, const csr **view);
recsys_status recsys__dataset_by_item(recsys_exec *x, const recsys_dataset *d, const csr **view);

/* Transpose of m (charged to x). Rows of the result ascend. */
recsys_status recsys__csr_transpose(recsys_exec *x, const csr *m, csr **out);
void recsys__csr_free(memory *m, csr *matrix);

/* Copies row `row` for the public API: at most `capacity` entries to `cols` and `vals` (either may be NULL); *count is the
 * length of the whole row. */
void recsys__csr_row(const csr *m, int64_t row, int64_t *cols, float *vals, int64_t capacity, int64_t *count);

void recsys__event_columns_free(memory *m, event_columns *columns);
/* The table of numbers that the lines or rows of features and labels brought; NULL without one. */
const feature_table *recsys__dataset_dense(const recsys_dataset *d);

entity_table *recsys__entity_table_retain(entity_table *t);
void recsys__entity_table_release(entity_table *t);

#endif
