/* tape_inside.h - the inside of a tape, for tape.c and tape_read.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_TAPE_INSIDE_H
#define TENSOR_TAPE_INSIDE_H

#include "tensor/arena.h"
#include "tensor/ops.h"

/* One parameter as this step sees it. */
typedef struct parameter {
    const char *name;
    tensor tensor;            /* node 0: not met in this step */
    int32_t is_whole;         /* already brought up to date as a whole */
    tensor looked;            /* the copy of all rows made for looking */
    int32_t n_rows_gradients; /* 0 or 1 */
    row_gradient rows;        /* the first gradient of rows; further ones are added as dense ones */
} parameter;

struct tape {
    recsys_exec *x;
    arena arena;
    recsys_status status;
    const char *file, *operation; /* of the current call */
    int line;
    int32_t recording, training;
    uint64_t seed, step;

    record *records;
    int64_t n_records, record_room;
    tensor *gradient, *aside; /* of node n; `aside` for recsys__tape_gradient_of() */
    int32_t n_nodes;
    int64_t node_room;
    parameter *parameters;
    int64_t n_parameters;
    tensor one;               /* the gradient of a loss with respect to itself, and what stands for it */
    int32_t is_aside;         /* gradients go to `aside`: parameters keep theirs */

    before_read before;
    void *before_self;
    look_rows look;
    void *look_self;
};

/* The parameter behind a tensor, NULL if it is none. */
parameter *recsys__tape_parameter_of(const tape *g, tensor t);

#endif
