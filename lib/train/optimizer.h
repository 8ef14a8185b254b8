/* optimizer.h - inside of recsys_optimizer, and the state that it keeps for the parameters of one training.
 *
 * An optimizer is a rule with its settings (name, parameters). The state lives in device memory beside the parameters and
 * is made for one training. Row gradients are applied lazily and equal the dense rule: a row that a step does not touch is
 * brought up to date when it is next read, in closed form (docs/optimizers.md has the mathematics). With coupled weight
 * decay every row changes at each step, so row gradients are applied to the whole table.
 *
 * t counts finished steps: 0 before the first. N rows, D columns of a parameter.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include <recsys/optimizer.h>

#include "base/exec.h"
#include "base/params.h"
#include "tensor/tape.h"

/* What the state must know of one parameter. `data` stays the caller's. */
typedef struct optimized {
    const char *name; /* for messages */
    float *data;      /* device, N x D */
    int64_t n_rows, dim;
    int32_t by_rows;  /* 1: gradients may come by rows (a table), so rows are updated lazily */
} optimized;

typedef struct optimizer_state optimizer_state;

/* The most steps that a device may be given before the host asks how they went. */
enum { STEPS_AHEAD = 64 };

/* State for n parameters, all zero, at step 0. `total_steps` is the length of schedules that end (cosine). */
recsys_status recsys__optimizer_state_create(recsys_exec *x, const recsys_optimizer *o, int64_t n, const optimized *parameters,
                                             int64_t total_steps, optimizer_state **out);
void recsys__optimizer_state_free(recsys_exec *x, optimizer_state *s);

/* A before_read hook (tensor/tape.h), `self` an optimizer_state: brings the rows to step t. */
recsys_status recsys__optimizer_before_read(void *self, recsys_exec *x, int64_t count, const table_read *reads);

/* One step: t becomes t + 1. gradients[p] belongs to parameter p. If a gradient is not finite nothing is promised about the
 * parameters, and the report tells. Does not wait for the device. At most STEPS_AHEAD steps lie between two reports. */
recsys_status recsys__optimizer_step(optimizer_state *s, recsys_exec *x, const parameter_gradient *gradients);

/* Waits for the device and looks at the steps since the last report: ERR_NUMERIC names the first of them, and the parameter,
 * whose gradient is not finite, among the steps t < `before`. `norm` (may be NULL) receives the norm of the last step's
 * gradient if clipping is on, else NaN; it stays as it is if there was no step. */
recsys_status recsys__optimizer_report(optimizer_state *s, recsys_exec *x, int64_t before, double *norm);

int64_t recsys__optimizer_t(const optimizer_state *s);
double recsys__optimizer_learning_rate(const optimizer_state *s); /* of the next step */

/* Looking without touching: rows as they are at step t, to `out` (device), while the state keeps its bits.
 * All N rows: */
recsys_status recsys__optimizer_read(optimizer_state *s, recsys_exec *x, int64_t parameter, float *out);
/* Rows row[0..count-1] (device int32; -1: zeros): count x D. */
recsys_status recsys__optimizer_read_rows(optimizer_state *s, recsys_exec *x, int64_t parameter, const int32_t *row, int64_t count,
                                          float *out);

/* Brings every row of every parameter to step t, for good: the end of a training. */
recsys_status recsys__optimizer_finish(optimizer_state *s, recsys_exec *x);

/* Checkpoints: the arrays that, with t and the parameters' own memory, are the whole state. Device memory, in a fixed order;
 * names like "user_embedding.m". */
typedef struct optimizer_array {
    char name[72];
    int32_t dtype; /* RECSYS_F32 or RECSYS_I32 */
    int64_t count;
    void *data;
} optimizer_array;
int64_t recsys__optimizer_array_count(const optimizer_state *s);
optimizer_array recsys__optimizer_array(const optimizer_state *s, int64_t index);
/* After the arrays and parameters were filled from a checkpoint. */
recsys_status recsys__optimizer_set_t(optimizer_state *s, recsys_exec *x, int64_t t);

/* Bytes of state for a parameter of N x D, for estimates. */
int64_t recsys__optimizer_bytes(const recsys_optimizer *o, int64_t n_rows, int64_t dim, int32_t by_rows);

#endif
