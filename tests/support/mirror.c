/* mirror.c - arrays of the host mirrored on a device; see mirror.h.
 *
 * Arrays that overlap or follow each other closely become one region, so that what lies at a distance here does so there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* msync */
#include "mirror.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "backend/op/weights_rows.h"
#include "base/exec.h"

enum { PAGE = 4096, GUARD = 512, ALIGNMENT = 256, REGIONS = 64, KNOWN = 4096, WINDOW = 1 << 16 };
static const unsigned char GUARD_BYTE = 0xc5;

typedef struct region {
    uintptr_t begin, end;      /* of the host; begin is aligned */
    unsigned char *host;       /* before the run, and then after it */
    unsigned char *device;     /* guard, copy, guard */
} region;

static struct known {
    uintptr_t begin, end;
} known[KNOWN];
static int n_known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void mirror_know(const void *array, size_t bytes)
{
    pthread_mutex_lock(&lock);
    int at = 0;
    while (at < n_known && known[at].begin != 0) at++;
    if (at < KNOWN) {
        known[at] = (struct known){ (uintptr_t)array, (uintptr_t)array + bytes };
        if (at == n_known) n_known++;
    }
    pthread_mutex_unlock(&lock);
}

void mirror_forget(const void *array)
{
    pthread_mutex_lock(&lock);
    for (int k = 0; k < n_known; k++)
        if (known[k].begin == (uintptr_t)array) known[k] = (struct known){ 0, 0 };
    pthread_mutex_unlock(&lock);
}

static int is_page(uintptr_t address)
{
    return msync((void *)(address / PAGE * PAGE), PAGE, MS_ASYNC) == 0;
}

/* Counts and random seeds are no addresses (programs, heaps and stacks lie high), nor is a small number with leftovers in the
 * padding behind it. */
static int is_mapped(uintptr_t address)
{
    if (address < (uintptr_t)1 << 45 || address >= (uintptr_t)1 << 47 || (uint32_t)address < 1 << 16) return 0;
    return is_page(address);
}

/* The array that an address lies in, or what follows it in memory. */
static region region_of(uintptr_t address)
{
    region r = { .begin = address / ALIGNMENT * ALIGNMENT, .end = address };
    pthread_mutex_lock(&lock);
    for (int k = 0; k < n_known; k++)
        if (address >= known[k].begin && address < known[k].end) {
            r.begin = known[k].begin / ALIGNMENT * ALIGNMENT;
            r.end = known[k].end;
        }
    pthread_mutex_unlock(&lock);
    if (r.end == address)
        for (r.end = address / PAGE * PAGE; r.end < address + WINDOW && is_page(r.end); r.end += PAGE) {
        }
    return r;
}

static int by_begin(const void *a, const void *b)
{
    const region *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static int is_host_field(const op *o, size_t at)
{
    return o->number == OP_WEIGHTS_ROWS && at == offsetof(op_weights_rows, rows);
}

static uint64_t word_at(const op *o, size_t at)
{
    uint64_t word;
    memcpy(&word, (const char *)o + at, sizeof word);
    return word;
}

/* The regions that a descriptor leads to, in order, none touching another. */
static int find_regions(const op *o, region r[REGIONS])
{
    int n = 0;
    for (size_t at = sizeof *o; at + sizeof(uint64_t) <= o->size; at += sizeof(uint64_t)) {
        uint64_t word = word_at(o, at);
        if (is_host_field(o, at) || !is_mapped((uintptr_t)word)) continue;
        if (n == REGIONS) fail_msg("mirror: a descriptor leads to too many arrays");
        r[n++] = region_of((uintptr_t)word);
    }
    qsort(r, (size_t)n, sizeof *r, by_begin);
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (kept > 0 && r[i].begin <= r[kept - 1].end) {
            if (r[i].end > r[kept - 1].end) r[kept - 1].end = r[i].end;
        } else {
            r[kept++] = r[i];
        }
    }
    return kept;
}

/* Memory of others lies between arrays whose size is not known: read and compared byte by byte, past any sanitizer. */
#if defined(__GNUC__)
__attribute__((no_sanitize_address))
#endif
static void read_host(unsigned char *to, uintptr_t from, size_t bytes)
{
    const volatile unsigned char *p = (const volatile unsigned char *)from;
    for (size_t i = 0; i < bytes; i++) to[i] = p[i];
}

#if defined(__GNUC__)
__attribute__((no_sanitize_address))
#endif
static void write_changes(uintptr_t to, const unsigned char *before, const unsigned char *after, size_t bytes)
{
    volatile unsigned char *p = (volatile unsigned char *)to;
    for (size_t i = 0; i < bytes; i++)
        if (before[i] != after[i]) p[i] = after[i];
}

static void expect(const error *e, recsys_status s)
{
    if (s) fail_msg("mirror: %s", e->message);
}

/* Device memory with guards around `bytes` bytes of `host` (NULL: of 0xff). */
static unsigned char *put(recsys_exec *x, error *e, const unsigned char *host, size_t bytes)
{
    backend *b = x->backend;
    void *device;
    unsigned char *all = malloc(bytes + 2 * GUARD);
    assert_non_null(all);
    memset(all, GUARD_BYTE, bytes + 2 * GUARD);
    if (host) memcpy(all + GUARD, host, bytes);
    else memset(all + GUARD, 0xff, bytes);
    expect(e, b->alloc(b->self, x->memory, e, bytes + 2 * GUARD, &device));
    expect(e, b->copy_in(b->self, x->queue, e, device, all, bytes + 2 * GUARD));
    free(all);
    return device;
}

/* Reads it back: the bytes to `host` (NULL: not wanted), and a look at the guards. */
static void take(recsys_exec *x, error *e, unsigned char *device, unsigned char *host, size_t bytes, const char *what)
{
    backend *b = x->backend;
    unsigned char *all = malloc(bytes + 2 * GUARD);
    assert_non_null(all);
    expect(e, b->copy_out(b->self, x->queue, e, all, device, bytes + 2 * GUARD));
    for (size_t i = 0; i < GUARD; i++)
        if (all[i] != GUARD_BYTE || all[GUARD + bytes + i] != GUARD_BYTE) fail_msg("something was written outside of %s", what);
    if (host) memcpy(host, all + GUARD, bytes);
    free(all);
}

static void redirect(op *to, const op *o, const region *r, int n)
{
    for (size_t at = sizeof *o; at + sizeof(uint64_t) <= o->size; at += sizeof(uint64_t)) {
        uint64_t word = word_at(o, at);
        if (is_host_field(o, at)) continue;
        for (int i = 0; i < n; i++)
            if (word >= r[i].begin && word < r[i].end) {
                unsigned char *device = r[i].device + GUARD + (word - r[i].begin);
                memcpy((char *)to + at, &device, sizeof device);
            }
    }
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A JSON line with the time of an operation on the arrays as they are by now, their contents no longer wanted. */
static void print_time(recsys_exec *exec, op_context *c, const op *o)
{
    enum { WARM = 2, TIMED = 10 };
    backend *b = exec->backend;
    char shape[256];
    double start = 0.0;
    for (int round = 0; round < WARM + TIMED; round++) {
        if (round == WARM) {
            (void)b->queue_wait(b->self, exec->queue, c->error);
            start = seconds_now();
        }
        if (b->run(b->self, c, o)) return;
    }
    if (b->queue_wait(b->self, exec->queue, c->error)) return;
    recsys__op_shape(o, shape, sizeof shape);
    printf("{\"op\": \"%s\", \"shape\": \"%s\", \"device\": \"%s\", \"seconds\": %.9f}\n", recsys__op_name(o->number), shape,
           b->name, (seconds_now() - start) / TIMED);
}

recsys_status mirror_run(recsys_exec *exec, op_context *c, const op *o)
{
    region r[REGIONS];
    error e = { 0 };
    backend *b = exec->backend;
    int n = find_regions(o, r);
    for (int i = 0; i < n; i++) {
        r[i].host = malloc(r[i].end - r[i].begin);
        assert_non_null(r[i].host);
        read_host(r[i].host, r[i].begin, r[i].end - r[i].begin);
        r[i].device = put(exec, &e, r[i].host, r[i].end - r[i].begin);
    }
    op *copy = malloc(o->size);
    assert_non_null(copy);
    memcpy(copy, o, o->size);
    redirect(copy, o, r, n);
    size_t bytes = b->workspace(b->self, copy, c->threads);
    unsigned char *workspace = put(exec, &e, NULL, bytes);
    c->workspace = workspace + GUARD;
    c->workspace_bytes = bytes;
    c->queue = exec->queue;
    recsys_status s = b->run(b->self, c, copy);
    if (!s) s = b->queue_wait(b->self, exec->queue, c->error);
    for (int i = 0; i < n; i++) {
        size_t size = r[i].end - r[i].begin;
        unsigned char *after = malloc(size);
        assert_non_null(after);
        take(exec, &e, r[i].device, after, size, "the arrays of a descriptor");
        write_changes(r[i].begin, r[i].host, after, size);
        free(after);
        free(r[i].host);
    }
    if (!s && getenv("RECSYS_TEST_PERF")) print_time(exec, c, copy);
    for (int i = 0; i < n; i++) b->free(b->self, exec->memory, r[i].device);
    take(exec, &e, workspace, NULL, bytes, "the workspace");
    b->free(b->self, exec->memory, workspace);
    free(copy);
    return s;
}
