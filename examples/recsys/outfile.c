/* outfile.c - files written under a temporary name, synced and renamed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static recsys_status failed(program *p, const char *path)
{
    return program_fail(p, RECSYS_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
}

static recsys_status give_up(program *p, outfile *o)
{
    recsys_status status = failed(p, o->path);
    if (o->temporary != NULL) unlink(o->temporary);
    free(o->temporary);
    *o = (outfile)OUTFILE_INIT;
    return status;
}

recsys_status outfile_open(program *p, outfile *o, const char *path)
{
    struct stat info;
    *o = (outfile){ NULL, path, NULL };
    if (strcmp(path, "-") == 0) {
        o->file = stdout;
        return RECSYS_OK;
    }
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        o->file = fopen(path, "w");
        return o->file != NULL ? RECSYS_OK : give_up(p, o);
    }
    size_t room = strlen(path) + 32;
    o->temporary = program_alloc(p, (int64_t)room, 1);
    if (o->temporary == NULL) return RECSYS_ERR_NO_MEMORY;
    snprintf(o->temporary, room, "%s.%ld.part", path, (long)getpid());
    int descriptor = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        recsys_status status = failed(p, path);
        free(o->temporary);
        *o = (outfile)OUTFILE_INIT;
        return status;
    }
    o->file = fdopen(descriptor, "w");
    if (o->file != NULL) return RECSYS_OK;
    close(descriptor);
    return give_up(p, o);
}

recsys_status outfile_close(program *p, outfile *o, recsys_status status)
{
    if (o->file == NULL) return status;
    errno = 0;
    int bad = fflush(o->file) != 0 || ferror(o->file);
    if (o->file == stdout) return bad && status == RECSYS_OK ? failed(p, "standard output") : status;
    if (o->temporary != NULL && !bad) bad = fsync(fileno(o->file)) != 0;
    int error = errno;
    if (fclose(o->file) != 0 && !bad) {
        bad = 1;
        error = errno;
    }
    o->file = NULL;
    if (!bad && status == RECSYS_OK && o->temporary != NULL) {
        bad = rename(o->temporary, o->path) != 0;
        error = errno;
    }
    if (bad || status != RECSYS_OK) {
        errno = error != 0 ? error : EIO;
        if (status == RECSYS_OK) return give_up(p, o);
        if (o->temporary != NULL) unlink(o->temporary);
    }
    free(o->temporary);
    *o = (outfile)OUTFILE_INIT;
    return status;
}
