/* builder_inside.h - what the files of the builder share: sides, parts, the catalogue.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_BUILDER_INSIDE_H
#define DATA_BUILDER_INSIDE_H

#include "base/text.h"
#include "data/builder.h"

/* Users or items while events come in. The columns hold a *code* of each id, which recsys__builder_finish() turns into its
 * index. Strings, and ids of a universe, have their index for a code at once. Other integers are numbered when all are
 * known: until then a code is the integer itself (`direct`: nothing to look up), or, once one came that is negative or
 * too large, the place of the integer in `ids`. */
typedef struct id_side {
    int32_t type;      /* RECSYS_ID_AUTO until the first id decides */
    int strict;        /* it was AUTO: integers must be written as such */
    int universe;      /* other ids than those in `ids` are errors */
    int direct;
    int64_t limit;     /* integers 0 to limit - 1 are their own codes */
    recsys_ids *ids;   /* NULL while `direct` or undecided */
    int32_t *known;    /* integers, no universe: codes that are known without an event */
    int64_t n_known, known_room;
} id_side;

/* The events of one part, as a sequence of chunks that are never moved: columns with n_events rows, room for `room`. */
typedef struct chunk {
    event_columns columns;
    int64_t room;
} chunk;

/* From event `event` on, each event stands a line below the one before it, this one in `line`. */
typedef struct line_run {
    int64_t event, line;
} line_run;

typedef struct part {
    uint32_t present; /* COLUMN_* */
    int64_t n_events;
    chunk *chunks;
    int64_t n_chunks, chunks_room;
    line_run *runs; /* which line each event came from: kept only where what comes twice is an error, which will name it */
    int64_t n_runs, runs_room;
} part;

/* A feature table as a list of cells. */
typedef struct feature_list {
    char *name;
    int32_t rule;
    recsys_ids *features;
    int32_t *row, *feature; /* row: the index of a user or an item */
    float *value;
    int64_t n, room;
} feature_list;

/* What is told of users or items besides events: names, and cells of feature tables. */
typedef struct catalogue {
    text names;               /* zero-terminated, one after the other */
    int64_t *name_offset;     /* of each one below names_room; -1: none */
    int64_t names_room;
    feature_list *lists;
    int64_t n_lists;
    entity_table *table;      /* made of all that by the first recsys__builder_finish() */
} catalogue;

/* Rows of numbers that come with the events, one row an event, over all parts. */
typedef struct dense_rows {
    int64_t n_features; /* F; 0: the builder takes events without */
    int named;          /* 1: the features have names of their own, not numbers */
    recsys_ids *names;
    float *cell;        /* n x F, room for `room` rows */
    int64_t n, room;
} dense_rows;

struct recsys_dataset_builder {
    recsys_exec *x;
    id_side side[2];
    int32_t id_type, duplicates;
    recsys_ids *behaviours, *sessions;
    part *parts;
    int64_t n_parts, parts_room;
    int64_t failed_part;      /* which part recsys__builder_finish() failed on, -1: none */
    int64_t failed_line;      /* and which line of its file, 0: not known */

    int items_given;          /* the universe of items came with the options */
    catalogue catalogue[2];   /* by SIDE_* */
    dense_rows dense;
};

/* ---- builder_ids.c ---- */

void recsys__side_init(id_side *side, int32_t type);
void recsys__side_free(memory *m, id_side *side);

/* The code of an id. A failure is worded with `place`. */
recsys_status recsys__side_text(recsys_dataset_builder *b, int which, const char *id, int64_t length,
                                const event_place *place, int32_t *code);
recsys_status recsys__side_int(recsys_dataset_builder *b, int which, int64_t id, const event_place *place, int32_t *code);

/* The same for `count` integers; id k stands k lines below `first`. */
recsys_status recsys__side_ints(recsys_dataset_builder *b, int which, const int64_t *id, int64_t count,
                                const event_place *first, int32_t *code);

/* The code of an id that is added to a universe. ERR_DUPLICATE, without a message, if it is there already. */
recsys_status recsys__side_member(recsys_dataset_builder *b, int which, const char *id, int64_t length,
                                  const event_place *place, int32_t *code);

/* Makes 0 to n - 1 the universe. */
recsys_status recsys__side_range(recsys_dataset_builder *b, int which, int64_t n);

/* Ends the making of a universe: its ids are complete. */
recsys_status recsys__side_close(recsys_dataset_builder *b, int which);

/* The final ids, and the index of each code (*map is NULL if they are equal). */
recsys_status recsys__side_finish(recsys_dataset_builder *b, int which, recsys_ids **ids, int32_t **map);

/* ---- catalogue.c ---- */

/* The table of users or items; NULL if nothing is known of them but their ids. */
recsys_status recsys__catalogue_finish(recsys_dataset_builder *b, int which, int64_t n_rows, entity_table **table);
void recsys__catalogue_free(recsys_dataset_builder *b, int which);

/* ---- builder_rows.c ---- */

/* Room for the next row. */
recsys_status recsys__dense_room(recsys_dataset_builder *b);
/* The user table that the rows make, once ids are known; map: the index of each user's code, NULL if they are equal.
 * ERR_DUPLICATE: a user has two rows; b->failed_part and *event say which. */
recsys_status recsys__dense_finish(recsys_dataset_builder *b, const recsys_ids *users, const int32_t *map, entity_table **table,
                                   int64_t *event);
void recsys__dense_free(recsys_dataset_builder *b);

/* ---- builder.c ---- */

/* Gives the events back, and all that was known only through them. */
void recsys__builder_clear(recsys_dataset_builder *b);

/* ---- read.c ---- */

/* Takes the caller's options in and checks their numbers. */
recsys_status recsys__read_options_in(recsys_exec *x, const recsys_read_options *given, recsys_read_options *own);

/* ---- read_items.c ---- */

/* Reads the universe that the options name: a count, or a file of ids. */
recsys_status recsys__read_users(recsys_dataset_builder *b, const char *users, const char *columns);
recsys_status recsys__read_items(recsys_dataset_builder *b, const char *items, const char *columns);

#endif
