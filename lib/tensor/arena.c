/* arena.c - device memory of one step, in a few chunks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tensor/arena.h"

#include "backend/run.h"

enum { ALIGNMENT = 64, LEAST_CHUNK = 1 << 18 };

int64_t recsys__arena_bytes(const arena *a)
{
    int64_t total = 0;
    for (int32_t c = 0; c < a->n_chunks; c++)
        total += a->chunk[c].bytes;
    return total;
}

static recsys_status add_chunk(recsys_exec *x, arena *a, int64_t bytes)
{
    if (a->n_chunks == ARENA_CHUNKS)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "a training step needs more than %d pieces of memory", ARENA_CHUNKS);
    int64_t size = recsys__arena_bytes(a);
    if (size < LEAST_CHUNK)
        size = LEAST_CHUNK;
    if (size < bytes)
        size = bytes;
    void *block;
    recsys_status status = recsys__device_alloc(x, size, 1, &block);
    if (status < 0 && size > bytes) { /* as little as will do */
        size = bytes;
        status = recsys__device_alloc(x, size, 1, &block);
    }
    if (status < 0)
        return status;
    a->current = a->n_chunks++;
    a->chunk[a->current].memory = block;
    a->chunk[a->current].bytes = size;
    a->chunk[a->current].used = 0;
    return RECSYS_OK;
}

recsys_status recsys__arena_take(recsys_exec *x, arena *a, int64_t bytes, void **out)
{
    *out = NULL;
    if (bytes > INT64_MAX - ALIGNMENT)
        return recsys__fail(&x->error, RECSYS_ERR_TOO_LARGE, "a training step asks for %lld bytes", (long long)bytes);
    bytes = bytes > 0 ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    while (a->current < a->n_chunks && a->chunk[a->current].bytes - a->chunk[a->current].used < bytes)
        a->current++;
    if (a->current == a->n_chunks) {
        recsys_status status = add_chunk(x, a, bytes);
        if (status < 0)
            return status;
    }
    *out = a->chunk[a->current].memory + a->chunk[a->current].used;
    a->chunk[a->current].used += bytes;
    return RECSYS_OK;
}

void recsys__arena_reset(arena *a)
{
    for (int32_t c = 0; c < a->n_chunks; c++)
        a->chunk[c].used = 0;
    a->current = 0;
}

void recsys__arena_free(recsys_exec *x, arena *a)
{
    for (int32_t c = 0; c < a->n_chunks; c++)
        recsys__device_free(x->backend, x->memory, a->chunk[c].memory);
    *a = (arena){ 0 };
}
