/* tape.h - the tape: operations run at once and, while recording, leave what their gradients need.
 *
 * A model calls operations (tensor/ops.h). Each runs on the exec's device, takes its result from the arena and, if anything
 * it read leads to a gradient, appends a record. recsys__tape_backward() walks the records from the last to the first. The
 * first error sticks: later operations give the empty tensor and do nothing, and whoever runs the step asks
 * recsys__tape_status() once. Its message names the model's file and line, the operation and the shapes.
 *
 * Everything taken from the arena lives until recsys__tape_reset(), which keeps the memory: a step after the first takes
 * nothing from the allocator, as long as it is no larger.
 *
 * A tape belongs to one exec and is confined to its thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_TAPE_H
#define TENSOR_TAPE_H

#include "backend/backend.h"
#include "backend/row_gradient.h"
#include "base/exec.h"
#include "tensor/tensor.h"

typedef struct tape tape;
typedef struct record record;

/* A gradient rule: from the gradient of the result to those of what was read. It calls ordinary operations (not recorded
 * then) and hands gradients over with recsys__tape_add_gradient(). */
typedef void (*gradient_rule)(tape *g, const record *r, tensor gy);

enum { RECORD_INPUTS = 6, RECORD_SAVED = 4 };

/* What one operation leaves. */
struct record {
    gradient_rule rule;
    const char *operation; /* "matmul": for messages */
    tensor in[RECORD_INPUTS];
    tensor saved[RECORD_SAVED];
    sparse matrix;
    row_index index[2];
    float f;
    int64_t i[4];
    int32_t output;        /* node of the result; this and the place in the source are set by recsys__tape_record() */
    const char *file;
    int line;
};

/* ---- parameters ---- */

/* Called before rows of a parameter are read, so that an optimizer that works lazily can bring them up to date. The index
 * is complete on the device. `whole` 1: every row is about to be read. */
typedef struct table_read {
    int64_t parameter; /* number given to recsys__tape_parameter() */
    row_index index;
    int32_t whole;
} table_read;
typedef recsys_status (*before_read)(void *self, recsys_exec *x, int64_t count, const table_read *reads);

/* Looking without touching: rows of a parameter as they are now, to `out` (device); `row` NULL: all of them. */
typedef recsys_status (*look_rows)(void *self, recsys_exec *x, int64_t parameter, const int32_t *row, int64_t count, float *out);

/* The gradient of one parameter after recsys__tape_backward(): none, dense, or of some rows. */
enum { GRADIENT_NONE = 0, GRADIENT_DENSE = 1, GRADIENT_ROWS = 2 };
typedef struct parameter_gradient {
    int32_t kind;
    const float *dense;
    row_gradient rows;
} parameter_gradient;

/* ---- life ---- */

recsys_status recsys__tape_create(recsys_exec *x, tape **out);
void recsys__tape_free(tape *g); /* NULL is allowed */

/* Forgets records, gradients and errors, and takes back the arena's memory. The next step's random numbers are those of
 * (seed, step): dropout asks for them. */
void recsys__tape_reset(tape *g, uint64_t seed, uint64_t step);

/* What happens from now on: `recording` 1 leaves records, `training` 1 lets dropout drop. Both 0 at first. */
void recsys__tape_mode(tape *g, int32_t recording, int32_t training);
void recsys__tape_before_read(tape *g, before_read hook, void *self);
void recsys__tape_look(tape *g, look_rows hook, void *self); /* NULL: not any more */

recsys_status recsys__tape_status(const tape *g);
recsys_exec *recsys__tape_exec(tape *g);
int32_t recsys__tape_training(const tape *g);
uint64_t recsys__tape_seed(const tape *g);
uint64_t recsys__tape_step(const tape *g);

/* ---- leaves ---- */

/* Parameter number `index` (0, 1, ...): `data` is N x D floats that an optimizer may change between steps. Reading it
 * by rows (op_lookup and its like) gives a gradient of rows, any other use a dense one. */
tensor recsys__tape_parameter(tape *g, int64_t index, const char *name, float *data, int32_t rank, const int64_t *shape);

/* Constants: memory of the device that has no gradient. */
tensor recsys__tape_constant(tape *g, const void *data, int32_t dtype, int32_t rank, const int64_t *shape);

/* An input that has a gradient though it is no parameter: perturbations, finite differences in tests. */
tensor recsys__tape_input(tape *g, const float *data, int32_t rank, const int64_t *shape);

/* The tensor cut from its past: same memory, no gradient. */
tensor recsys__tape_detach(tensor t);

/* ---- backward ---- */

/* Gradients of the scalar `loss` with respect to everything it was made of. Adds nothing to earlier calls. */
void recsys__tape_backward(tape *g, tensor loss);

/* After it: the gradient of an input or of any recorded result; the empty tensor if there is none. */
tensor recsys__tape_gradient(tape *g, tensor of);
parameter_gradient recsys__tape_parameter_gradient(tape *g, int64_t index);

/* The gradient of the scalar `y` with respect to `x`, to be used as a constant inside the step: gradients of parameters are
 * untouched and the tape goes on recording. */
tensor recsys__tape_gradient_of(tape *g, tensor y, tensor x);

/* ---- for operations ---- */

/* Device memory of the arena, aligned to 64 bytes; NULL once the tape has failed. */
void *recsys__tape_memory(tape *g, int64_t count, size_t size);
/* The same with a copy of host memory. */
void *recsys__tape_copy_in(tape *g, const void *host, int64_t count, size_t size);
/* A vector of host memory (elements of 4 bytes) as a constant. */
tensor recsys__tape_vector(tape *g, const void *host, int64_t count, int32_t dtype);
/* A new tensor in it, contents undefined. The empty tensor once the tape has failed. */
tensor recsys__tape_new(tape *g, int32_t dtype, int32_t rank, const int64_t *shape);
tensor recsys__tape_floats(tape *g, int64_t rows, int64_t columns); /* rank 1 if columns is 0 */
tensor recsys__tape_zeros(tape *g, int64_t rows, int64_t columns);

/* 1 once something failed: an operation returns the empty tensor at once. */
int recsys__tape_failed(const tape *g);

/* Records an error at the place of the current call ("gmf.c:34 op_mul: ..."); always gives the empty tensor. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
tensor recsys__tape_fail(tape *g, recsys_status status, const char *format, ...);

/* Runs a descriptor unless the tape has failed. */
void recsys__tape_run(tape *g, const op *o);

/* 1 if a gradient is wanted for something computed from this tensor: it leads to a leaf, and the tape records. */
int recsys__tape_wants(const tape *g, tensor t);

/* Appends a record and gives `out` with its node; `out` itself if nothing it read wants a gradient. The record is filled
 * before. */
tensor recsys__tape_record(tape *g, const record *r, int32_t n_inputs, tensor out);

/* Adds a gradient to what `in` has so far. It may keep `gradient` itself; gradients are never written to afterwards. */
void recsys__tape_add_gradient(tape *g, tensor in, tensor gradient);
/* The same for rows of a parameter. A second one for the same parameter makes a dense one of
 * both, which costs a pass over the table: better to look everything up at once. */
void recsys__tape_add_rows(tape *g, tensor parameter, const row_gradient *rows);

/* Reading a parameter. While training, an optimizer may be behind with it: it is brought up to date first. While only
 * looking (recsys__tape_look()), what is behind is copied, brought up to date in the copy, and the copy is read: so both
 * functions give back, in place of what they were handed, the tensors that the operation must read.
 *
 * By rows: the index of the rows that rows[k] (int32, E) looks up in tables[k], for `count` (at most 2) tables. `index` may be
 * NULL where no gradient is wanted and none is needed. */
void recsys__tape_index(tape *g, int64_t count, tensor *tables, tensor *rows, row_index *index);
/* As a whole: every operation that reads a tensor other than by rows uses `t = recsys__tape_read_whole(g, t)`. */
tensor recsys__tape_read_whole(tape *g, tensor t);
/* 1 if the tensor is a parameter, then *index is its number. */
int recsys__tape_is_parameter(const tape *g, tensor t, int64_t *index);

/* Remembers where the next operation is called from; gives the tape back. */
tape *recsys__tape_at(tape *g, const char *file, int line, const char *operation);

/* "2048 x 64", for messages. */
enum { SHAPE_ROOM = 96 };
const char *recsys__shape_text(tensor t, char text[SHAPE_ROOM]);

#endif
