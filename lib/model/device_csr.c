/* device_csr.c - sparse matrices by row on the device: uploads, tensors that are one, and the check of such tensors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/device_csr.h"

#include "backend/run.h"

recsys_status recsys__sparse_upload(recsys_exec *x, const csr *A, const float *value, sparse *to)
{
    int64_t E = A->ptr[A->n_rows];
    *to = (sparse){ .n_rows = A->n_rows, .n_columns = A->n_cols, .n_entries = E };
    recsys_status status = recsys__upload(x, A->ptr, (A->n_rows + 1) * (int64_t)sizeof *A->ptr, &to->row_ptr);
    if (status >= 0)
        status = recsys__upload(x, A->col, E * (int64_t)sizeof *A->col, &to->column);
    return status < 0 || value == NULL ? status : recsys__upload(x, value, E * (int64_t)sizeof *value, &to->value);
}

void recsys__sparse_free(struct backend *b, memory *account, const sparse *A)
{
    recsys__device_free(b, account, (void *)(uintptr_t)A->row_ptr);
    recsys__device_free(b, account, (void *)(uintptr_t)A->column);
    recsys__device_free(b, account, (void *)(uintptr_t)A->value);
}

/* ---- tensors of a model ---- */

recsys_status recsys__csr_keep(recsys_exec *x, recsys_model *m, const csr_tensors *t, const csr *A)
{
    int64_t rows = A->n_rows + 1, E = A->ptr[A->n_rows];
    recsys_status status = recsys__model_keep_tensor(x, m, t->ptr, 1, &rows, A->ptr);
    if (status >= 0)
        status = recsys__model_keep_tensor(x, m, t->column, 1, &E, A->col);
    return status < 0 || A->val == NULL ? status : recsys__model_keep_tensor(x, m, t->value, 1, &E, A->val);
}

sparse recsys__csr_on_device(const recsys_model *m, const csr_tensors *t)
{
    const model_tensor *column = recsys__model_tensor(m, t->column), *value = recsys__model_tensor(m, t->value);
    return (sparse){
        .n_rows = t->n_rows,
        .n_columns = t->n_columns,
        .n_entries = column->shape[0],
        .row_ptr = recsys__model_tensor(m, t->ptr)->data,
        .column = column->data,
        .value = value != NULL ? value->data : NULL,
    };
}

/* Without values. */
static recsys_status fetch_pattern(recsys_exec *x, const recsys_model *m, const csr_tensors *t, csr **out)
{
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof **out, out);
    if (status < 0)
        return status;
    (*out)->n_rows = t->n_rows;
    (*out)->n_cols = t->n_columns;
    status = recsys__model_fetch_tensor(x, recsys__model_tensor(m, t->ptr), &(*out)->ptr);
    return status < 0 ? status : recsys__model_fetch_tensor(x, recsys__model_tensor(m, t->column), &(*out)->col);
}

recsys_status recsys__csr_fetch(recsys_exec *x, const recsys_model *m, const csr_tensors *t, csr **out)
{
    const model_tensor *value = recsys__model_tensor(m, t->value);
    csr *A;
    recsys_status status = fetch_pattern(x, m, t, &A);
    if (status >= 0 && value != NULL)
        status = recsys__model_fetch_tensor(x, value, &A->val);
    *out = A;
    if (status < 0) {
        recsys__csr_free(x->memory, A);
        *out = NULL;
    }
    return status;
}

/* ---- the check ---- */

/* What is wrong with a matrix of E entries, NULL if nothing is. */
static const char *fault_of(const csr *A, int64_t E)
{
    if (A->ptr[0] != 0)
        return "do not begin with the first";
    for (int64_t r = 0; r < A->n_rows; r++)
        if (A->ptr[r + 1] < A->ptr[r] || A->ptr[r + 1] > E)
            return "have rows that do not follow each other";
    if (A->ptr[A->n_rows] != E)
        return "have more entries than their rows hold";
    for (int64_t r = 0; r < A->n_rows; r++)
        for (int64_t e = A->ptr[r]; e < A->ptr[r + 1]; e++)
            if (A->col[e] < 0 || A->col[e] >= A->n_cols || (e > A->ptr[r] && A->col[e] <= A->col[e - 1]))
                return "have an index that there is not, or indices that do not ascend";
    return NULL;
}

recsys_status recsys__csr_check(recsys_exec *x, const recsys_model *m, const csr_tensors *t)
{
    const model_tensor *ptr = recsys__model_tensor(m, t->ptr), *column = recsys__model_tensor(m, t->column);
    const model_tensor *value = recsys__model_tensor(m, t->value);
    const char *fault = NULL;
    csr *A = NULL;
    recsys_status status = RECSYS_OK;
    if (ptr == NULL || column == NULL || (value == NULL && !t->may_lack_values))
        fault = "are missing";
    else if (!recsys__is_vector(ptr, RECSYS_I64, t->n_rows + 1) || !recsys__is_vector(column, RECSYS_I32, column->shape[0])
             || (value != NULL && !recsys__is_vector(value, RECSYS_F32, column->shape[0])))
        fault = "have the wrong shape";
    if (fault == NULL)
        status = fetch_pattern(x, m, t, &A);
    if (fault == NULL && status >= 0)
        fault = fault_of(A, column->shape[0]);
    recsys__csr_free(x->memory, A);
    return fault == NULL ? status
                         : recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: %s %s", m->class->name, t->what, fault);
}
