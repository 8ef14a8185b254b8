/* atomic_file.h - writing a file so that a reader finds the old one or the new one, never a part.
 *
 * Bytes go to a temporary file in the same folder; committing syncs it and renames it over the path. Aborting, or a
 * failed commit, removes it and leaves what lay at the path as it was. A symbolic link is followed, and a file that is
 * replaced hands its permissions on. A crash in between can leave a file named `.recsys-*.tmp`.
 * Confined to one thread; the exec must outlive the file and receives the errors, which name the path.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_ATOMIC_FILE_H
#define IO_ATOMIC_FILE_H

#include "base/exec.h"

typedef struct atomic_file atomic_file;

/* Opens the temporary file for `path`. ERR_FILE_NOT_FOUND if the folder does not exist; ERR_IO if it cannot be written,
 * or if `path` is something other than a regular file (a folder, a device). */
recsys_status recsys__atomic_open(recsys_exec *x, const char *path, atomic_file **f);

/* Appends `n` bytes: small pieces are collected, large ones go straight to the system. After a failure only
 * recsys__atomic_abort() makes sense; a commit fails. */
recsys_status recsys__atomic_write(atomic_file *f, const void *bytes, int64_t n);

/* Puts the file in place and frees `f`, whatever the result: on failure nothing is left of the new file. */
recsys_status recsys__atomic_commit(atomic_file *f);

/* Gives up: removes the temporary file and frees `f`; NULL is allowed. The exec's last error stays as it is. */
void recsys__atomic_abort(atomic_file *f);

#endif
