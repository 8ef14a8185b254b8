/* tensors.c - the tensors of a model, by name: listing, reading, replacing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "backend/run.h"
#include "base/struct.h"
#include "base/text.h"
#include "model/model.h"

size_t recsys__dtype_size(int32_t dtype)
{
    return dtype == RECSYS_I64 ? 8 : 4;
}

int64_t recsys__tensor_elements(const model_tensor *t)
{
    int64_t n = 1;
    for (int32_t d = 0; d < t->rank; d++)
        n *= t->shape[d];
    return n;
}

int recsys__is_vector(const model_tensor *t, int32_t dtype, int64_t n)
{
    return t != NULL && t->dtype == dtype && t->rank == 1 && t->shape[0] == n;
}

const tensor_kind *recsys__tensor_kind(const struct model_class *c, const char *name)
{
    for (int64_t k = 0; k < c->n_tensors; k++)
        if (strcmp(c->tensors[k].name, name) == 0) return &c->tensors[k];
    return NULL;
}

static int64_t bytes_of(const model_tensor *t)
{
    return recsys__tensor_elements(t) * (int64_t)recsys__dtype_size(t->dtype);
}

recsys_status recsys__model_new_tensor(recsys_exec *x, recsys_model *m, const char *name, int32_t rank, const int64_t *shape,
                                       void *data)
{
    const tensor_kind *kind = recsys__tensor_kind(m->class, name);
    if (kind == NULL || m->tensors.count == MODEL_MAX_TENSORS)
        return recsys__fail(&x->error, RECSYS_ERR_INTERNAL, "%s has no tensor %s, or too many", m->class->name, name);
    model_tensor *t = &m->tensors.at[m->tensors.count++];
    *t = (model_tensor){ .name = kind->name, .doc = kind->doc, .dtype = kind->dtype, .rank = rank, .shape = { 1, 1, 1, 1 } };
    t->data = data;
    memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
    return RECSYS_OK;
}

recsys_status recsys__model_keep_tensor(recsys_exec *x, recsys_model *m, const char *name, int32_t rank, const int64_t *shape,
                                        const void *host)
{
    recsys_status status = recsys__model_new_tensor(x, m, name, rank, shape, NULL);
    if (status < 0)
        return status;
    model_tensor *t = &m->tensors.at[m->tensors.count - 1];
    status = recsys__upload(x, host, bytes_of(t), &t->data);
    if (status < 0)
        m->tensors.count--;
    return status;
}

recsys_status recsys__model_fetch_tensor(recsys_exec *x, const model_tensor *t, void *out)
{
    void *host = NULL;
    recsys_status status = recsys__alloc(x->memory, &x->error, bytes_of(t), 1, &host);
    if (status >= 0)
        status = recsys__download(x, host, t->data, bytes_of(t));
    if (status < 0) {
        recsys__free(x->memory, host);
        host = NULL;
    }
    memcpy(out, &host, sizeof host);
    return status;
}

const model_tensor *recsys__model_tensor(const recsys_model *m, const char *name)
{
    for (int64_t t = 0; t < m->tensors.count; t++)
        if (strcmp(m->tensors.at[t].name, name) == 0)
            return &m->tensors.at[t];
    return NULL;
}

static int find_derived(const recsys_model *m, int64_t index, derived_tensor *t)
{
    return m->class->derived != NULL && index >= 0 && m->class->derived(m, index, t);
}

static int derived_by_name(const recsys_model *m, const char *name, derived_tensor *t)
{
    for (int64_t i = 0; find_derived(m, i, t); i++)
        if (strcmp(t->name, name) == 0)
            return 1;
    return 0;
}

static recsys_status unknown_tensor(const recsys_model *m, recsys_exec *x, const char *name)
{
    const char *names[MODEL_MAX_TENSORS + 4];
    int64_t count = 0;
    derived_tensor d;
    for (int64_t t = 0; t < m->tensors.count; t++)
        names[count++] = m->tensors.at[t].name;
    for (int64_t i = 0; i < 4 && find_derived(m, i, &d); i++)
        names[count++] = d.name;
    return recsys__fail(&x->error, RECSYS_ERR_UNKNOWN_KEY, "%s has no tensor \"%.60s\"; did you mean \"%s\"?", m->class->name,
                        name, recsys__nearest(name, names, count));
}

int64_t recsys_model_tensor_count(const recsys_model *m)
{
    if (m == NULL)
        return 0;
    derived_tensor d;
    int64_t derived = 0;
    while (find_derived(m, derived, &d))
        derived++;
    return m->tensors.count + derived;
}

recsys_status recsys_model_tensor_info(const recsys_model *m, int64_t index, recsys_tensor_info *info)
{
    recsys_tensor_info own = { .struct_size = sizeof own, .shape = { 1, 1, 1, 1 } };
    derived_tensor d;
    if (m == NULL || info == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (index >= 0 && index < m->tensors.count) {
        const model_tensor *t = &m->tensors.at[index];
        own.name = t->name;
        own.doc = t->doc;
        own.dtype = t->dtype;
        own.rank = t->rank;
        memcpy(own.shape, t->shape, sizeof own.shape);
    } else if (find_derived(m, index - m->tensors.count, &d)) {
        own.name = d.name;
        own.doc = d.doc;
        own.dtype = RECSYS_F32;
        own.rank = 2;
        own.shape[0] = d.n_rows;
        own.shape[1] = d.row_size;
        own.derived = 1;
    } else {
        return RECSYS_ERR_OUT_OF_RANGE;
    }
    return recsys__struct_out(NULL, "recsys_tensor_info", &own, sizeof own, info);
}

static recsys_status check_rows(recsys_exec *x, const char *name, int64_t rows, int64_t first_row, int64_t n_rows)
{
    if (first_row >= 0 && n_rows >= 0 && first_row <= rows && n_rows <= rows - first_row)
        return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_OUT_OF_RANGE, "%s has %lld rows; %lld rows from row %lld were asked for", name,
                        (long long)rows, (long long)n_rows, (long long)first_row);
}

recsys_status recsys_model_read_tensor(const recsys_model *m, recsys_exec *x, const char *name, int64_t first_row,
                                       int64_t n_rows, void *buffer)
{
    if (x == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    if (m == NULL || name == NULL || (buffer == NULL && n_rows > 0))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_read_tensor: an argument is NULL");
    if (recsys__cancelled(x))
        return recsys__fail_cancelled(x);
    const model_tensor *t = recsys__model_tensor(m, name);
    derived_tensor d;
    recsys_status status = recsys__check_device(x, m);
    if (status < 0)
        return status;
    if (t != NULL) {
        status = check_rows(x, name, t->shape[0], first_row, n_rows);
        if (status < 0 || n_rows == 0)
            return status;
        int64_t row_bytes = recsys__tensor_elements(t) / t->shape[0] * (int64_t)recsys__dtype_size(t->dtype);
        return recsys__download(x, buffer, (const char *)t->data + first_row * row_bytes, n_rows * row_bytes);
    }
    if (!derived_by_name(m, name, &d))
        return unknown_tensor(m, x, name);
    status = check_rows(x, name, d.n_rows, first_row, n_rows);
    return status < 0 ? status : m->class->read_derived(x, m, name, first_row, n_rows, buffer);
}

recsys_status recsys__model_stored_tensor(recsys_exec *x, const recsys_model *m, const char *name, const model_tensor **out)
{
    derived_tensor d;
    *out = recsys__model_tensor(m, name);
    if (*out != NULL)
        return RECSYS_OK;
    if (!derived_by_name(m, name, &d))
        return unknown_tensor(m, x, name);
    return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED,
                        "%s is computed when it is read: recsys_model_read_tensor() copies it", name);
}

/* A model's own copy of a tensor, with the contents of `host` or of the old tensor. */
static recsys_status copy_tensor(recsys_exec *x, recsys_model *to, const model_tensor *t, const void *host)
{
    void *old = NULL;
    recsys_status status = host != NULL ? RECSYS_OK : recsys__model_fetch_tensor(x, t, &old);
    if (status >= 0)
        status = recsys__model_keep_tensor(x, to, t->name, t->rank, t->shape, host != NULL ? host : old);
    recsys__free(x->memory, old);
    return status;
}

recsys_status recsys__model_copy_tensor(recsys_exec *x, recsys_model *to, const model_tensor *t)
{
    return copy_tensor(x, to, t, NULL);
}

recsys_status recsys__model_copy(recsys_exec *x, const recsys_model *m, const model_tensor *replaced, const void *data,
                                 recsys_model **out)
{
    recsys_model *copy = NULL;
    recsys_status status = recsys__model_create(x, m->class, m->params, m->users, m->items, &copy);
    for (int64_t t = 0; status >= 0 && t < m->tensors.count; t++)
        status = copy_tensor(x, copy, &m->tensors.at[t], &m->tensors.at[t] == replaced ? data : NULL);
    if (status >= 0 && m->has_histories)
        status = recsys__model_keep_histories(x, copy, &m->histories);
    if (status < 0) {
        recsys_model_release(copy);
        copy = NULL;
    }
    *out = copy;
    return status;
}

static recsys_status check_finite(recsys_exec *x, const model_tensor *t, const void *data)
{
    const float *f = data;
    int64_t n = t->dtype == RECSYS_F32 ? recsys__tensor_elements(t) : 0;
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(f[i]))
            return recsys__fail(&x->error, RECSYS_ERR_NUMERIC, "%s: element %lld is not finite", t->name, (long long)i);
    return RECSYS_OK;
}

recsys_status recsys_model_with_tensor(const recsys_model *m, recsys_exec *x, const char *name, const void *data,
                                       recsys_model **result)
{
    if (x == NULL || result == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *result = NULL;
    if (m == NULL || name == NULL || data == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_with_tensor: an argument is NULL");
    if (recsys__cancelled(x))
        return recsys__fail_cancelled(x);
    const model_tensor *replaced = recsys__model_tensor(m, name);
    derived_tensor d;
    if (replaced == NULL && derived_by_name(m, name, &d))
        return recsys__fail(&x->error, RECSYS_ERR_UNSUPPORTED, "%s is computed from other tensors and cannot be replaced",
                            name);
    if (replaced == NULL)
        return unknown_tensor(m, x, name);
    recsys_model *copy = NULL;
    recsys_status status = recsys__check_device(x, m);
    if (status >= 0)
        status = check_finite(x, replaced, data);
    if (status >= 0)
        status = recsys__model_copy(x, m, replaced, data, &copy);
    if (status >= 0)
        status = recsys__model_complete(x, copy);
    if (status < 0)
        recsys_model_release(copy);
    else
        *result = copy;
    return status;
}
