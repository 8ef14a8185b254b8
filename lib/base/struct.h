/* struct.h - taking a caller's sized struct in: any version of it, older or newer than this library.
 *
 * A field beyond the caller's size reads as zero; a field beyond ours must be zero, or the call would ignore a wish.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STRUCT_H
#define BASE_STRUCT_H

#include "base/error.h"

/* Copies `given` (a struct that begins with its size_t size; NULL: all zero) into `own` of `own_size` bytes.
 * ERR_STRUCT_SIZE if the size is below `least`, implausible, or an unknown tail is not zero; `name` is for the message. */
recsys_status recsys__struct_in(error *e, const char *name, const void *given, size_t least, void *own, size_t own_size);

/* Copies `own` out to `given`, no further than the smaller of both sizes, and keeps the caller's size. */
recsys_status recsys__struct_out(error *e, const char *name, const void *own, size_t own_size, void *given);

#endif
