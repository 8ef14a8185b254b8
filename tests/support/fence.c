/* fence.c - the fence backend; see fence.h.
 *
 * One range of addresses is reserved as a mapping of an empty file, in which every access is a SIGBUS whatever the
 * protection. A block is a run of anonymous pages put into it, with at least one page of the file left before and behind:
 *
 *     [ file ][ margin ........ | the block, aligned to 64 | margin < 64 ][ file ]
 *                                                                        page boundary
 *
 * A call opens the blocks that it names and closes them again: an operation those that its descriptor leads to and its
 * workspace. So a kernel cannot reach any other, and what is open is as small as the call. No address is handed out twice:
 * a block given back is a hole for good.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "fence.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/exec.h"

/* Words of a descriptor are looked at as addresses: there may be no bytes in it that nobody has set. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#include "backend/operations.h"
#pragma GCC diagnostic pop

#define RANGE ((size_t)64 << 30)

enum { PAGE = 4096, ALIGNMENT = 64, MARGIN_BYTE = 0xc5, FAULT_ROOM = 200, WORDS = 512 };

typedef struct block {
    unsigned char *pages; /* first byte of its first page */
    size_t pages_bytes;
    unsigned char *begin;
    size_t bytes;
    int open;     /* calls under way that use it */
    void *charge; /* what the account gave for it */
} block;

struct fence {
    backend table;
    backend *inner;
    pthread_mutex_t lock;
    int file; /* empty */
    unsigned char *range;
    size_t end; /* where the next block comes */
    block *blocks;
    int64_t n_blocks, room;
    int passes; /* the device has memory of its own, which no fence is needed for: only runs are counted */
    int64_t runs[OP_COUNT_];
    char fault[FAULT_ROOM], taken[FAULT_ROOM];
};

/* Fields of descriptors that their contracts leave in host memory. */
static const struct {
    int32_t number;
    size_t offset;
} host_fields[] = { { OP_WEIGHTS_ROWS, offsetof(op_weights_rows, rows) } };

static void note_fault(fence *w, const char *what, size_t number, const char *where)
{
    if (!w->fault[0]) snprintf(w->fault, sizeof w->fault, "%s %zu%s", what, number, where);
}

/* ---- opening and closing; the lock is held ---- */

/* The block in whose pages an address lies, their end included: an empty part of a block may begin there. */
static block *find_block(fence *w, uint64_t address)
{
    for (int64_t i = 0; i < w->n_blocks; i++) {
        uint64_t begin = (uintptr_t)w->blocks[i].pages;
        if (address >= begin && address <= begin + w->blocks[i].pages_bytes) return &w->blocks[i];
    }
    return NULL;
}

static void open_block(block *b)
{
    if (b && b->open++ == 0) mprotect(b->pages, b->pages_bytes, PROT_READ | PROT_WRITE);
}

static int is_margin(const unsigned char *p, size_t bytes)
{
    return bytes == 0 || (p[0] == MARGIN_BYTE && memcmp(p, p + 1, bytes - 1) == 0);
}

/* Another call that is under way on this block writes no margins, unless something is wrong. */
static void check_margins(fence *w, const block *b)
{
    size_t before = (size_t)(b->begin - b->pages), behind = b->pages_bytes - before - b->bytes;
    if (!is_margin(b->pages, before)) note_fault(w, "something was written before a block of", b->bytes, " bytes");
    if (!is_margin(b->begin + b->bytes, behind)) note_fault(w, "something was written behind a block of", b->bytes, " bytes");
}

static void close_block(fence *w, block *b)
{
    if (!b) return;
    check_margins(w, b);
    if (--b->open == 0) mprotect(b->pages, b->pages_bytes, PROT_NONE);
}

/* For calls that use one block. */
static void enter(fence *w, const void *p)
{
    pthread_mutex_lock(&w->lock);
    open_block(find_block(w, (uintptr_t)p));
    pthread_mutex_unlock(&w->lock);
}

static void leave(fence *w, const void *p)
{
    pthread_mutex_lock(&w->lock);
    close_block(w, find_block(w, (uintptr_t)p));
    pthread_mutex_unlock(&w->lock);
}

/* ---- memory ---- */

static int grow_list(fence *w)
{
    if (w->n_blocks < w->room) return 1;
    int64_t room = w->room ? 2 * w->room : 64;
    block *grown = realloc(w->blocks, (size_t)room * sizeof *grown);
    if (!grown) return 0;
    w->blocks = grown;
    w->room = room;
    return 1;
}

/* A float of this is NaN, an index far outside of everything. */
static void fill_unwritten(unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) p[i] = i % 2 ? 0x7f : 0xf9;
}

/* Puts the pages of a block in; the lock is held. */
static int place(fence *w, block *b)
{
    size_t aligned = (b->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    b->pages_bytes = (aligned + PAGE - 1) / PAGE * PAGE;
    if (b->pages_bytes == 0) b->pages_bytes = PAGE;
    if (!grow_list(w) || b->pages_bytes > RANGE - PAGE - w->end) return 0;
    b->pages = mmap(w->range + w->end, b->pages_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (b->pages == MAP_FAILED) return 0;
    b->begin = b->pages + b->pages_bytes - aligned;
    memset(b->pages, MARGIN_BYTE, b->pages_bytes);
    fill_unwritten(b->begin, b->bytes);
    mprotect(b->pages, b->pages_bytes, PROT_NONE);
    w->end += b->pages_bytes + PAGE;
    w->blocks[w->n_blocks++] = *b;
    return 1;
}

static recsys_status fence_alloc(void *self, memory *account, error *e, size_t bytes, void **out)
{
    fence *w = self;
    block b = { .bytes = bytes };
    *out = NULL;
    if (w->passes) return w->inner->alloc(w->inner->self, account, e, bytes, out);
    recsys_status status = recsys__alloc(account, e, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes, 1, &b.charge);
    if (status) return status;
    pthread_mutex_lock(&w->lock);
    int placed = place(w, &b);
    pthread_mutex_unlock(&w->lock);
    if (!placed) {
        recsys__free(account, b.charge);
        return recsys__fail(e, RECSYS_ERR_NO_MEMORY, "the fence has no room for %zu bytes", bytes);
    }
    *out = b.begin;
    return RECSYS_OK;
}

/* Takes the block at `p` out of the list; the lock is held. */
static int take_block(fence *w, const void *p, block *b)
{
    for (int64_t i = 0; i < w->n_blocks; i++)
        if (w->blocks[i].begin == p) {
            *b = w->blocks[i];
            w->blocks[i] = w->blocks[--w->n_blocks];
            return 1;
        }
    return 0;
}

static void fence_free(void *self, memory *account, void *p)
{
    fence *w = self;
    block b;
    if (w->passes) {
        w->inner->free(w->inner->self, account, p);
        return;
    }
    pthread_mutex_lock(&w->lock);
    int found = take_block(w, p, &b);
    if (found) {
        mprotect(b.pages, b.pages_bytes, PROT_READ | PROT_WRITE);
        check_margins(w, &b);
        /* At its own offset, so that the system joins it with the file's pages around it. */
        mmap(b.pages, b.pages_bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, w->file, (off_t)(b.pages - w->range));
    } else {
        note_fault(w, "a block was given back that is none: at", (size_t)p, "");
    }
    pthread_mutex_unlock(&w->lock);
    if (found) recsys__free(account, b.charge);
}

static recsys_status fence_copy_in(void *self, void *queue, error *e, void *to, const void *from_host, size_t bytes)
{
    fence *w = self;
    enter(w, to);
    recsys_status status = w->inner->copy_in(w->inner->self, queue, e, to, from_host, bytes);
    leave(w, to);
    return status;
}

static recsys_status fence_copy_out(void *self, void *queue, error *e, void *to_host, const void *from, size_t bytes)
{
    fence *w = self;
    enter(w, from);
    recsys_status status = w->inner->copy_out(w->inner->self, queue, e, to_host, from, bytes);
    leave(w, from);
    return status;
}

static recsys_status fence_fill(void *self, void *queue, error *e, void *to, int byte, size_t bytes)
{
    fence *w = self;
    enter(w, to);
    recsys_status status = w->inner->fill(w->inner->self, queue, e, to, byte, bytes);
    leave(w, to);
    return status;
}

static recsys_status fence_wrap(void *self, error *e, const void *host, size_t bytes, void **out)
{
    (void)self, (void)e, (void)host, (void)bytes;
    *out = NULL;
    return RECSYS_OK;
}

/* ---- operations ---- */

static int is_host_field(int32_t number, size_t offset)
{
    for (size_t f = 0; f < sizeof host_fields / sizeof *host_fields; f++)
        if (host_fields[f].number == number && host_fields[f].offset == offset) return 1;
    return 0;
}

/* Whether the eight bytes could be the address of memory that this process has, outside the fence. Programs, heaps and
 * stacks lie high; counts do not, and floats and doubles lie beyond what is an address at all. */
static int is_host_address(const fence *w, uint64_t word)
{
    if (word < (uint64_t)1 << 44 || word >= (uint64_t)1 << 47) return 0;
    if (word >= (uintptr_t)w->range && word < (uintptr_t)w->range + RANGE) return 0;
    void *page = (void *)(uintptr_t)(word / PAGE * PAGE);
    return msync(page, PAGE, MS_ASYNC) == 0;
}

/* Opens what the descriptor leads to, notes what it should not lead to, and lists the words that opened a block. */
static int open_all(fence *w, const op *o, const void *workspace, uint64_t opened[WORDS])
{
    char where[64];
    int count = 0;
    for (size_t at = sizeof *o; at + sizeof(uint64_t) <= o->size; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const char *)o + at, sizeof word);
        block *b = find_block(w, word);
        if (b && count + 1 < WORDS) {
            open_block(b);
            opened[count++] = word;
        } else if (!is_host_field(o->number, at) && is_host_address(w, word)) {
            snprintf(where, sizeof where, " of %s", recsys__op_name(o->number));
            note_fault(w, "host memory is passed at byte", at, where);
        }
    }
    if (workspace) {
        opened[count++] = (uintptr_t)workspace;
        open_block(find_block(w, (uintptr_t)workspace));
    }
    return count;
}

static recsys_status fence_supports(void *self, error *e, const op *o)
{
    fence *w = self;
    return w->inner->supports(w->inner->self, e, o);
}

static size_t fence_workspace(void *self, const op *o, int32_t threads)
{
    fence *w = self;
    return w->inner->workspace(w->inner->self, o, threads);
}

static recsys_status fence_run(void *self, op_context *c, const op *o)
{
    fence *w = self;
    uint64_t opened[WORDS];
    char fault[FAULT_ROOM];
    pthread_mutex_lock(&w->lock);
    w->runs[o->number]++;
    int count = w->passes ? 0 : open_all(w, o, c->workspace, opened);
    pthread_mutex_unlock(&w->lock);
    recsys_status status = w->inner->run(w->inner->self, c, o);
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < count; i++) close_block(w, find_block(w, opened[i]));
    memcpy(fault, w->fault, sizeof fault);
    pthread_mutex_unlock(&w->lock);
    if (status || !fault[0]) return status;
    return recsys__fail(c->error, RECSYS_ERR_INTERNAL, "%s on the fence: %s", recsys__op_name(o->number), fault);
}

/* ---- queues: the device's ---- */

static recsys_status fence_queue_open(void *self, memory *account, error *e, void *given, void **queue)
{
    fence *w = self;
    return w->inner->queue_open(w->inner->self, account, e, given, queue);
}

static void fence_queue_close(void *self, memory *account, void *queue)
{
    fence *w = self;
    w->inner->queue_close(w->inner->self, account, queue);
}

static recsys_status fence_queue_wait(void *self, void *queue, error *e)
{
    fence *w = self;
    return w->inner->queue_wait(w->inner->self, queue, e);
}

/* ---- life ---- */

/* A file of no bytes and no name. */
static int empty_file(void)
{
    char path[] = "/tmp/recsys-fence-XXXXXX";
    int file = mkstemp(path);
    if (file >= 0) unlink(path);
    return file;
}

fence *fence_open(recsys_exec *exec)
{
    fence *w = calloc(1, sizeof *w);
    if (!w || sysconf(_SC_PAGESIZE) != PAGE) fail_msg("no fence: no memory, or pages of another size");
    w->file = empty_file();
    w->range = w->file < 0 ? MAP_FAILED : mmap(NULL, RANGE, PROT_NONE, MAP_SHARED | MAP_NORESERVE, w->file, 0);
    if (w->range == MAP_FAILED || pthread_mutex_init(&w->lock, NULL)) fail_msg("no fence: the addresses cannot be reserved");
    w->end = PAGE;
    w->inner = exec->backend;
    w->table = (backend){
        .struct_size = sizeof w->table,
        .abi = BACKEND_ABI,
        .name = "fence",
        .self = w,
        .alloc = fence_alloc,
        .free = fence_free,
        .copy_in = fence_copy_in,
        .copy_out = fence_copy_out,
        .fill = fence_fill,
        .wrap = fence_wrap,
        .supports = fence_supports,
        .workspace = fence_workspace,
        .run = fence_run,
    };
    w->passes = w->inner->queue_open != NULL;
    if (w->passes) {
        w->table.queue_open = fence_queue_open;
        w->table.queue_close = fence_queue_close;
        w->table.queue_wait = fence_queue_wait;
    }
    fence_add(w, exec);
    return w;
}

void fence_add(fence *w, recsys_exec *exec)
{
    assert_ptr_equal(exec->backend, w->inner);
    assert_null(exec->workspace);
    assert_null(exec->device_scratch);
    exec->backend = &w->table;
}

void fence_close(fence *w)
{
    char fault[FAULT_ROOM];
    int64_t held = w->n_blocks;
    memcpy(fault, w->fault, sizeof fault);
    munmap(w->range, RANGE);
    close(w->file);
    pthread_mutex_destroy(&w->lock);
    free(w->blocks);
    free(w);
    if (fault[0]) fail_msg("fence: %s", fault);
    assert_int_equal(held, 0);
}

int64_t fence_runs(const fence *w, int32_t number)
{
    return w->runs[number];
}

int64_t fence_blocks(const fence *w)
{
    return w->n_blocks;
}

const char *fence_take_fault(fence *w)
{
    memcpy(w->taken, w->fault, sizeof w->taken);
    w->fault[0] = '\0';
    return w->taken;
}
