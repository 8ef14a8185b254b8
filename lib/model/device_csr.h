/* device_csr.h - sparse matrices by row on the device: brought there, and kept as three tensors of a model.
 *
 * N rows, E entries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DEVICE_CSR_H
#define MODEL_DEVICE_CSR_H

#include "model/model.h"
#include "tensor/tensor.h"

/* The pattern of A with these values (host, E; NULL: 1 everywhere) in new device memory. After a failure, too, *to is
 * to be freed. */
recsys_status recsys__sparse_upload(recsys_exec *x, const csr *A, const float *value, sparse *to);
void recsys__sparse_free(struct backend *b, memory *account, const sparse *A);

/* ---- tensors of a model ---- */

/* Which tensors are a matrix, and of which shape it is. */
typedef struct csr_tensors {
    const char *what;                 /* begins messages: "the interactions" */
    const char *ptr, *column, *value; /* names: N + 1 where rows begin and the last ends, E columns, E values */
    int64_t n_rows, n_columns;
    int32_t may_lack_values;          /* 1: without the tensor of values all are 1 */
} csr_tensors;

/* Makes the tensors of A; without values there is none for them. */
recsys_status recsys__csr_keep(recsys_exec *x, recsys_model *m, const csr_tensors *t, const csr *A);

/* ERR_FILE_FORMAT unless they are there and the kernels can trust them: rows follow each other from 0 to E, and columns ascend
 * within a row. */
recsys_status recsys__csr_check(recsys_exec *x, const recsys_model *m, const csr_tensors *t);

/* The matrix that has passed the check: where it lies, and a copy on the host that is freed by recsys__csr_free(). */
sparse recsys__csr_on_device(const recsys_model *m, const csr_tensors *t);
recsys_status recsys__csr_fetch(recsys_exec *x, const recsys_model *m, const csr_tensors *t, csr **out);

#endif
