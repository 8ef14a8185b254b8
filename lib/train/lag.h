/* lag.h - the tables by which rows catch up with the steps that they missed, made on the host for a chunk of steps.
 *
 * backend/update_rule.h has the sums, docs/optimizers.md their derivation and error. A chunk covers LAG_CHUNK steps from
 * `base` on; at its end all rows are brought to the present and the next chunk takes its place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_LAG_H
#define TRAIN_LAG_H

#include "train/rule.h"

enum { LAG_CHUNK = 4096 };

/* Where the chunk begins that holds what step t has to know: a chunk is left with the first step after its end. */
static inline int64_t recsys__lag_base(int64_t t)
{
    return t > 0 ? (t - 1) / LAG_CHUNK * LAG_CHUNK : 0;
}

/* What a step does to rows that have no gradient. */
enum {
    ROWS_STAY, /* nothing */
    ROWS_LAG,  /* they move in a way that can be made up for later */
    ROWS_ALL   /* they move, and are updated in each step */
};

typedef struct lag_plan {
    int32_t rows; /* ROWS_* */
    int64_t near, loop_below, loop_steps;
    int64_t bytes; /* of a chunk; 0 unless ROWS_LAG */
} lag_plan;

lag_plan recsys__lag_plan(const rule *r);

/* Writes the chunk from `base` on to `block`, plan->bytes of host memory aligned to 64 bytes. */
void recsys__lag_fill(const lag_plan *plan, const rule *r, int64_t base, void *block);

/* The tables in a copy of such a block in device memory; all empty where the plan has none. */
lag_tables recsys__lag_tables(const lag_plan *plan, const rule *r, int64_t base, const void *block);

#endif
