/* arena.h - device memory of one step: taken in order, given back all at once, and kept for the next step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_ARENA_H
#define TENSOR_ARENA_H

#include "base/exec.h"

enum { ARENA_CHUNKS = 40 };

typedef struct arena {
    int32_t n_chunks, current;
    struct {
        char *memory;
        int64_t bytes, used;
    } chunk[ARENA_CHUNKS];
} arena;

/* `bytes` bytes aligned to 64; *out is NULL on failure. Each new chunk is at least as large as all before it, so that there
 * are few, and a round of the same requests after recsys__arena_reset() finds the same places. */
recsys_status recsys__arena_take(recsys_exec *x, arena *a, int64_t bytes, void **out);

/* Everything that was taken is free again. */
void recsys__arena_reset(arena *a);

/* Gives the memory back. */
void recsys__arena_free(recsys_exec *x, arena *a);

/* Bytes held. */
int64_t recsys__arena_bytes(const arena *a);

#endif
