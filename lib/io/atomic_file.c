/* atomic_file.c - a temporary file beside the path, synced and renamed over it when it is complete.
 *
 * The temporary name does not grow with the path's own, so that a name of the longest allowed length can be written.
 * O_EXCL settles who gets a name when several threads or processes write to one folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "io/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 18, TEMPORARY_NAME_ROOM = 64, NAME_TRIES = 10000, MOST_LINKS = 40 };

struct atomic_file {
    recsys_exec *exec;
    int fd;
    recsys_status status; /* of the first write that failed */
    char *path;           /* as the caller gave it, for messages */
    char *target;         /* what is replaced: the path with its links followed */
    char *temporary;
    int64_t folder_length; /* of target and temporary, up to and with the last slash */
    int64_t n_buffered;
    char *buffer;
};

static void release(atomic_file *f)
{
    memory *m = f->exec->memory;
    if (f->fd >= 0) close(f->fd);
    recsys__free(m, f->buffer);
    recsys__free(m, f->temporary);
    recsys__free(m, f->target);
    recsys__free(m, f->path);
    recsys__free(m, f);
}

static recsys_status copy_string(recsys_exec *x, const char *s, char **out)
{
    size_t size = strlen(s) + 1;
    recsys_status status = recsys__alloc(x->memory, &x->error, (int64_t)size, 1, out);
    if (!status) memcpy(*out, s, size);
    return status;
}

/* Fails with the code that fits errnum. */
static recsys_status fail_path(const atomic_file *f, int errnum)
{
    recsys_status status = errnum == ENOENT || errnum == ENOTDIR ? RECSYS_ERR_FILE_NOT_FOUND : RECSYS_ERR_IO;
    return recsys__fail_system(&f->exec->error, status, errnum, "cannot write %s", f->path);
}

/* Bytes of a path up to and with its last slash. */
static int64_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash - path + 1 : 0;
}

/* Replaces f->target by what it links to, if it is a link; *followed says so. */
static recsys_status follow_link(atomic_file *f, int *followed)
{
    char link[PATH_MAX];
    ssize_t n = readlink(f->target, link, sizeof link);
    *followed = n > 0;
    if (n <= 0) return RECSYS_OK;
    int64_t folder = link[0] == '/' ? 0 : folder_length(f->target);
    char *next;
    recsys_status status = recsys__alloc(f->exec->memory, &f->exec->error, folder + n + 1, 1, &next);
    if (status) return status;
    memcpy(next, f->target, (size_t)folder);
    memcpy(next + folder, link, (size_t)n);
    next[folder + n] = '\0';
    recsys__free(f->exec->memory, f->target);
    f->target = next;
    return RECSYS_OK;
}

/* Finds what will be replaced and its permissions; *mode is -1 if there is nothing yet. */
static recsys_status find_target(atomic_file *f, int *mode)
{
    recsys_status status = copy_string(f->exec, f->path, &f->target);
    int followed = 1;
    for (int links = 0; !status && followed; links++) {
        if (links > MOST_LINKS) return fail_path(f, ELOOP);
        status = follow_link(f, &followed);
    }
    if (status) return status;
    struct stat there;
    *mode = -1;
    if (stat(f->target, &there)) return RECSYS_OK; /* Whatever is wrong, creating the temporary file will tell. */
    if (!S_ISREG(there.st_mode))
        return recsys__fail(&f->exec->error, RECSYS_ERR_IO, "cannot write %s: it is %s", f->path,
                            S_ISDIR(there.st_mode) ? "a folder" : "no regular file");
    *mode = (int)(there.st_mode & 0777);
    return RECSYS_OK;
}

/* Creates the temporary file under a name that nobody has. */
static recsys_status create_temporary(atomic_file *f, int mode)
{
    recsys_exec *x = f->exec;
    f->folder_length = folder_length(f->target);
    recsys_status status = recsys__alloc(x->memory, &x->error, f->folder_length + TEMPORARY_NAME_ROOM, 1, &f->temporary);
    if (status) return status;
    memcpy(f->temporary, f->target, (size_t)f->folder_length);
    for (int attempt = 0; f->fd < 0 && attempt < NAME_TRIES; attempt++) {
        snprintf(f->temporary + f->folder_length, TEMPORARY_NAME_ROOM, ".recsys-%ld-%d.tmp", (long)getpid(), attempt);
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd < 0 && errno != EEXIST && errno != EINTR) break;
    }
    if (f->fd < 0) return fail_path(f, errno);
    if (mode >= 0 && fchmod(f->fd, (mode_t)mode)) {
        int errnum = errno;
        unlink(f->temporary);
        return fail_path(f, errnum);
    }
    return RECSYS_OK;
}

recsys_status recsys__atomic_open(recsys_exec *x, const char *path, atomic_file **out)
{
    *out = NULL;
    atomic_file *f;
    recsys_status status = recsys__alloc_zero(x->memory, &x->error, 1, sizeof *f, &f);
    if (status) return status;
    f->exec = x;
    f->fd = -1;
    int mode = -1;
    status = copy_string(x, path, &f->path);
    if (!status) status = recsys__alloc(x->memory, &x->error, BUFFER_BYTES, 1, &f->buffer);
    if (!status) status = find_target(f, &mode);
    if (!status) status = create_temporary(f, mode);
    if (status)
        release(f);
    else
        *out = f;
    return status;
}

static recsys_status write_through(atomic_file *f, const char *bytes, int64_t n)
{
    while (n > 0) {
        /* One call moves at most about 2 GiB on Linux, and less when a signal comes. */
        ssize_t done = write(f->fd, bytes, (size_t)(n < INT_MAX ? n : INT_MAX));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return f->status = fail_path(f, errno);
        bytes += done;
        n -= done;
    }
    return RECSYS_OK;
}

static recsys_status flush(atomic_file *f)
{
    int64_t n = f->n_buffered;
    f->n_buffered = 0;
    return write_through(f, f->buffer, n);
}

recsys_status recsys__atomic_write(atomic_file *f, const void *bytes, int64_t n)
{
    if (f->status) return f->status;
    if (n > BUFFER_BYTES - f->n_buffered) {
        recsys_status status = flush(f);
        if (status) return status;
    }
    if (n >= BUFFER_BYTES) return write_through(f, bytes, n);
    if (n > 0) memcpy(f->buffer + f->n_buffered, bytes, (size_t)n);
    f->n_buffered += n;
    return RECSYS_OK;
}

/* Makes the rename itself last. Folders that cannot be opened or synced (a write-only folder, some network file systems)
 * still hold the complete file, so that is no failure. */
static void sync_folder(const atomic_file *f)
{
    f->temporary[f->folder_length] = '\0';
    int fd = open(f->folder_length ? f->temporary : ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

recsys_status recsys__atomic_commit(atomic_file *f)
{
    recsys_status status = f->status ? f->status : flush(f);
    if (!status && fsync(f->fd)) status = fail_path(f, errno);
    if (!status) {
        /* Some file systems report a full disk only here. */
        int failed = close(f->fd);
        f->fd = -1;
        if (failed || rename(f->temporary, f->target)) status = fail_path(f, errno);
    }
    if (status) {
        recsys__atomic_abort(f);
        return status;
    }
    sync_folder(f);
    release(f);
    return RECSYS_OK;
}

void recsys__atomic_abort(atomic_file *f)
{
    if (!f) return;
    unlink(f->temporary);
    release(f);
}
