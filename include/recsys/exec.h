/* exec.h - an execution context: device, threads, memory limit, random seed, progress, cancelling, last error.
 *
 * An exec is confined: one thread at a time may use it, whichever thread that is. Threads that work at the same time
 * each have their own. The one call that any thread may make at any time is recsys_exec_cancel().
 * The library never changes the process's OpenMP width, BLAS threads or locale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_EXEC_H
#define RECSYS_EXEC_H

#include <recsys/env.h>

/** An execution context. Reference-counted; confined to one thread at a time. */
typedef struct recsys_exec recsys_exec;

/** How far a call has come. */
typedef struct recsys_progress {
    size_t struct_size; /**< sizeof(recsys_progress) of the library that calls. */
    const char *phase;  /**< What is being done: `"read"`, `"gram"`, `"factor"`, `"rank"`, `"save"`, ... Static storage. */
    int64_t done;       /**< Units done in this phase. */
    int64_t total;      /**< Units of this phase, 0 if unknown. */
    double seconds;     /**< Seconds since the phase began. */
} recsys_progress;

/** Called on the thread that called the library: at the start of each phase, then at most some ten times a second, and at
 * the end of a phase whose total is known. A result other than 0 does what recsys_exec_cancel() does. */
typedef int32_t (*recsys_progress_fn)(void *user, const recsys_progress *progress);

/** Options of an exec; zero means default. */
typedef struct recsys_exec_options {
    size_t struct_size;             /**< sizeof(recsys_exec_options). */
    const char *device;             /**< `"cpu"` (default), another name from recsys_env_device(), `"cuda"` for the first of
                                         CUDA, or `"auto"`: that one where there is one, else `"cpu"`, which is logged. */
    int32_t threads;                /**< Threads to use, the caller's included (to 1024); 0: one for each processor available. */
    int32_t reserved;               /**< Zero. */
    uint64_t seed;                  /**< Seed of everything random that is asked for through this exec. */
    int64_t memory_limit;           /**< Most bytes that this exec's work may hold at once; 0: the machine's physical memory
                                         and the device's. */
    recsys_progress_fn progress;    /**< NULL: none. */
    void *progress_user;            /**< Passed to `progress`. */
} recsys_exec_options;

/** Initialiser of recsys_exec_options: all defaults. */
#define RECSYS_EXEC_OPTIONS_INIT { sizeof(recsys_exec_options), NULL, 0, 0, 0, 0, NULL, NULL }

/** Memory that was taken through an exec from the environment's allocator and from its device. */
typedef struct recsys_memory_info {
    size_t struct_size; /**< sizeof(recsys_memory_info). */
    int64_t used;       /**< Bytes held now by the exec and by datasets, models and reports made with it. */
    int64_t peak;       /**< Highest value of `used` since the exec was made or recsys_exec_reset_peak(). */
    int64_t limit;      /**< The limit in force. */
} recsys_memory_info;

/** Initialiser of recsys_memory_info. */
#define RECSYS_MEMORY_INFO_INIT { sizeof(recsys_memory_info), 0, 0, 0 }

RECSYS_BEGIN_DECLS

/** Makes an exec.
 * @param options NULL for all defaults.
 * @param[out] exec the new exec, owned by the caller; NULL on failure.
 * @param[out] error details on failure; may be NULL.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_STRUCT_SIZE, ERR_NO_MEMORY, ERR_DEVICE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_exec_create(recsys_env *env, const recsys_exec_options *options, recsys_exec **exec,
                                            recsys_error_info *error);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_exec *recsys_exec_retain(recsys_exec *exec);

/** Drops a reference; NULL is allowed. Datasets and models made with the exec live on. Any thread. @since 0.1 */
RECSYS_API void recsys_exec_release(recsys_exec *exec);

/** Asks the call that runs on this exec, or the next one that can be cancelled, to stop with RECSYS_ERR_CANCELLED: those
 * whose description lists that code. Any thread, at any time; safe in a signal handler. @since 0.1 */
RECSYS_API void recsys_exec_cancel(recsys_exec *exec);

/** Makes a cancelled exec usable again. Confined. @since 0.1 */
RECSYS_API void recsys_exec_reset_cancel(recsys_exec *exec);

/** Copies the details of the last failed call on this exec; a call that succeeds leaves them as they are.
 * @return RECSYS_OK, ERR_STRUCT_SIZE. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_exec_last_error(const recsys_exec *exec, recsys_error_info *error);

/** Reads the memory counters. @return RECSYS_OK, ERR_STRUCT_SIZE. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_exec_memory(const recsys_exec *exec, recsys_memory_info *info);

/** Sets the memory peak to what is in use now. Confined. @since 0.1 */
RECSYS_API void recsys_exec_reset_peak(recsys_exec *exec);

/** Threads that the exec uses: the number asked for, or what the default came to. Confined. @since 0.1 */
RECSYS_API int32_t recsys_exec_threads(const recsys_exec *exec);

/** The environment of the exec, borrowed. Any thread. @since 0.1 */
RECSYS_API recsys_env *recsys_exec_env(const recsys_exec *exec);

RECSYS_END_DECLS
#endif
