/* env.c - the environment: what the program gave, and the devices of this machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE 1 /* madvise */
#include <recsys/env.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/devices.h"
#include "backend/registry.h"
#include "base/struct.h"

/* Large blocks ask for huge pages: gathers over gigabytes otherwise spend their time in address translation. */
static void *default_alloc(void *user, size_t size, size_t alignment)
{
    enum { HUGE_PAGE = 1 << 21, LARGE = 4 * HUGE_PAGE };
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, size >= LARGE ? HUGE_PAGE : alignment, size) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    if (size >= LARGE) (void)madvise(p, size, MADV_HUGEPAGE);
#endif
    return p;
}

static void default_free(void *user, void *p, size_t size, size_t alignment)
{
    (void)user, (void)size, (void)alignment;
    free(p);
}

/* The program's options in our version of the structs, with defaults put in. */
static recsys_status take_options(error *e, const recsys_env_options *given, recsys_env_options *options,
                                  recsys_allocator *allocator)
{
    recsys_status s = recsys__struct_in(e, "recsys_env_options", given, sizeof(size_t), options, sizeof *options);
    if (s) return s;
    s = recsys__struct_in(e, "recsys_allocator", options->allocator, sizeof *allocator, allocator, sizeof *allocator);
    if (s) return s;
    if (!options->allocator) {
        allocator->alloc = default_alloc;
        allocator->free = default_free;
    }
    if (!allocator->alloc || !allocator->free)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_allocator needs both functions, alloc and free");
    if (options->log_level < RECSYS_LOG_DEFAULT || options->log_level > RECSYS_LOG_TRACE)
        return recsys__fail(e, RECSYS_ERR_INVALID_ARGUMENT, "log_level %d is none of RECSYS_LOG_*", (int)options->log_level);
    if (options->log_level == RECSYS_LOG_DEFAULT) options->log_level = RECSYS_LOG_WARNING;
    return RECSYS_OK;
}

static recsys_status create(error *e, const recsys_env_options *given, recsys_env **out)
{
    recsys_env_options options;
    recsys_allocator allocator;
    recsys_status s = take_options(e, given, &options, &allocator);
    if (s) return s;

    memory *m = recsys__memory_open(&allocator, 0);
    if (!m) return recsys__fail(e, RECSYS_ERR_NO_MEMORY, "the allocator returned no memory for an environment");
    recsys_env *env = NULL;
    struct backend *cpu = NULL;
    s = recsys__alloc_zero(m, e, 1, sizeof *env, &env);
    if (!s && !(cpu = recsys__cpu_backend(m, e))) s = e->status ? e->status : RECSYS_ERR_DEVICE;
    if (!s) s = recsys__devices_create(m, e, cpu, &env->devices);
    if (s) {
        recsys__cpu_backend_close(m, cpu);
        recsys__free(m, env);
        recsys__memory_release(m);
        return s;
    }
    atomic_init(&env->refs, 1);
    env->allocator = allocator;
    env->memory = m;
    env->log = options.log;
    env->log_user = options.log_user;
    env->log_level = options.log_level;
    env->cpu = cpu;
    *out = env;
    return RECSYS_OK;
}

recsys_status recsys_env_create(const recsys_env_options *options, recsys_env **env, recsys_error_info *info)
{
    error e = {0};
    recsys_status s;
    if (env) {
        *env = NULL;
        s = create(&e, options, env);
    } else {
        s = recsys__fail(&e, RECSYS_ERR_INVALID_ARGUMENT, "recsys_env_create: env is NULL");
    }
    if (s && info) recsys__error_copy(&e, info);
    return s;
}

recsys_env *recsys_env_retain(recsys_env *env)
{
    if (env) atomic_fetch_add_explicit(&env->refs, 1, memory_order_relaxed);
    return env;
}

void recsys_env_release(recsys_env *env)
{
    if (!env || atomic_fetch_sub_explicit(&env->refs, 1, memory_order_acq_rel) != 1) return;
    memory *m = env->memory;
    recsys__devices_destroy(m, env->devices);
    recsys__cpu_backend_close(m, env->cpu);
    recsys__free(m, env);
    recsys__memory_release(m);
}

/* ---- devices ---- */

int64_t recsys__physical_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (int64_t)pages * (int64_t)page : 0;
}

int64_t recsys_env_device_count(const recsys_env *env)
{
    return env ? recsys__devices_count(env->devices) : 0;
}

recsys_status recsys_env_device(const recsys_env *env, int64_t index, recsys_device_info *info)
{
    if (!env || !info) return RECSYS_ERR_INVALID_ARGUMENT;
    /* Half a name would not be terminated. */
    if (info->struct_size < sizeof *info) return RECSYS_ERR_STRUCT_SIZE;
    recsys_device_info own = RECSYS_DEVICE_INFO_INIT;
    error e = {0};
    recsys_status s = recsys__devices_describe(env->devices, &e, index, &own);
    return s ? s : recsys__struct_out(NULL, "recsys_device_info", &own, sizeof own, info);
}
