/* dlpack.c - tensors that go in and out without a copy, in the layout of DLPack.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/dlpack.h"

#include <dlpack/dlpack.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* Where a backend's memory is, in DLPack's terms. */
static DLDevice place_of(const backend *b)
{
    DLDevice d = { kDLCPU, 0 };
    if (strncmp(b->name, "cuda:", 5) == 0) {
        d.device_type = kDLCUDA;
        d.device_id = atoi(b->name + 5);
    }
    return d;
}

static recsys_status check_place(recsys_exec *x, const char *name, const DLTensor *t)
{
    DLDevice here = place_of(x->backend);
    int on_host = here.device_type == kDLCPU && (t->device.device_type == kDLCPU || t->device.device_type == kDLCUDAHost);
    if (on_host || (t->device.device_type == here.device_type && t->device.device_id == here.device_id))
        return RECSYS_OK;
    return recsys__fail(&x->error, RECSYS_ERR_DEVICE, "%s: the array is on DLPack device %d:%d, and the exec works on \"%s\"",
                        name, (int)t->device.device_type, (int)t->device.device_id, x->backend->name);
}

static recsys_status check_layout(recsys_exec *x, const char *name, int64_t rows, int64_t dim, const DLTensor *t)
{
    if (t->dtype.code != kDLFloat || t->dtype.bits != 32 || t->dtype.lanes != 1)
        return recsys__fail(&x->error, RECSYS_ERR_TYPE, "%s: the array is not of float32", name);
    if (t->ndim != 2 || t->shape[0] != rows || t->shape[1] < 1 || t->shape[1] > INT32_MAX || (dim > 0 && t->shape[1] != dim))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the array has %lld x %lld elements in %d dimensions, "
                            "wanted are %lld rows%s", name, (long long)(t->ndim > 0 ? t->shape[0] : 0),
                            (long long)(t->ndim > 1 ? t->shape[1] : 0), (int)t->ndim, (long long)rows,
                            dim > 0 ? " as long as the users'" : "");
    if (t->strides != NULL && rows > 0 && (t->strides[1] != 1 || (rows > 1 && t->strides[0] != t->shape[1])))
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the array has gaps between its elements", name);
    if (((uintptr_t)t->data + t->byte_offset) % ALIGNMENT != 0)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "%s: the array is not aligned to %d bytes", name,
                            ALIGNMENT);
    return RECSYS_OK;
}

recsys_status recsys__dlpack_borrow(recsys_exec *x, recsys_model *m, const char *name, int64_t rows, int64_t *dim,
                                    const DLManagedTensor *from)
{
    const DLTensor *t = &from->dl_tensor;
    recsys_status status = check_place(x, name, t);
    if (status >= 0)
        status = check_layout(x, name, rows, *dim, t);
    if (status < 0)
        return status;
    *dim = t->shape[1];
    status = recsys__model_new_tensor(x, m, name, 2, (int64_t[]){ rows, *dim }, (char *)t->data + t->byte_offset);
    if (status >= 0)
        m->tensors.at[m->tensors.count - 1].borrowed = 1;
    return status;
}

void recsys__dlpack_keep(recsys_model *m, DLManagedTensor *users, DLManagedTensor *items)
{
    m->lent[0] = users;
    m->lent[1] = items;
}

void recsys__dlpack_give_back(recsys_model *m)
{
    for (int i = 0; i < 2; i++)
        if (m->lent[i] != NULL && m->lent[i]->deleter != NULL)
            m->lent[i]->deleter(m->lent[i]);
}

/* ---- out ---- */

/* What is handed out, and what it keeps. */
typedef struct shown {
    DLManagedTensor tensor;
    recsys_model *model;
    memory *account;
    int64_t shape[4];
} shown;

static void forget(DLManagedTensor *t)
{
    shown *s = t->manager_ctx;
    recsys_model *m = s->model;
    memory *account = s->account;
    recsys__free(account, s);
    recsys__memory_release(account);
    recsys_model_release(m);
}

recsys_status recsys_model_tensor_dlpack(const recsys_model *m, recsys_exec *x, const char *name, DLManagedTensor **tensor)
{
    if (x == NULL || tensor == NULL)
        return RECSYS_ERR_INVALID_ARGUMENT;
    *tensor = NULL;
    if (m == NULL || name == NULL)
        return recsys__fail(&x->error, RECSYS_ERR_INVALID_ARGUMENT, "recsys_model_tensor_dlpack: an argument is NULL");
    recsys_status status = recsys__check_device(x, m);
    const model_tensor *t = NULL;
    if (status >= 0)
        status = recsys__model_stored_tensor(x, m, name, &t);
    shown *s = NULL;
    if (status >= 0)
        status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *s, &s);
    if (status < 0)
        return status;
    s->model = recsys_model_retain((recsys_model *)(uintptr_t)m);
    s->account = recsys__memory_retain(x->memory);
    memcpy(s->shape, t->shape, sizeof s->shape);
    s->tensor.manager_ctx = s;
    s->tensor.deleter = forget;
    s->tensor.dl_tensor.data = t->data;
    s->tensor.dl_tensor.device = place_of(m->backend);
    s->tensor.dl_tensor.ndim = t->rank;
    s->tensor.dl_tensor.dtype.code = t->dtype == RECSYS_F32 ? kDLFloat : kDLInt;
    s->tensor.dl_tensor.dtype.bits = (uint8_t)(8 * recsys__dtype_size(t->dtype));
    s->tensor.dl_tensor.dtype.lanes = 1;
    s->tensor.dl_tensor.shape = s->shape;
    *tensor = &s->tensor;
    return RECSYS_OK;
}
