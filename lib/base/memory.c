/* memory.c - accounts of memory: every block of the library, counted against a limit.
 *
 * Each block is one piece from the allocator, 64 bytes larger than asked for:
 *
 *     [ size of the piece | its account | unused to byte 64 ][ what the caller gets, aligned to 64 ]
 *
 * `used` counts whole pieces, so that it says what the allocator gave. It is raised before the allocator is asked, by
 * compare and exchange: threads that allocate at once never exceed the limit together.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

enum { ALIGNMENT = 64, HEAD = 64 };

struct memory {
    atomic_int refs;
    recsys_allocator allocator;
    int64_t limit;
    atomic_int_least64_t used, peak;
};

typedef struct head {
    int64_t size;
    memory *account;
} head;

_Static_assert(sizeof(head) <= HEAD, "the head of a block must fit before its aligned part");

static head *head_of(void *block)
{
    return (head *)(void *)((char *)block - HEAD);
}

/* ---- accounts ---- */

memory *recsys__memory_open(const recsys_allocator *allocator, int64_t limit)
{
    memory *m = allocator->alloc(allocator->user, sizeof *m, ALIGNMENT);
    if (!m) return NULL;
    m->allocator = *allocator;
    m->limit = limit > 0 ? limit : INT64_MAX;
    atomic_init(&m->refs, 1);
    atomic_init(&m->used, 0);
    atomic_init(&m->peak, 0);
    return m;
}

memory *recsys__memory_retain(memory *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void recsys__memory_release(memory *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1) return;
    recsys_allocator allocator = m->allocator;
    allocator.free(allocator.user, m, sizeof *m, ALIGNMENT);
}

int64_t recsys__memory_used(const memory *m)
{
    return atomic_load_explicit(&m->used, memory_order_relaxed);
}

int64_t recsys__memory_peak(const memory *m)
{
    return atomic_load_explicit(&m->peak, memory_order_relaxed);
}

int64_t recsys__memory_limit(const memory *m)
{
    return m->limit;
}

void recsys__memory_reset_peak(memory *m)
{
    atomic_store_explicit(&m->peak, recsys__memory_used(m), memory_order_relaxed);
}

/* ---- counting ---- */

static recsys_status fail_limit(error *e, const char *what, int64_t bytes, int64_t used, int64_t limit)
{
    char need[NUMBER_ROOM], held[NUMBER_ROOM], most[NUMBER_ROOM];
    return recsys__fail(e, RECSYS_ERR_MEMORY_LIMIT, "%s%sneeds %s more (%lld bytes), %s in use, limit %s (%lld bytes)", what,
                        *what ? " " : "", recsys__size_text(need, bytes), (long long)bytes, recsys__size_text(held, used),
                        recsys__size_text(most, limit), (long long)limit);
}

/* Raises `used` by `bytes` if that stays within the limit. */
recsys_status recsys__memory_charge(memory *m, error *e, int64_t bytes)
{
    int_least64_t used = atomic_load_explicit(&m->used, memory_order_relaxed);
    do {
        if (bytes > m->limit - used) return fail_limit(e, "", bytes, used, m->limit);
    } while (!atomic_compare_exchange_weak_explicit(&m->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));

    int_least64_t now = used + bytes, peak = atomic_load_explicit(&m->peak, memory_order_relaxed);
    while (now > peak &&
           !atomic_compare_exchange_weak_explicit(&m->peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
    return RECSYS_OK;
}

void recsys__memory_discharge(memory *m, int64_t bytes)
{
    atomic_fetch_sub_explicit(&m->used, bytes, memory_order_relaxed);
}

recsys_status recsys__memory_check(memory *m, error *e, int64_t bytes, const char *what)
{
    if (bytes < 0 || bytes > INT64_MAX - HEAD)
        return recsys__fail(e, RECSYS_ERR_TOO_LARGE, "%s needs more memory than can be addressed", what);
    int64_t used = recsys__memory_used(m);
    return bytes + HEAD > m->limit - used ? fail_limit(e, what, bytes, used, m->limit) : RECSYS_OK;
}

/* ---- blocks ---- */

/* Size of the piece for count * size bytes, in bounds of both int64_t and size_t. */
static recsys_status piece_size(error *e, int64_t count, size_t size, int64_t *bytes)
{
    const uint64_t most = (uint64_t)PTRDIFF_MAX - HEAD;
    if (count < 0 || (size > 0 && (uint64_t)count > most / size))
        return recsys__fail(e, RECSYS_ERR_TOO_LARGE, "%lld elements of %zu bytes are more memory than can be addressed",
                            (long long)count, size);
    *bytes = (int64_t)((uint64_t)count * size) + HEAD;
    return RECSYS_OK;
}

recsys_status recsys__alloc(memory *m, error *e, int64_t count, size_t size, void *out)
{
    void *block = NULL;
    memcpy(out, &block, sizeof block);
    int64_t bytes = 0;
    recsys_status s = piece_size(e, count, size, &bytes);
    if (!s) s = recsys__memory_charge(m, e, bytes);
    if (s) return s;
    char *piece = m->allocator.alloc(m->allocator.user, (size_t)bytes, ALIGNMENT);
    if (!piece) {
        recsys__memory_discharge(m, bytes);
        char need[NUMBER_ROOM];
        return recsys__fail(e, RECSYS_ERR_NO_MEMORY, "the allocator returned no memory for %s (%lld bytes)",
                            recsys__size_text(need, bytes), (long long)bytes);
    }
    block = piece + HEAD;
    head_of(block)->size = bytes;
    head_of(block)->account = m;
    memcpy(out, &block, sizeof block);
    return RECSYS_OK;
}

recsys_status recsys__alloc_zero(memory *m, error *e, int64_t count, size_t size, void *out)
{
    recsys_status s = recsys__alloc(m, e, count, size, out);
    if (s) return s;
    void *block;
    memcpy(&block, out, sizeof block);
    memset(block, 0, (size_t)(head_of(block)->size - HEAD));
    return RECSYS_OK;
}

recsys_status recsys__resize(memory *m, error *e, int64_t count, size_t size, void *block)
{
    void *old, *grown;
    memcpy(&old, block, sizeof old);
    recsys_status s = recsys__alloc(m, e, count, size, &grown);
    if (s) return s;
    if (old) {
        int64_t had = head_of(old)->size, has = head_of(grown)->size;
        memcpy(grown, old, (size_t)((had < has ? had : has) - HEAD));
        recsys__free(m, old);
    }
    memcpy(block, &grown, sizeof grown);
    return RECSYS_OK;
}

void recsys__free(memory *m, void *block)
{
    (void)m; /* the block knows better: an object may be freed by other means than those that made it */
    if (!block) return;
    head *h = head_of(block);
    memory *account = h->account;
    int64_t bytes = h->size;
    account->allocator.free(account->allocator.user, h, (size_t)bytes, ALIGNMENT);
    recsys__memory_discharge(account, bytes);
}
