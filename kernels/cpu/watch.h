/* watch.h - what parallel loops of a kernel share: how much is done, and whether to stop.
 *
 * Any thread may ask and count; reports go out on the calling thread alone: thread 0 of the team.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_WATCH_H
#define KERNELS_CPU_WATCH_H

#include <omp.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "backend/backend.h"

typedef struct watch {
    op_context *c;
    int64_t total;
    int level; /* of nesting where the work began: the caller may itself be inside a parallel region */
    atomic_llong done;
    atomic_int status; /* not 0: what is left is to be skipped */
} watch;

static inline void watch_begin(watch *w, op_context *c, int64_t total)
{
    w->c = c;
    w->total = total;
    w->level = omp_get_level();
    atomic_init(&w->done, 0);
    atomic_init(&w->status, RECSYS_OK);
}

static inline bool watch_stopped(watch *w)
{
    if (w->c->cancelled(w->c->host)) atomic_store(&w->status, RECSYS_ERR_CANCELLED);
    return atomic_load(&w->status) != RECSYS_OK;
}

static inline void watch_done(watch *w, int64_t units)
{
    int64_t done = atomic_fetch_add(&w->done, units) + units;
    if (omp_get_level() > w->level && omp_get_thread_num() != 0) return;
    recsys_status s = w->c->progress(w->c->host, done, w->total);
    if (s) atomic_store(&w->status, s);
}

/* What to return: success, or why the work was left off. */
static inline recsys_status watch_end(watch *w, const char *work)
{
    recsys_status s = atomic_load(&w->status);
    return s ? recsys__fail(w->c->error, s, "cancelled while %s, %lld of %lld parts done", work,
                            (long long)atomic_load(&w->done), (long long)w->total)
             : RECSYS_OK;
}

#endif
