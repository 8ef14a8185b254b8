/* exec.c - making, reading and cancelling execs.
 *
 * What running code asks of an exec is in base/exec.c and backend/run.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <recsys/cuda.h>
#include <recsys/exec.h>

#include "backend/devices.h"
#include "backend/registry.h"
#include "backend/run.h"
#include "base/parallel.h"
#include "base/scratch.h"
#include "base/struct.h"

/* More threads than this only take stacks; an OpenMP run-time that cannot start a thread ends the process. */
enum { THREADS_MAX = 1024 };

static recsys_status check_options(error *e, const recsys_exec_options *o)
{
    if (o->threads < 0 || o->threads > THREADS_MAX)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "threads is %d: 0 (all processors) to %d is possible",
                            (int)o->threads, THREADS_MAX);
    if (o->memory_limit < 0)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "memory_limit is %lld: bytes, or 0 for the machine's memory",
                            (long long)o->memory_limit);
    if (o->reserved != 0) return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_exec_options: reserved is not 0");
    return RECSYS_OK;
}

static recsys_status open_queue(recsys_exec *x, error *e, void *stream)
{
    struct backend *b = x->backend;
    if (b->queue_open) return b->queue_open(b->self, x->env->memory, e, stream, &x->queue);
    if (!stream) return RECSYS_OK;
    return recsys__fail(e, RECSYS_ERR_DEVICE, "the device \"%s\" has no streams", b->name);
}

static recsys_status create(recsys_env *env, error *e, const recsys_exec_options *given, void *stream, recsys_exec **out)
{
    recsys_exec_options o;
    recsys_status s = recsys__struct_in(e, "recsys_exec_options", given, sizeof(size_t), &o, sizeof o);
    if (!s) s = check_options(e, &o);
    struct backend *b = NULL;
    error why = {0};
    if (!s) s = recsys__devices_find(env->devices, e, o.device, &why, &b);
    if (s) return s;

    int64_t limit = o.memory_limit > 0 ? o.memory_limit : recsys__physical_memory() + b->memory_bytes;
    memory *m = recsys__memory_open(&env->allocator, limit);
    if (!m) return recsys__fail(e, RECSYS_ERR_NO_MEMORY, "the allocator returned no memory for an exec");
    recsys_exec *x;
    s = recsys__alloc_zero(env->memory, e, 1, sizeof *x, &x);
    if (s) {
        recsys__memory_release(m);
        return s;
    }
    atomic_init(&x->refs, 1);
    atomic_init(&x->cancelled, 0);
    x->env = recsys_env_retain(env);
    x->memory = m;
    x->backend = b;
    x->threads = o.threads > 0 ? o.threads : recsys__processors();
    if (x->threads > THREADS_MAX) x->threads = THREADS_MAX;
    x->simd = INT32_MAX;
    x->seed = o.seed;
    x->progress = o.progress;
    x->progress_user = o.progress_user;
    s = open_queue(x, e, stream);
    if (s) {
        recsys_exec_release(x);
        return s;
    }
    if (why.status) recsys__log(x, RECSYS_LOG_INFO, "backend", "device auto is %s: %s", b->name, why.message);
    *out = x;
    return RECSYS_OK;
}

recsys_status recsys_exec_create_on_stream(recsys_env *env, const recsys_exec_options *options, void *stream,
                                           recsys_exec **exec, recsys_error_info *info)
{
    error e = {0};
    recsys_status s;
    if (exec) *exec = NULL;
    if (env && exec) s = create(env, &e, options, stream, exec);
    else s = recsys__fail(&e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_exec_create: %s is NULL", env ? "exec" : "env");
    if (s && info) recsys__error_copy(&e, info);
    return s;
}

recsys_status recsys_exec_create(recsys_env *env, const recsys_exec_options *options, recsys_exec **exec,
                                 recsys_error_info *info)
{
    return recsys_exec_create_on_stream(env, options, NULL, exec, info);
}

recsys_exec *recsys_exec_retain(recsys_exec *exec)
{
    if (exec) atomic_fetch_add_explicit(&exec->refs, 1, memory_order_relaxed);
    return exec;
}

void recsys_exec_release(recsys_exec *exec)
{
    if (!exec || atomic_fetch_sub_explicit(&exec->refs, 1, memory_order_acq_rel) != 1) return;
    recsys_env *env = exec->env;
    if (exec->scoring_tape) exec->free_tape(exec->scoring_tape);
    recsys__drop_workspace(exec);
    recsys__drop_device_scratch(exec);
    recsys__scratch_free(exec);
    if (exec->queue) exec->backend->queue_close(exec->backend->self, env->memory, exec->queue);
    recsys__memory_release(exec->memory);
    recsys__free(env->memory, exec);
    recsys_env_release(env);
}

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "recsys_exec_cancel() must be safe in a signal handler");

void recsys_exec_cancel(recsys_exec *exec)
{
    if (exec) atomic_store_explicit(&exec->cancelled, 1, memory_order_relaxed);
}

void recsys_exec_reset_cancel(recsys_exec *exec)
{
    if (exec) atomic_store_explicit(&exec->cancelled, 0, memory_order_relaxed);
}

recsys_status recsys_exec_last_error(const recsys_exec *exec, recsys_error_info *info)
{
    return exec ? recsys__error_copy(&exec->error, info) : RECSYS_ERR_INVALID_ARGUMENT;
}

recsys_status recsys_exec_memory(const recsys_exec *exec, recsys_memory_info *info)
{
    if (!exec || !info) return RECSYS_ERR_INVALID_ARGUMENT;
    recsys_memory_info own = RECSYS_MEMORY_INFO_INIT;
    own.used = recsys__memory_used(exec->memory);
    own.peak = recsys__memory_peak(exec->memory);
    own.limit = recsys__memory_limit(exec->memory);
    return recsys__struct_out(NULL, "recsys_memory_info", &own, sizeof own, info);
}

void recsys_exec_reset_peak(recsys_exec *exec)
{
    if (exec) recsys__memory_reset_peak(exec->memory);
}

int32_t recsys_exec_threads(const recsys_exec *exec)
{
    return exec ? exec->threads : 0;
}

recsys_env *recsys_exec_env(const recsys_exec *exec)
{
    return exec ? exec->env : NULL;
}
