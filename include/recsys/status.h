/* status.h - status codes and the details of the last error.
 *
 * Every function that can fail returns a recsys_status: 0, or a negative code of the registry below. A code keeps its
 * number and its meaning for ever; new codes are added at the end. The message for a person (which file, line, key or
 * value) is kept in the handle that is confined to the calling thread: see recsys_exec_last_error() and
 * recsys_params_last_error(). Functions that have no such handle yet take an optional recsys_error_info.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_STATUS_H
#define RECSYS_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include <recsys/export.h>

/** 0 for success, else a negative code of the registry. */
typedef int32_t recsys_status;

enum {
    RECSYS_OK = 0,                     /**< Success. */
    RECSYS_ERR_INVALID_ARGUMENT = -1,  /**< An argument breaks the function's contract (NULL, negative count). */
    RECSYS_ERR_STRUCT_SIZE = -2,       /**< `struct_size` is too small, or unknown fields beyond it are not zero. */
    RECSYS_ERR_NO_MEMORY = -3,         /**< The allocator returned NULL. */
    RECSYS_ERR_MEMORY_LIMIT = -4,      /**< The work needs more than the exec's memory limit. */
    RECSYS_ERR_CANCELLED = -5,         /**< Cancelled by recsys_exec_cancel() or by a callback. */
    RECSYS_ERR_UNKNOWN_MODEL = -6,     /**< No model has this name. */
    RECSYS_ERR_UNKNOWN_KEY = -7,       /**< No such parameter, option word, metric or tensor. */
    RECSYS_ERR_OUT_OF_RANGE = -8,      /**< A value or index is outside its documented range. */
    RECSYS_ERR_TYPE = -9,              /**< A value has the wrong type, or ids of one kind were used where the other is. */
    RECSYS_ERR_UNKNOWN_ID = -10,       /**< No user or item has this id. */
    RECSYS_ERR_UNKNOWN_COLUMN = -11,   /**< A column is missing from the file, or its name is unknown. */
    RECSYS_ERR_FILE_NOT_FOUND = -12,   /**< The file or folder does not exist. */
    RECSYS_ERR_IO = -13,               /**< Reading or writing failed; `system_error` holds errno. */
    RECSYS_ERR_PARSE = -14,            /**< A text file has a malformed line. */
    RECSYS_ERR_COMPRESSED = -15,       /**< A compressed file is damaged or cut short. */
    RECSYS_ERR_FILE_FORMAT = -16,      /**< Not a model file, or one that is malformed or truncated. */
    RECSYS_ERR_FILE_VERSION = -17,     /**< The file was written by a newer library. */
    RECSYS_ERR_CHECKSUM = -18,         /**< Contents do not match their checksum. */
    RECSYS_ERR_DUPLICATE = -19,        /**< The same user and item twice, where that was declared an error. */
    RECSYS_ERR_EMPTY = -20,            /**< Nothing is left: no events, an empty side of a split, no user to evaluate. */
    RECSYS_ERR_TOO_LARGE = -21,        /**< A count does not fit: 2^31 - 1 users or items, 2^63 - 1 bytes. */
    RECSYS_ERR_NUMERIC = -22,          /**< NaN, infinity or a matrix that is not positive definite. */
    RECSYS_ERR_UNSUPPORTED = -23,      /**< The model or device cannot do this; the message says what can. */
    RECSYS_ERR_MISSING_DATA = -24,     /**< The data lacks a part that the work needs (times, values, a history). */
    RECSYS_ERR_DEVICE = -25,           /**< The device is absent or failed. */
    RECSYS_ERR_BLAS = -26,             /**< The BLAS library in the process cannot be used; the message names the package. */
    RECSYS_ERR_INTERNAL = -27          /**< A broken promise inside the library: please report it. */
};

/** Details of an error, copied out for the caller. Set `struct_size` (RECSYS_ERROR_INFO_INIT does). */
typedef struct recsys_error_info {
    size_t struct_size;    /**< sizeof(recsys_error_info). */
    recsys_status status;  /**< Code of the error, RECSYS_OK if there was none. */
    int32_t system_error;  /**< errno of the failed system call, 0 if none. */
    char message[512];     /**< One line for a person, UTF-8, always terminated, cut if longer. */
} recsys_error_info;

/** Initialiser of recsys_error_info. */
#define RECSYS_ERROR_INFO_INIT { sizeof(recsys_error_info), 0, 0, "" }

RECSYS_BEGIN_DECLS

/** Name of a code as in this header, without prefix: `"PARSE"`; `"UNKNOWN"` for a number that is not in the registry.
 * Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_status_name(recsys_status status);

/** Meaning of a code in a few words. Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_status_text(recsys_status status);

/** Number of codes in the registry, RECSYS_OK included: they are 0, -1, ... 1 - count. Any thread. @since 0.1 */
RECSYS_API int32_t recsys_status_count(void);

RECSYS_END_DECLS
#endif
