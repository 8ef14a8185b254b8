/* outfile.c - files written under a temporary name, synced and renamed; and a look at where they go before the work.
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

void outfile_field(const outfile *o, const char *text)
{
    if (text[strcspn(text, "\t\"\r\n")] == '\0') {
        fputs(text, o->file);
        return;
    }
    fputc('"', o->file);
    for (; *text != '\0'; text++) {
        if (*text == '"') fputc('"', o->file);
        fputc(*text, o->file);
    }
    fputc('"', o->file);
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

/* ---- before the work ---- */

/* Where a path leads: to a file by its inode, or, as long as there is none, to a name in a folder by the folder's. */
typedef struct place {
    const char *option, *path;
    int part;            /* a split's part: the library writes it */
    int standard_output;
    int exists;
    struct stat info;    /* of the file, else of the folder (zeros: no folder either) */
    const char *name;    /* in the folder; "" for a file that exists */
} place;

enum { N_SPLIT_PARTS = 5, MOST_OUTPUTS = 2 * N_SPLIT_PARTS + 8 };

typedef struct outputs {
    place place[MOST_OUTPUTS];
    int count;
    char *made[N_SPLIT_PARTS]; /* paths in the folder of a split */
} outputs;

/* The folder that `path` lies in, for the caller to free(). */
static char *folder_of(program *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = program_alloc(p, (int64_t)length + 1, 1);
    if (folder == NULL) return NULL;
    memcpy(folder, slash == NULL ? "." : path, length);
    folder[length] = '\0';
    return folder;
}

static recsys_status locate(program *p, const char *option, const char *path, place *l)
{
    memset(l, 0, sizeof *l);
    l->option = option;
    l->path = path;
    l->name = "";
    l->exists = stat(path, &l->info) == 0;
    if (l->exists) return RECSYS_OK;
    char *folder = folder_of(p, path);
    if (folder == NULL) return RECSYS_ERR_NO_MEMORY;
    const char *slash = strrchr(path, '/');
    int found = stat(folder, &l->info) == 0;
    if (!found) memset(&l->info, 0, sizeof l->info);
    l->name = found && slash != NULL ? slash + 1 : path;
    free(folder);
    return RECSYS_OK;
}

/* Pipes and devices may be named as often as one likes. */
static int same_place(const place *a, const place *b)
{
    if (a->standard_output || b->standard_output) return a->standard_output && b->standard_output;
    if (a->exists != b->exists || (a->exists && !S_ISREG(a->info.st_mode))) return 0;
    return a->info.st_dev == b->info.st_dev && a->info.st_ino == b->info.st_ino && strcmp(a->name, b->name) == 0;
}

static recsys_status add_output(program *p, outputs *all, const char *option, const char *path, int part)
{
    if (path == NULL) return RECSYS_OK;
    place *l = &all->place[all->count];
    recsys_status status = locate(p, option, path, l);
    if (status != RECSYS_OK) return status;
    l->part = part;
    l->standard_output = strcmp(path, "-") == 0;
    all->count++;
    return RECSYS_OK;
}

/* The parts that a split will write: those with a file of their own, and those that go into the folder. */
static recsys_status add_parts(program *p, outputs *all)
{
    const settings *s = &p->settings;
    int strong = s->method == RECSYS_SPLIT_STRONG;
    int valid = s->valid_share > 0.0 /* not if NaN */ || s->valid_k > 0 || s->valid_time != NOT_GIVEN;
    const struct { const char *option, *name, *path; int made; } parts[N_SPLIT_PARTS] = {
        { "out-train", "train", s->out_train, 1 },
        { "out-valid", "valid", s->out_valid, valid },
        { "out-test", "test", s->out_test, 1 },
        { "out-valid-history", "valid_history", s->out_valid_history, strong && valid },
        { "out-test-history", "test_history", s->out_test_history, strong },
    };
    recsys_status status = RECSYS_OK;
    for (int i = 0; i < N_SPLIT_PARTS && status == RECSYS_OK; i++) {
        if (parts[i].path != NULL && !parts[i].made)
            return program_usage(p, "--%s %s: this split has no %s data", parts[i].option, parts[i].path, parts[i].name);
        status = add_output(p, all, parts[i].option, parts[i].path, 1);
        if (status != RECSYS_OK || parts[i].path != NULL || s->out == NULL || !parts[i].made) continue;
        size_t room = strlen(s->out) + strlen(parts[i].name) + 8;
        all->made[i] = program_alloc(p, (int64_t)room, 1);
        if (all->made[i] == NULL) return RECSYS_ERR_NO_MEMORY;
        snprintf(all->made[i], room, "%s/%s.tsv", s->out, parts[i].name);
        status = add_output(p, all, "out", all->made[i], 1);
    }
    return status;
}

static recsys_status add_outputs(program *p, int command, outputs *all)
{
    const settings *s = &p->settings;
    recsys_status status = command == FOR_SPLIT ? add_parts(p, all) : add_output(p, all, "out", s->out, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "json", s->json, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "csv", s->csv, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "per-user", s->per_user, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "checkpoint", s->checkpoint, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "log", s->log, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "plot", s->plot, 0);
    if (status == RECSYS_OK) status = add_output(p, all, "trials-out", s->trials_out, 0);
    return status;
}

static recsys_status check_name(program *p, int command, const place *l)
{
    size_t length = strlen(l->path);
    if (!l->part && length >= 3 && strcmp(l->path + length - 3, ".gz") == 0)
        return program_usage(p, "--%s: %s would not be compressed; choose a name that does not end in .gz", l->option, l->path);
    if (l->standard_output && (l->part || ((command == FOR_TRAIN || command == FOR_TUNE) && strcmp(l->option, "json") != 0)))
        return program_usage(p, "--%s needs the name of a file: this cannot go to standard output", l->option);
    return RECSYS_OK;
}

/* No output may be another one or something that is read; but a training may go on in its checkpoint. */
static recsys_status check_input(program *p, const outputs *all, const char *path)
{
    place in;
    if (path == NULL) return RECSYS_OK;
    recsys_status status = locate(p, NULL, path, &in);
    for (int i = 0; i < all->count && status == RECSYS_OK; i++)
        if (same_place(&all->place[i], &in) && !(path == p->settings.resume && all->place[i].path == p->settings.checkpoint))
            status = program_usage(p, "--%s would overwrite %s, which is read", all->place[i].option, path);
    return status;
}

static recsys_status check_inputs(program *p, const outputs *all, const words *paths)
{
    recsys_status status = RECSYS_OK;
    for (int64_t i = 0; i < paths->count && status == RECSYS_OK; i++) status = check_input(p, all, paths->word[i]);
    return status;
}

/* Of "N|FILE", the file. */
static const char *unless_count(const char *text)
{
    return text != NULL && text[strspn(text, "0123456789")] != '\0' ? text : NULL;
}

static recsys_status check_conflicts(program *p, int command, const outputs *all)
{
    const settings *s = &p->settings;
    const words *lists[] = { &s->train, &s->valid, &s->verified, &s->start, &s->test, &s->mask, &s->negatives, &s->rows,
                             &s->operands };
    int n_lists = sizeof lists / sizeof *lists;
    const char *files[] = { unless_count(s->users), unless_count(s->items), s->names, s->ignore_users, s->ignore_items,
                            s->only_items, s->resume };
    int operands_are_files = (command & (FOR_MODELS | FOR_OPTIMIZERS | FOR_PARAMS | FOR_TRAIN | FOR_TUNE)) == 0;
    recsys_status status = RECSYS_OK;
    for (int a = 0; a < all->count; a++)
        for (int b = 0; b < a; b++) {
            const place *one = &all->place[b], *other = &all->place[a];
            if (same_place(one, other))
                return program_usage(p, "--%s and --%s would both be written to %s", one->option, other->option,
                                     one->standard_output ? "standard output" : other->path);
        }
    for (int i = 0; i < n_lists - !operands_are_files && status == RECSYS_OK; i++) status = check_inputs(p, all, lists[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files && status == RECSYS_OK; i++) status = check_input(p, all, files[i]);
    return status;
}

/* The folder of a split may have to be made: then the nearest one above it that exists is what counts. */
static recsys_status check_split_folder(program *p)
{
    const char *path = p->settings.out;
    struct stat info;
    char *folder = program_alloc(p, (int64_t)strlen(path) + 2, 1);
    if (folder == NULL) return RECSYS_ERR_NO_MEMORY;
    strcpy(folder, path);
    while (stat(folder, &info) != 0 && errno == ENOENT) {
        char *above = folder_of(p, folder);
        free(folder);
        if (above == NULL) return RECSYS_ERR_NO_MEMORY;
        folder = above;
    }
    recsys_status status = RECSYS_OK;
    int found = stat(folder, &info) == 0;
    if (found && !S_ISDIR(info.st_mode))
        status = program_fail(p, RECSYS_ERR_IO, "%s: cannot write: it is no folder", path);
    else if (!found || access(folder, W_OK | X_OK) != 0)
        status = failed(p, path);
    free(folder);
    return status;
}

/* 1 if `folder` is the one that the split makes. */
static int will_be_made(const program *p, int command, const char *folder)
{
    const char *out = p->settings.out;
    if (command != FOR_SPLIT || out == NULL) return 0;
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') length--;
    size_t given = strlen(folder);
    while (given > 1 && folder[given - 1] == '/') given--;
    return length == given && strncmp(out, folder, length) == 0;
}

static recsys_status check_writable(program *p, int command, const place *l)
{
    struct stat info;
    recsys_status status = RECSYS_OK;
    if (l->standard_output) return RECSYS_OK;
    if (stat(l->path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) return program_fail(p, RECSYS_ERR_IO, "%s: cannot write: it is a folder", l->path);
        if (!S_ISREG(info.st_mode)) return access(l->path, W_OK) == 0 ? RECSYS_OK : failed(p, l->path);
    } else if (errno != ENOENT) {
        return failed(p, l->path);
    }
    char *folder = folder_of(p, l->path);
    if (folder == NULL) return RECSYS_ERR_NO_MEMORY;
    if (access(folder, W_OK | X_OK) != 0 && !(errno == ENOENT && will_be_made(p, command, folder))) status = failed(p, l->path);
    free(folder);
    return status;
}

recsys_status outputs_check(program *p, int command)
{
    outputs all;
    memset(&all, 0, sizeof all);
    recsys_status status = add_outputs(p, command, &all);
    for (int i = 0; i < all.count && status == RECSYS_OK; i++) status = check_name(p, command, &all.place[i]);
    if (status == RECSYS_OK) status = check_conflicts(p, command, &all);
    if (status == RECSYS_OK && command == FOR_SPLIT && p->settings.out != NULL) status = check_split_folder(p);
    for (int i = 0; i < all.count && status == RECSYS_OK; i++) status = check_writable(p, command, &all.place[i]);
    for (int i = 0; i < N_SPLIT_PARTS; i++) free(all.made[i]);
    return status;
}
