/* memory.h - all allocation of the library: the environment's allocator, counted against a limit.
 *
 * A `memory` is an account: it knows the allocator, what is in use, the peak and the limit. Each exec opens one; each
 * object that outlives the exec (dataset, model) keeps a reference to the account it was charged to. Blocks know their
 * size, so recsys__free() needs only the pointer. All blocks are aligned to 64 bytes. Any thread may allocate and free.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <recsys/env.h>

#include "base/error.h"

typedef struct memory memory;

/* Opens an account on a copy of `allocator`, with one reference; `limit` 0: none; NULL if even that cannot be allocated. */
memory *recsys__memory_open(const recsys_allocator *allocator, int64_t limit);
memory *recsys__memory_retain(memory *m);
void recsys__memory_release(memory *m);

int64_t recsys__memory_used(const memory *m);
int64_t recsys__memory_peak(const memory *m);
int64_t recsys__memory_limit(const memory *m);
void recsys__memory_reset_peak(memory *m);

/* Takes count * size bytes, zero bytes give a block too. On failure *out is NULL and the message names the figure:
 * ERR_MEMORY_LIMIT above the limit, ERR_TOO_LARGE on overflow, ERR_NO_MEMORY when the allocator says no. */
recsys_status recsys__alloc(memory *m, error *e, int64_t count, size_t size, void *out);

/* The same, zeroed. */
recsys_status recsys__alloc_zero(memory *m, error *e, int64_t count, size_t size, void *out);

/* Moves the block at *(void **)block (NULL allowed) to one of count * size bytes; on failure the old block stays. */
recsys_status recsys__resize(memory *m, error *e, int64_t count, size_t size, void *block);

/* Gives a block back to the account it came from; NULL is allowed. */
void recsys__free(memory *m, void *block);

/* Counts `bytes` of a device's memory in the account, and takes them out again. ERR_MEMORY_LIMIT. */
recsys_status recsys__memory_charge(memory *m, error *e, int64_t bytes);
void recsys__memory_discharge(memory *m, int64_t bytes);

/* Fails as recsys__alloc() would if `bytes` more were needed now; `what` begins the message ("ease on 40981 items"). */
recsys_status recsys__memory_check(memory *m, error *e, int64_t bytes, const char *what);

#endif
