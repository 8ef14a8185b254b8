/* exec.h - inside of recsys_env and recsys_exec, and what running code asks of an exec.
 *
 * Functions that do work take a recsys_exec first: from it they get memory (x->memory), the place for errors
 * (&x->error), threads, the device (x->backend), the random seed, cancelling and progress.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_EXEC_H
#define BASE_EXEC_H

#include <stdatomic.h>

#include <recsys/exec.h>

#include "base/error.h"
#include "base/memory.h"

struct backend; /* backend/backend.h */

/* What the exec's kept host memory is for; one block each, so that a steady state takes nothing from the allocator. */
enum {
    SCRATCH_QUERY_USERS, SCRATCH_QUERY_PTR, SCRATCH_QUERY_ITEMS, SCRATCH_QUERY_VALUES, SCRATCH_QUERY_SORT, SCRATCH_EXCLUDED,
    SCRATCH_CANDIDATES, SCRATCH_CANDIDATE_PTR, SCRATCH_LIST_ITEMS, SCRATCH_LIST_SCORES, SCRATCH_MODEL_A, SCRATCH_MODEL_B,
    SCRATCH_USER_PTR, SCRATCH_USER_ITEMS, SCRATCH_ROW_NUMBERS,
    SCRATCH_QUERY_FEATURES,
    SCRATCH_COUNT
};

struct recsys_env {
    atomic_int refs;
    recsys_allocator allocator;
    memory *memory; /* unlimited account of what belongs to no exec: handles, parameters, the backend itself */
    recsys_log_fn log;
    void *log_user;
    int32_t log_level;
    struct backend *cpu;
    struct devices *devices; /* backend/devices.h */
};

struct recsys_exec {
    atomic_int refs;
    recsys_env *env;
    memory *memory;
    struct backend *backend;
    void *queue; /* of the device; NULL where it has none */
    int32_t threads;
    int32_t simd; /* highest rung that kernels may use; tests lower it */
    uint64_t seed;
    atomic_int cancelled;
    recsys_progress_fn progress;
    void *progress_user;
    const char *phase;
    double phase_start, last_report;
    void *workspace; /* device memory of recsys__run(), kept between operations */
    int64_t workspace_bytes;
    void *device_scratch; /* device memory of recsys__device_scratch() */
    int64_t device_scratch_bytes;
    struct tape *scoring_tape; /* kept between calls: model/scoring_tape.c; what frees it is set with it */
    void (*free_tape)(struct tape *g);
    struct scratch {
        void *block;
        int64_t bytes;
    } scratch[SCRATCH_COUNT]; /* host memory kept between calls: base/scratch.h */
    error error;
};

/* Starts a phase of a long call: what recsys_progress names, with the first report. `phase` has static storage.
 * ERR_CANCELLED if asked to stop. */
recsys_status recsys__phase(recsys_exec *x, const char *phase);

/* Reports progress (at most some ten times a second, and always the end) and says whether to go on: ERR_CANCELLED if not.
 * Calling thread only. */
recsys_status recsys__progress(recsys_exec *x, int64_t done, int64_t total);

/* 1 once the exec is cancelled. Any thread. */
int recsys__cancelled(const recsys_exec *x);

/* Records ERR_CANCELLED with its message and returns it. */
recsys_status recsys__fail_cancelled(recsys_exec *x);

/* One line to the environment's log; nothing is formatted when nobody listens. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void recsys__log(recsys_exec *x, int32_t level, const char *component, const char *format, ...);

/* Seconds of a monotonic clock. */
double recsys__seconds(void);

#endif
