/* visitor.h - someone to recommend to: a known user, or someone new with a few items of history.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_VISITOR_H
#define RECSYS_PROGRAM_VISITOR_H

#include "program.h"

/* Where users come from: the model, or the events given with --train, which then hold the histories. */
typedef struct source {
    const recsys_model *model;
    const recsys_dataset *known; /* NULL: the model */
    const recsys_ids *users;     /* of either */
} source;

/* `query` points into `history` and `values`: it lives as long as the visitor. */
typedef struct visitor {
    int64_t user; /* index in source.users, -1: someone new */
    recsys_query query;
    int64_t *history; /* items of the model */
    float *values;
    int64_t count;
} visitor;

/* With `show` the history is fetched even where the query does not need it. On failure nothing is left to free. */
recsys_status visitor_of_user(program *p, const source *from, int64_t user, int show, visitor *v);

/* `list` is ids of items with commas between. */
recsys_status visitor_of_items(program *p, const source *from, const char *list, visitor *v);

void visitor_free(visitor *v);

#endif
