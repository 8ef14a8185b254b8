/* mapped_file.c - a whole file as memory to read from; see mapped_file.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static recsys_status fail_read(recsys_exec *x, const char *path, int errnum)
{
    recsys_status status = errnum == ENOENT || errnum == ENOTDIR ? RECSYS_ERR_FILE_NOT_FOUND : RECSYS_ERR_IO;
    return recsys__fail_system(&x->error, status, errnum, "cannot read %s", path);
}

static recsys_status map_open_file(recsys_exec *x, const char *path, const char *what, int fd, void **bytes, size_t *size)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return fail_read(x, path, errno);
    if (S_ISDIR(about.st_mode))
        return fail_read(x, path, EISDIR);
    if (!S_ISREG(about.st_mode))
        return recsys__fail(&x->error, RECSYS_ERR_IO, "%s: no regular file, so it cannot be mapped", path);
    if (about.st_size == 0)
        return recsys__fail(&x->error, RECSYS_ERR_FILE_FORMAT, "%s: not %s: it is empty", path, what);
    if ((uint64_t)about.st_size > SIZE_MAX)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "%s: larger than this machine can map", path);
    void *p = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return fail_read(x, path, errno);
    /* All of it is about to be read: let the system fetch ahead. A refusal changes nothing. */
    (void)posix_madvise(p, (size_t)about.st_size, POSIX_MADV_WILLNEED);
    *bytes = p;
    *size = (size_t)about.st_size;
    return RECSYS_OK;
}

recsys_status recsys__map_file(recsys_exec *x, const char *path, const char *what, void **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    /* O_NONBLOCK: opening a pipe that nobody writes to would wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fail_read(x, path, errno);
    recsys_status status = map_open_file(x, path, what, fd, bytes, size);
    close(fd);
    return status;
}

void recsys__unmap_file(void *bytes, size_t size)
{
    if (bytes != NULL)
        munmap(bytes, size);
}
