/* env.h - the environment: allocator, log, devices. Everything else is made inside one.
 *
 * A recsys_env is shared and immutable: any number of threads may use it. There is no global state: two environments
 * in one process know nothing of each other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_ENV_H
#define RECSYS_ENV_H

#include <recsys/status.h>

/** The environment. Reference-counted; shared between threads. */
typedef struct recsys_env recsys_env;

/** Where all memory of the library comes from. What OpenBLAS and the OpenMP run-time allocate for themselves does
 * not pass here. Both functions may be called from several threads at once. */
typedef struct recsys_allocator {
    size_t struct_size; /**< sizeof(recsys_allocator). */
    /** Returns `size` bytes (never 0) aligned to `alignment` (a power of two, at most 4096), or NULL. */
    void *(*alloc)(void *user, size_t size, size_t alignment);
    /** Takes back what alloc() gave, with the same size and alignment. */
    void (*free)(void *user, void *memory, size_t size, size_t alignment);
    void *user; /**< Passed to both functions. */
} recsys_allocator;

/** Log levels, from the quietest. */
enum {
    RECSYS_LOG_DEFAULT = 0, /**< The default: RECSYS_LOG_WARNING. */
    RECSYS_LOG_ERROR = 1,
    RECSYS_LOG_WARNING = 2,
    RECSYS_LOG_INFO = 3,
    RECSYS_LOG_TRACE = 4 /**< Every operation with its shapes, kernel, time and bytes. */
};

/** Receives one line (no newline) of `component` (`"data"`, `"model"`, `"backend"`, ...). Runs on the thread that called
 * the library. Must not call the library with the same exec. */
typedef void (*recsys_log_fn)(void *user, int32_t level, const char *component, const char *message);

/** Options of an environment; zero means default. */
typedef struct recsys_env_options {
    size_t struct_size;                /**< sizeof(recsys_env_options). */
    const recsys_allocator *allocator; /**< NULL: the C library's. Copied. */
    recsys_log_fn log;                 /**< NULL: no log. */
    void *log_user;                    /**< Passed to `log`. */
    int32_t log_level;                 /**< The most talkative level that reaches `log`. */
} recsys_env_options;

/** Initialiser of recsys_env_options: all defaults. */
#define RECSYS_ENV_OPTIONS_INIT { sizeof(recsys_env_options), NULL, NULL, NULL, 0 }

/** A device that an exec can run on. */
typedef struct recsys_device_info {
    size_t struct_size;   /**< sizeof(recsys_device_info). */
    char name[64];        /**< What recsys_exec_options::device takes: `"cpu"`, `"cuda:0"`. */
    char description[128]; /**< For a person: processor, SIMD level, BLAS core; GPU, capability, driver. */
    int64_t memory_bytes; /**< Memory of the device, 0 if unknown. */
} recsys_device_info;

/** Initialiser of recsys_device_info. */
#define RECSYS_DEVICE_INFO_INIT { sizeof(recsys_device_info), "", "", 0 }

RECSYS_BEGIN_DECLS

/** Makes an environment.
 * @param options NULL for all defaults.
 * @param[out] env the new environment, owned by the caller; NULL on failure.
 * @param[out] error details on failure; may be NULL.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_STRUCT_SIZE, ERR_NO_MEMORY, ERR_BLAS. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_env_create(const recsys_env_options *options, recsys_env **env, recsys_error_info *error);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_env *recsys_env_retain(recsys_env *env);

/** Drops a reference; NULL is allowed. What was made inside keeps the environment alive. Any thread. @since 0.1 */
RECSYS_API void recsys_env_release(recsys_env *env);

/** Number of devices: the processor, and the GPUs where the CUDA module is installed beside the library (or in the folder that
 * the environment variable RECSYS_BACKEND_PATH names, which only its owner may be able to write), a driver runs and it finds
 * some. The first call looks for the module. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_env_device_count(const recsys_env *env);

/** Describes device `index` (0 to count - 1).
 * @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE, ERR_DEVICE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_env_device(const recsys_env *env, int64_t index, recsys_device_info *info);

RECSYS_END_DECLS
#endif
