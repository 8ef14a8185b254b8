/* mapped_file.h - a whole file as memory to read from.
 *
 * The mapping is private and read-only. Replacing the file by renaming another over it is safe; cutting it short in place
 * is not: the next access to what is gone ends the program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_MAPPED_FILE_H
#define IO_MAPPED_FILE_H

#include "base/exec.h"

/* `what` is what the file should be, with its article, for the message about an empty one: "a model file".
 * ERR_FILE_NOT_FOUND; ERR_IO if it cannot be read or is no regular file; ERR_FILE_FORMAT if it is empty; ERR_TOO_LARGE. */
recsys_status recsys__map_file(recsys_exec *x, const char *path, const char *what, void **bytes, size_t *size);

/* NULL is allowed. */
void recsys__unmap_file(void *bytes, size_t size);

#endif
