/* module.c - finding, checking and loading a backend module.
 *
 * Loading runs code of the file in this process. So a folder that came from outside must be one that nobody else could have
 * written to, and a file that is no whole shared object of this machine is refused before the loader maps it: pages that are
 * missing at its end would end the process when they are touched.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* dladdr, secure_getenv */
#include "backend/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

/* ---- what the library lends ---- */

const backend_host recsys__backend_host = {
    .struct_size = sizeof(backend_host),
    .charge = recsys__memory_charge,
    .discharge = recsys__memory_discharge,
    .alloc = recsys__alloc_zero,
    .free = recsys__free,
};

/* ---- where ---- */

/* The folder of the file that this code was loaded from: the library, or the program that has it inside. */
static recsys_status own_folder(error *e, char folder[PATH_ROOM])
{
    Dl_info info;
    char *path = dladdr(&recsys__backend_host, &info) && info.dli_fname ? realpath(info.dli_fname, NULL) : NULL;
    char *slash = path ? strrchr(path, '/') : NULL;
    int fits = slash && slash - path < PATH_ROOM;
    if (fits) snprintf(folder, PATH_ROOM, "%.*s", (int)(slash - path), path);
    free(path);
    return fits ? RECSYS_OK : recsys__fail(e, RECSYS_ERR_DEVICE, "the folder of the library cannot be found");
}

static recsys_status check_owner(error *e, const char *path, const struct stat *about)
{
    if (about->st_uid != 0 && about->st_uid != geteuid())
        return recsys__fail(e, RECSYS_ERR_DEVICE, "%s belongs to another user: RECSYS_BACKEND_PATH takes folders and modules "
                            "of this user or of root", path);
    if (about->st_mode & (S_IWGRP | S_IWOTH))
        return recsys__fail(e, RECSYS_ERR_DEVICE, "others can write %s: RECSYS_BACKEND_PATH takes folders and modules that "
                            "only their owner can write", path);
    return RECSYS_OK;
}

static recsys_status check_folder(error *e, const char *folder)
{
    struct stat about;
    if (folder[0] != '/')
        return recsys__fail(e, RECSYS_ERR_DEVICE, "RECSYS_BACKEND_PATH is \"%s\": a path from the root is needed", folder);
    if (stat(folder, &about)) return recsys__fail_system(e, RECSYS_ERR_DEVICE, errno, "RECSYS_BACKEND_PATH %s", folder);
    if (!S_ISDIR(about.st_mode)) return recsys__fail(e, RECSYS_ERR_DEVICE, "RECSYS_BACKEND_PATH %s is no folder", folder);
    return check_owner(e, folder, &about);
}

static recsys_status module_path(error *e, const char *name, char path[PATH_ROOM], int *foreign)
{
    char folder[PATH_ROOM];
    const char *given = secure_getenv("RECSYS_BACKEND_PATH");
    *foreign = given && given[0];
    recsys_status s = RECSYS_OK;
    if (!*foreign) s = own_folder(e, folder);
    else if (strlen(given) < sizeof folder) s = check_folder(e, strcpy(folder, given));
    else s = recsys__fail(e, RECSYS_ERR_DEVICE, "RECSYS_BACKEND_PATH is too long");
    if (s) return s;
    if (snprintf(path, PATH_ROOM, "%s/librecsys-%s.so", folder, name) >= PATH_ROOM)
        return recsys__fail(e, RECSYS_ERR_DEVICE, "the path of the %s module is too long", name);
    return RECSYS_OK;
}

/* ---- what ---- */

static int lies_within(uint64_t at, uint64_t bytes, uint64_t size)
{
    return at <= size && bytes <= size - at;
}

/* Whether all that the loader will map is in the file. Its table of sections comes last, so a cut at any place is seen. */
static int is_whole(int file, uint64_t size)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    if (pread(file, &head, sizeof head, 0) != (ssize_t)sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return 0;
    if (head.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || head.e_type != ET_DYN) return 0;
    if (head.e_phentsize != sizeof part || head.e_phnum == 0 || head.e_shnum == 0) return 0;
    if (!lies_within(head.e_shoff, (uint64_t)head.e_shnum * head.e_shentsize, size)) return 0;
    for (unsigned p = 0; p < head.e_phnum; p++) {
        uint64_t at = head.e_phoff + p * sizeof part;
        if (!lies_within(at, sizeof part, size) || pread(file, &part, sizeof part, (off_t)at) != (ssize_t)sizeof part) return 0;
        if (part.p_type == PT_LOAD && !lies_within(part.p_offset, part.p_filesz, size)) return 0;
    }
    return 1;
}

static recsys_status check_file(error *e, const char *path, int foreign)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return recsys__fail_system(e, RECSYS_ERR_DEVICE, errno, "module %s", path);
    recsys_status s = RECSYS_OK;
    if (fstat(file, &about)) s = recsys__fail_system(e, RECSYS_ERR_DEVICE, errno, "module %s", path);
    if (!s && foreign) s = check_owner(e, path, &about);
    if (!s && (!S_ISREG(about.st_mode) || !is_whole(file, (uint64_t)about.st_size)))
        s = recsys__fail(e, RECSYS_ERR_DEVICE, "%s is no whole module: damaged, cut short or something else", path);
    close(file);
    return s;
}

static recsys_status check_table(error *e, const char *path, const char *name, const backend_module *m)
{
    if (!m || m->struct_size < sizeof *m || !m->name || strcmp(m->name, name) != 0)
        return recsys__fail(e, RECSYS_ERR_DEVICE, "%s is no %s module", path, name);
    if (m->abi != BACKEND_ABI)
        return recsys__fail(e, RECSYS_ERR_DEVICE, "%s is made for another release of the library: its backend ABI is %u, not "
                            "%u", path, (unsigned)m->abi, (unsigned)BACKEND_ABI);
    return RECSYS_OK;
}

recsys_status recsys__module_load(error *e, const char *name, const backend_module **out)
{
    char path[PATH_ROOM];
    int foreign;
    *out = NULL;
    recsys_status s = module_path(e, name, path, &foreign);
    if (!s) s = check_file(e, path, foreign);
    if (s) return s;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) return recsys__fail(e, RECSYS_ERR_DEVICE, "module %s cannot be loaded: %s", path, dlerror());
    backend_module_fn entry;
    *(void **)&entry = dlsym(handle, BACKEND_MODULE_ENTRY);
    const backend_module *m = entry ? entry() : NULL;
    s = check_table(e, path, name, m);
    dlclose(handle); /* it stays: RTLD_NODELETE */
    if (!s) *out = m;
    return s;
}
