/* builder.h - inside of recsys_dataset_builder: rows of events become columns, ids become indices.
 *
 * Readers and recsys_dataset_builder_append() both feed it, in this order: the items that are known without events
 * (recsys__builder_add_item() and what follows it), then one or more parts, each begun with recsys__builder_begin_part()
 * and filled with events, then recsys__builder_finish(), which makes one dataset of each part; all share their ids.
 *
 * Numbering. With a universe (a count, a file, or recsys__builder_add_item()) indices follow the universe, and an id that
 * it does not hold is ERR_UNKNOWN_ID. Without one, integers are numbered ascending and strings by first appearance.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_BUILDER_H
#define DATA_BUILDER_H

#include <recsys/dataset.h>

#include "base/exec.h"
#include "data/dataset.h"
#include "data/ids.h"

/* Optional columns, as bits. */
enum { COLUMN_VALUE = 1, COLUMN_TIME = 2, COLUMN_BEHAVIOUR = 4, COLUMN_SESSION = 8, COLUMN_FLAG = 16 };

/* Where a row comes from: goes before the words of an error as "PATH:LINE: column N (user): ". Without a path `line` is
 * the position of an event in memory. A column number of 0 is left out. */
typedef struct event_place {
    const char *path;
    int64_t line;
    int32_t user_column, item_column;
    int32_t labelled; /* 1: users are rows of features, items their labels, and messages say so */
} event_place;

/* One event. Only the columns of the part are looked at; text is not terminated. The caller has checked that `value` is
 * finite and `flag` 0 or 1. */
typedef struct event_row {
    const char *user, *item; /* ids as text; NULL: user_id and item_id hold them */
    int64_t user_length, item_length;
    int64_t user_id, item_id;
    float value;
    int64_t time;
    const char *behaviour;
    int64_t behaviour_length;
    const char *session; /* as text; NULL: session_id holds it */
    int64_t session_length;
    int64_t session_id;
    uint8_t flag;
    const float *features; /* F finite numbers, after recsys__builder_features() */
} event_row;

/* How several cells of one user or item and one feature become one. */
enum {
    FEATURE_ONCE = 0, /* the cell is 1 */
    FEATURE_LAST = 1, /* the last value stays */
    FEATURE_SUM = 2   /* the values are added */
};

/* Makes a builder with the universes that `options` asks for (already taken in with recsys__struct_in()). */
recsys_status recsys__builder_create(recsys_exec *x, const recsys_read_options *options, recsys_dataset_builder **b);

/* The exec that the builder works for. */
recsys_exec *recsys__builder_exec(const recsys_dataset_builder *b);

/* An item of the catalogue, known whether or not events name it. Before the first part only. The first call makes the
 * items a universe in the order of the calls. If the options gave a universe already, it stays as it is, and *index is -1
 * for an item that it does not hold. ERR_DUPLICATE if the item came before; ERR_TYPE as for events. */
recsys_status recsys__builder_add_item(recsys_dataset_builder *b, const char *id, int64_t length, const event_place *place,
                                       int64_t *index);

/* The name of a user or the title of an item (`which`: SIDE_*); Latin-1 is turned into UTF-8. An empty one is none. The first
 * one stays. */
recsys_status recsys__builder_name(recsys_dataset_builder *b, int which, int64_t index, const char *name, int64_t length);

/* A new feature table of users or items, or the one that has this name already. `rule` is FEATURE_*. */
recsys_status recsys__builder_feature_table(recsys_dataset_builder *b, int which, const char *name, int32_t rule,
                                            int64_t *table);

/* The column of a feature in a table, added if new; Latin-1 is turned into UTF-8. Columns are in the order of the calls. */
recsys_status recsys__builder_feature(recsys_dataset_builder *b, int which, int64_t table, const char *name,
                                      int64_t length, int64_t *feature);

/* Sets a cell of a feature table by the table's rule. */
recsys_status recsys__builder_cell(recsys_dataset_builder *b, int which, int64_t table, int64_t index, int64_t feature,
                                   float value);

/* Begins the next part, which will be a dataset of its own, with these optional columns (COLUMN_*). */
recsys_status recsys__builder_begin_part(recsys_dataset_builder *b, uint32_t columns);

/* Says, right after the part was begun, that each of its events brings F numbers: the features of its user, who is a row of
 * its own. `names`: F zero-terminated strings one after the other (an empty one: its number), NULL if they have none and are
 * numbered from 1. The first part decides; ERR_UNKNOWN_COLUMN if a later one differs, worded with path and line. */
recsys_status recsys__builder_features(recsys_dataset_builder *b, int64_t n_features, const char *names, const char *path,
                                       int64_t line);

/* Rows of features so far, over all parts. */
int64_t recsys__builder_rows(const recsys_dataset_builder *b);

/* Says about how many events the part will have, right after it was begun. If that is right, or a little too much, the part
 * is made without moving its events. */
void recsys__builder_expect(recsys_dataset_builder *b, int64_t n_events);

/* Adds an event to the part. ERR_TYPE (the message says how to ask for strings), ERR_UNKNOWN_ID, ERR_TOO_LARGE, memory. */
recsys_status recsys__builder_add(recsys_dataset_builder *b, const event_row *row, const event_place *place);

/* Adds `count` events with integer ids to a part without optional columns; event k stands `k` lines below `first`. */
recsys_status recsys__builder_add_pairs(recsys_dataset_builder *b, int64_t count, const int64_t *user, const int64_t *item,
                                        const event_place *first);

/* Makes an id known without an event: a line of an adjacency list that holds a user alone, for example. */
recsys_status recsys__builder_know(recsys_dataset_builder *b, int side, const char *id, int64_t length,
                                   const event_place *place);

/* Events of the current part, 0 before the first. */
int64_t recsys__builder_part_events(const recsys_dataset_builder *b);

/* Makes one dataset of each part and applies the options' rule for duplicates. The builder is empty afterwards, whether
 * that went well or not; on failure all of `datasets` are NULL. */
recsys_status recsys__builder_finish(recsys_dataset_builder *b, recsys_dataset **datasets);

#endif
