/* tensor.h - tensors: dense row-major arrays in device memory, and sparse matrices beside them.
 *
 * A tensor is a small value that is passed by copy; the memory belongs to the tape's arena, to a model or to a batch.
 * Host code never follows `data`. A failed operation gives the empty tensor (data NULL), and operations on it do nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include <stdint.h>

#include <recsys/model.h> /* element types */

enum { TENSOR_MAX_RANK = 4 };

typedef struct tensor {
    void *data;                       /* device memory; NULL: the empty tensor */
    int32_t dtype;                    /* RECSYS_F32 or RECSYS_I32 */
    int32_t rank;
    int64_t shape[TENSOR_MAX_RANK];   /* 1 beyond `rank` */
    int32_t node;                     /* its place on the tape; 0: nothing leads to a gradient */
} tensor;

static inline int64_t tensor_elements(const tensor *t)
{
    return t->shape[0] * t->shape[1] * t->shape[2] * t->shape[3];
}

/* A vector counts as one column: rows x columns, with all dimensions after the first in the columns. */
static inline int64_t tensor_rows(const tensor *t) { return t->shape[0]; }
static inline int64_t tensor_columns(const tensor *t) { return t->shape[1] * t->shape[2] * t->shape[3]; }

static inline float *tensor_floats(const tensor *t) { return t->data; }
static inline int32_t *tensor_ints(const tensor *t) { return t->data; }

/* A sparse matrix in device memory: N rows, M columns, E entries; columns ascend within a row. */
typedef struct sparse {
    int64_t n_rows, n_columns, n_entries;
    const int64_t *row_ptr; /* N + 1 */
    const int32_t *column;  /* E */
    const float *value;     /* E; NULL: 1 everywhere */
    const struct sparse *transposed; /* M x N, the same matrix, for gradients; NULL: not kept, and an index is made of it */
} sparse;

#endif
