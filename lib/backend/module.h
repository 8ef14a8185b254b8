/* module.h - backends that are opened at run time: what a module exports and what the library lends it.
 *
 * A module is a shared object `librecsys-<name>.so` with one exported function, BACKEND_MODULE_ENTRY. It links nothing of the
 * library: accounts and host memory come through backend_host, the rest (errors among it) is plain structs, whose layout
 * BACKEND_ABI numbers. A module has no state of its own; several environments may use it at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_MODULE_H
#define BACKEND_MODULE_H

#include "backend/backend.h"

/* What a module may call, from any thread. */
typedef struct backend_host {
    size_t struct_size;
    /* Counts device memory in an account: ERR_MEMORY_LIMIT beyond its limit. */
    recsys_status (*charge)(memory *account, error *e, int64_t bytes);
    void (*discharge)(memory *account, int64_t bytes);
    /* Host memory, zeroed, as recsys__alloc_zero() and recsys__free(). */
    recsys_status (*alloc)(memory *account, error *e, int64_t count, size_t size, void *out);
    void (*free)(memory *account, void *block);
} backend_host;

typedef struct backend_module {
    size_t struct_size;
    uint32_t abi;     /* BACKEND_ABI */
    const char *name; /* "cuda" */

    /* Devices there are now; ERR_DEVICE with the reason where that cannot be known. */
    recsys_status (*count)(const backend_host *h, error *e, int64_t *n);
    /* One line for a person, cut to its room, and the device's memory. */
    recsys_status (*describe)(const backend_host *h, error *e, int64_t index, char *words, size_t room, int64_t *memory_bytes);
    /* Opens device `index` under the name `name`, which outlives it; its own memory is charged to `account`. */
    recsys_status (*open)(const backend_host *h, memory *account, error *e, int64_t index, const char *name, backend **out);
    void (*close)(memory *account, backend *b);
} backend_module;

#define BACKEND_MODULE_ENTRY "recsys_backend_module"
typedef const backend_module *(*backend_module_fn)(void);

/* Opens `librecsys-<name>.so` in the folder RECSYS_BACKEND_PATH names, or else beside the library. A folder that was named, and
 * the file in it, must belong to this user or to root, and nobody else may be able to write them. The file is looked through
 * before it is loaded: one that was cut short is refused, and so is one with another ABI number. ERR_DEVICE with the reason. A
 * module stays in the process. */
recsys_status recsys__module_load(error *e, const char *name, const backend_module **out);

extern const backend_host recsys__backend_host;

#endif
