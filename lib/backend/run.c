/* run.c - one operation on an exec's device, and the device memory it works on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/run.h"

#include <string.h>

/* ---- device memory ---- */

recsys_status recsys__device_alloc(recsys_exec *x, int64_t count, size_t size, void *out)
{
    void *p = NULL;
    memcpy(out, &p, sizeof p);
    if (count < 0 || (size > 0 && (uint64_t)count > (uint64_t)PTRDIFF_MAX / size))
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "%lld elements of %zu bytes are more memory than can be addressed",
                            (long long)count, size);
    recsys_status s = x->backend->alloc(x->backend->self, x->memory, &x->error, (size_t)count * size, &p);
    if (!s) memcpy(out, &p, sizeof p);
    return s;
}

void recsys__device_free(struct backend *b, memory *account, void *p)
{
    if (p) b->free(b->self, account, p);
}

recsys_status recsys__upload(recsys_exec *x, const void *host, int64_t bytes, void *out)
{
    void *p;
    recsys_status s = recsys__device_alloc(x, bytes, 1, &p);
    if (!s && bytes > 0) s = x->backend->copy_in(x->backend->self, x->queue, &x->error, p, host, (size_t)bytes);
    if (s) {
        recsys__device_free(x->backend, x->memory, p);
        p = NULL;
    }
    memcpy(out, &p, sizeof p);
    return s;
}

recsys_status recsys__device_scratch(recsys_exec *x, int64_t count, size_t size, void *out)
{
    recsys_status s = RECSYS_OK;
    if (x->device_scratch == NULL || count > x->device_scratch_bytes / (int64_t)size) {
        recsys__drop_device_scratch(x);
        s = recsys__device_alloc(x, count, size, &x->device_scratch);
        if (!s) x->device_scratch_bytes = count * (int64_t)size;
    }
    memcpy(out, &x->device_scratch, sizeof x->device_scratch);
    return s;
}

void recsys__drop_device_scratch(recsys_exec *x)
{
    recsys__device_free(x->backend, x->memory, x->device_scratch);
    x->device_scratch = NULL;
    x->device_scratch_bytes = 0;
}

recsys_status recsys__copy_in(recsys_exec *x, void *to, const void *host, int64_t bytes)
{
    if (bytes <= 0) return RECSYS_OK;
    return x->backend->copy_in(x->backend->self, x->queue, &x->error, to, host, (size_t)bytes);
}

recsys_status recsys__download(recsys_exec *x, void *host, const void *from, int64_t bytes)
{
    if (bytes <= 0) return RECSYS_OK;
    return x->backend->copy_out(x->backend->self, x->queue, &x->error, host, from, (size_t)bytes);
}

recsys_status recsys__device_fill(recsys_exec *x, void *to, int byte, int64_t bytes)
{
    if (bytes <= 0) return RECSYS_OK;
    return x->backend->fill(x->backend->self, x->queue, &x->error, to, byte, (size_t)bytes);
}

recsys_status recsys__finish(recsys_exec *x)
{
    return x->backend->queue_wait ? x->backend->queue_wait(x->backend->self, x->queue, &x->error) : RECSYS_OK;
}

recsys_status recsys__share(recsys_exec *x, const void *host, int64_t bytes, void *out, int *copied)
{
    void *p = NULL;
    *copied = 0;
    recsys_status s = RECSYS_OK;
    if (x->backend->wrap) s = x->backend->wrap(x->backend->self, &x->error, host, (size_t)bytes, &p);
    if (!s && !p) {
        s = recsys__upload(x, host, bytes, &p);
        *copied = s == RECSYS_OK;
    }
    if (s) p = NULL;
    memcpy(out, &p, sizeof p);
    return s;
}

/* ---- running ---- */

void recsys__drop_workspace(recsys_exec *x)
{
    recsys__device_free(x->backend, x->memory, x->workspace);
    x->workspace = NULL;
    x->workspace_bytes = 0;
}

int64_t recsys__run_workspace(const recsys_exec *x, const op *o)
{
    size_t bytes = x->backend->workspace(x->backend->self, o, x->threads);
    return bytes > (size_t)PTRDIFF_MAX ? (int64_t)PTRDIFF_MAX : (int64_t)bytes;
}

/* The old workspace goes before the new one comes: nothing in it is worth keeping, and both together may not fit. */
static recsys_status grow_workspace(recsys_exec *x, int64_t bytes)
{
    if (bytes <= x->workspace_bytes) return RECSYS_OK;
    recsys__drop_workspace(x);
    recsys_status s = recsys__device_alloc(x, bytes, 1, &x->workspace);
    if (!s) x->workspace_bytes = bytes;
    return s;
}

static int host_cancelled(void *host)
{
    return recsys__cancelled(host);
}

static recsys_status host_progress(void *host, int64_t done, int64_t total)
{
    return recsys__progress(host, done, total);
}

static void trace(recsys_exec *x, const op *o, const op_context *c, double seconds)
{
    char shape[256];
    recsys__op_shape(o, shape, sizeof shape);
    long long microseconds = (long long)(seconds * 1e6);
    recsys__log(x, RECSYS_LOG_TRACE, "backend", "%s %s %s%s%s %lld.%06lld s, workspace %lld bytes, %lld bytes in use",
                recsys__op_name(o->number), shape, x->backend->name, c->rung ? ":" : "", c->rung ? c->rung : "",
                microseconds / 1000000, microseconds % 1000000, (long long)c->workspace_bytes,
                (long long)recsys__memory_used(x->memory));
}

recsys_status recsys__run(recsys_exec *x, const op *o)
{
    struct backend *b = x->backend;
    if (recsys__cancelled(x)) return recsys__fail_cancelled(x);
    recsys_status s = b->supports(b->self, &x->error, o);
    if (s) return s;
    int64_t bytes = recsys__run_workspace(x, o);
    s = grow_workspace(x, bytes);
    if (s) return s;

    op_context c = {
        .struct_size = sizeof c,
        .threads = x->threads,
        .simd = x->simd,
        .memory = x->memory,
        .workspace = bytes > 0 ? x->workspace : NULL,
        .workspace_bytes = (size_t)bytes,
        .error = &x->error,
        .host = x,
        .cancelled = host_cancelled,
        .progress = host_progress,
        .queue = x->queue,
    };
    double start = recsys__seconds();
    s = b->run(b->self, &c, o);
    if (s == RECSYS_ERR_CANCELLED) return recsys__fail_cancelled(x);
    if (!s) trace(x, o, &c, recsys__seconds() - start);
    return s;
}
