/* transfers.c - the host arrays of one operation on their way to the device and back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/transfers.h"

#include "backend/run.h"

static void *share(transfers *t, const void *host, void *host_out, int64_t count, size_t size)
{
    if (host == NULL || t->status < 0)
        return NULL;
    if (t->count == MAX_TRANSFERS) {
        t->status = recsys__fail(&t->x->error, RECSYS_ERR_INTERNAL, "an operation has more than %d arrays", MAX_TRANSFERS);
        return NULL;
    }
    void *device = NULL;
    int copied = 0;
    t->status = recsys__share(t->x, host, count * (int64_t)size, &device, &copied);
    if (t->status < 0)
        return NULL;
    t->at[t->count].device = device;
    t->at[t->count].host_out = host_out;
    t->at[t->count].bytes = count * (int64_t)size;
    t->at[t->count].copied = copied;
    t->count++;
    return device;
}

const void *recsys__bring(transfers *t, const void *host, int64_t count, size_t size)
{
    return share(t, host, NULL, count, size);
}

void *recsys__take(transfers *t, void *host, int64_t count, size_t size)
{
    return share(t, host, host, count, size);
}

recsys_status recsys__transfers_run(transfers *t, const struct op *o)
{
    if (t->status >= 0)
        t->status = recsys__run(t->x, o);
    for (int i = 0; i < t->count; i++) {
        if (!t->at[i].copied)
            continue;
        if (t->status >= 0 && t->at[i].host_out != NULL)
            t->status = recsys__download(t->x, t->at[i].host_out, t->at[i].device, t->at[i].bytes);
        recsys__device_free(t->x->backend, t->x->memory, t->at[i].device);
    }
    return t->status;
}
