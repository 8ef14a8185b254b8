/* late.c - the late backend; see late.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/late.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

#include "backend/backend.h"
#include "base/exec.h"

typedef enum work_kind { WORK_RUN, WORK_COPY, WORK_FILL } work_kind;

typedef struct work {
    struct work *next;
    work_kind kind;
    op_context context; /* run */
    void *to;           /* copy, fill */
    int byte;
    size_t bytes;
    max_align_t data[]; /* the descriptor, or what is copied */
} work;

typedef struct late_queue {
    struct late_queue *next;
    work *first, **end;
} late_queue;

struct late {
    backend table, *inner;
    pthread_mutex_t lock;
    late_queue *queues;
    int64_t waits, runs;
};

/* ---- keeping and doing ---- */

static void keep(late *w, late_queue *q, const work *what, const void *data, size_t size)
{
    work *k = malloc(sizeof *k + size);
    if (!k) fail_msg("no memory for late work");
    *k = *what;
    k->next = NULL;
    memcpy(k->data, data, size);
    pthread_mutex_lock(&w->lock);
    *q->end = k;
    q->end = &k->next;
    pthread_mutex_unlock(&w->lock);
}

static recsys_status do_one(late *w, work *k)
{
    error e = { 0 };
    switch (k->kind) {
    case WORK_RUN: return w->runs++, w->inner->run(w->inner->self, &k->context, (const op *)(const void *)k->data);
    case WORK_COPY: return w->inner->copy_in(w->inner->self, NULL, &e, k->to, k->data, k->bytes);
    default: return w->inner->fill(w->inner->self, NULL, &e, k->to, k->byte, k->bytes);
    }
}

/* Does what a queue holds; what follows after a failure is left out. With the lock. */
static recsys_status catch_up(late *w, late_queue *q)
{
    recsys_status status = RECSYS_OK;
    while (q->first) {
        work *k = q->first;
        q->first = k->next;
        if (!q->first) q->end = &q->first;
        if (!status) status = do_one(w, k);
        free(k);
    }
    return status;
}

static recsys_status wait_for(late *w, late_queue *q)
{
    pthread_mutex_lock(&w->lock);
    recsys_status status = catch_up(w, q);
    pthread_mutex_unlock(&w->lock);
    return status;
}

/* ---- the table ---- */

static recsys_status late_alloc(void *self, memory *account, error *e, size_t bytes, void **out)
{
    late *w = self;
    recsys_status status = w->inner->alloc(w->inner->self, account, e, bytes, out);
    if (!status) memset(*out, 0xff, bytes);
    return status;
}

/* As a device: memory is given back when nothing can need it. */
static void late_free(void *self, memory *account, void *p)
{
    late *w = self;
    pthread_mutex_lock(&w->lock);
    for (late_queue *q = w->queues; q; q = q->next) (void)catch_up(w, q);
    pthread_mutex_unlock(&w->lock);
    w->inner->free(w->inner->self, account, p);
}

static recsys_status late_copy_in(void *self, void *queue, error *e, void *to, const void *from_host, size_t bytes)
{
    late *w = self;
    if (!queue) return w->inner->copy_in(w->inner->self, NULL, e, to, from_host, bytes);
    keep(w, queue, &(work){ .kind = WORK_COPY, .to = to, .bytes = bytes }, from_host, bytes);
    return RECSYS_OK;
}

static recsys_status late_fill(void *self, void *queue, error *e, void *to, int byte, size_t bytes)
{
    late *w = self;
    if (!queue) return w->inner->fill(w->inner->self, NULL, e, to, byte, bytes);
    keep(w, queue, &(work){ .kind = WORK_FILL, .to = to, .byte = byte, .bytes = bytes }, "", 0);
    return RECSYS_OK;
}

static recsys_status late_queue_wait(void *self, void *queue, error *e)
{
    late *w = self;
    (void)e;
    pthread_mutex_lock(&w->lock);
    w->waits++;
    pthread_mutex_unlock(&w->lock);
    return wait_for(w, queue);
}

static recsys_status late_copy_out(void *self, void *queue, error *e, void *to_host, const void *from, size_t bytes)
{
    late *w = self;
    recsys_status status = queue ? late_queue_wait(w, queue, e) : RECSYS_OK;
    return status ? status : w->inner->copy_out(w->inner->self, NULL, e, to_host, from, bytes);
}

static recsys_status late_supports(void *self, error *e, const op *o)
{
    late *w = self;
    return w->inner->supports(w->inner->self, e, o);
}

static size_t late_workspace(void *self, const op *o, int32_t threads)
{
    late *w = self;
    return w->inner->workspace(w->inner->self, o, threads);
}

/* Whether a device answers at once too: the host has to see a number, or an array of the host is read. */
static int answers_at_once(int32_t number)
{
    static const int32_t numbers[] = { OP_GRAM, OP_SPD_INVERSE, OP_WEIGHTS_SPARSIFY, OP_ORTHONORMALIZE, OP_RITZ,
                                       OP_WEIGHTS_ROWS };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (number == numbers[i]) return 1;
    return 0;
}

static recsys_status late_run(void *self, op_context *c, const op *o)
{
    late *w = self;
    recsys_status status = w->inner->supports(w->inner->self, c->error, o);
    if (status) return status;
    keep(w, c->queue, &(work){ .kind = WORK_RUN, .context = *c }, o, o->size);
    return answers_at_once(o->number) ? wait_for(w, c->queue) : RECSYS_OK;
}

static late_queue *add_queue(late *w)
{
    late_queue *q = calloc(1, sizeof *q);
    if (!q) fail_msg("no memory for a late queue");
    q->end = &q->first;
    pthread_mutex_lock(&w->lock);
    q->next = w->queues;
    w->queues = q;
    pthread_mutex_unlock(&w->lock);
    return q;
}

static recsys_status late_queue_open(void *self, memory *account, error *e, void *given, void **queue)
{
    (void)account, (void)e, (void)given;
    *queue = add_queue(self);
    return RECSYS_OK;
}

static void late_queue_close(void *self, memory *account, void *queue)
{
    late *w = self;
    (void)account;
    pthread_mutex_lock(&w->lock);
    (void)catch_up(w, queue);
    late_queue **at = &w->queues;
    while (*at != queue) at = &(*at)->next;
    *at = (*at)->next;
    pthread_mutex_unlock(&w->lock);
    free(queue);
}

/* ---- life ---- */

late *late_open(void)
{
    late *w = calloc(1, sizeof *w);
    if (!w || pthread_mutex_init(&w->lock, NULL)) fail_msg("no late backend");
    w->table = (backend){
        .struct_size = sizeof w->table,
        .abi = BACKEND_ABI,
        .name = "late",
        .self = w,
        .alloc = late_alloc,
        .free = late_free,
        .copy_in = late_copy_in,
        .copy_out = late_copy_out,
        .fill = late_fill,
        .supports = late_supports,
        .workspace = late_workspace,
        .run = late_run,
        .queue_open = late_queue_open,
        .queue_close = late_queue_close,
        .queue_wait = late_queue_wait,
    };
    return w;
}

void late_add(late *w, recsys_exec *exec)
{
    assert_true(w->inner == NULL || w->inner == exec->backend);
    assert_null(exec->workspace);
    assert_null(exec->device_scratch);
    w->inner = exec->backend;
    exec->backend = &w->table;
    exec->queue = add_queue(w);
}

void late_close(late *w)
{
    assert_null(w->queues);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int64_t late_waits(const late *w)
{
    return w->waits;
}

int64_t late_runs(const late *w)
{
    return w->runs;
}
