/* error.h - the detail of an error: code, errno and one line for a person.
 *
 * Every function that can fail returns a recsys_status and leaves the words in the `error` it was given, normally the
 * one inside the exec. The deepest failure writes; callers above pass the status on and do not overwrite it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <recsys/status.h>

typedef struct error {
    recsys_status status;
    int32_t system_error;
    char message[512];
} error;

/* Records the failure and returns `status`. `e` may be NULL. The message is cut to its room, though not inside a UTF-8
 * character; control characters become spaces, and bytes that are no UTF-8 question marks. The old message may be an
 * argument. For numbers that are not integers see recsys__number(): %f asks the locale. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
recsys_status recsys__fail(error *e, recsys_status status, const char *format, ...);

/* The same for a failed system call: the meaning of `errnum` is appended and kept in system_error. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
recsys_status recsys__fail_system(error *e, recsys_status status, int errnum, const char *format, ...);

/* Copies `e` (NULL: success) into the caller's sized struct. ERR_STRUCT_SIZE, ERR_INVALID_ARGUMENT if that is NULL. */
recsys_status recsys__error_copy(const error *e, recsys_error_info *info);

#endif
