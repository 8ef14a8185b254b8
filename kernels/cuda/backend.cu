/* backend.cu - the table of the CUDA backend: memory, copies and queues of one device, and running operations.
 *
 * Every entry sets the device and puts the caller's current one back. Nothing in here waits for the device but copies to the
 * host, queue_wait, and copies from the host that find both halves of their staging in use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/device.h"

#include <cstdarg>
#include <cstdio>

extern "C" {
#include "backend/operations.h"
}

static const size_t STAGE = 1 << 20;
static const int STAGES = 2;

/* Pinned memory in two halves: while one is under way the other is filled. */
struct cuda_queue_state {
    char *stage;
    cudaEvent_t passed[STAGES]; /* the device has read, or written, the half */
    int next;
    int own_stream;
};

/* Makes the device current while it lives. */
struct device_scope {
    int before;
    explicit device_scope(const cuda_device *d)
    {
        if (cudaGetDevice(&before) != cudaSuccess) before = -1;
        (void)cudaSetDevice(d->index);
    }
    ~device_scope()
    {
        if (before >= 0) (void)cudaSetDevice(before);
    }
};

/* ---- errors ---- */

recsys_status cuda_fail(error *e, recsys_status status, const char *format, ...)
{
    char words[sizeof e->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (!e) return status;
    e->status = status;
    e->system_error = 0;
    memcpy(e->message, words, sizeof words);
    return status;
}

recsys_status cuda_ok(error *e, cudaError_t result)
{
    if (result == cudaSuccess) return RECSYS_OK;
    (void)cudaGetLastError(); /* what can be forgotten is */
    if (result == cudaErrorMemoryAllocation) return cuda_fail(e, RECSYS_ERR_NO_MEMORY, "the device has no memory left");
    return cuda_fail(e, RECSYS_ERR_DEVICE, "CUDA: %s (%s)", cudaGetErrorString(result), cudaGetErrorName(result));
}

recsys_status cublas_ok(error *e, cublasStatus_t result)
{
    if (result == CUBLAS_STATUS_SUCCESS) return RECSYS_OK;
    if (result == CUBLAS_STATUS_ALLOC_FAILED)
        return cuda_fail(e, RECSYS_ERR_NO_MEMORY, "cuBLAS: the device has no memory left");
    return cuda_fail(e, RECSYS_ERR_DEVICE, "cuBLAS: %s", cublasGetStatusString(result));
}

/* ---- memory ---- */

static recsys_status keep_block(cuda_device *d, error *e, void *p, int64_t bytes)
{
    if (d->n_blocks == d->room) {
        int64_t room = d->room ? 2 * d->room : 64;
        cuda_block *grown;
        TRY(d->host->alloc(d->account, e, room, sizeof *grown, &grown));
        if (d->n_blocks) memcpy(grown, d->block, sizeof *grown * (size_t)d->n_blocks);
        d->host->free(d->account, d->block);
        d->block = grown;
        d->room = room;
    }
    d->block[d->n_blocks++] = cuda_block{ p, bytes };
    return RECSYS_OK;
}

/* Bytes of a block that is no longer in the list; -1: none of ours. */
static int64_t forget_block(cuda_device *d, const void *p)
{
    for (int64_t i = d->n_blocks - 1; i >= 0; i--)
        if (d->block[i].p == p) {
            int64_t bytes = d->block[i].bytes;
            d->block[i] = d->block[--d->n_blocks];
            return bytes;
        }
    return -1;
}

static recsys_status take(cuda_device *d, error *e, size_t bytes, void **out)
{
    cudaError_t result = cudaMalloc(out, bytes > 0 ? bytes : 1);
    if (result != cudaErrorMemoryAllocation) return cuda_ok(e, result);
    size_t left = 0, all = 0;
    (void)cudaGetLastError();
    (void)cudaMemGetInfo(&left, &all);
    return cuda_fail(e, RECSYS_ERR_NO_MEMORY, "the device \"%s\" has no %zu bytes in one piece: %zu of its %zu bytes are free",
                     d->table.name, bytes, left, all);
}

static recsys_status device_alloc(void *self, memory *account, error *e, size_t bytes, void **out)
{
    cuda_device *d = static_cast<cuda_device *>(self);
    device_scope scope(d);
    *out = nullptr;
    if (bytes > (size_t)PTRDIFF_MAX)
        return cuda_fail(e, RECSYS_ERR_TOO_LARGE, "%zu bytes are more than can be addressed", bytes);
    TRY(d->host->charge(account, e, (int64_t)bytes));
    void *p = nullptr;
    recsys_status s = take(d, e, bytes, &p);
    if (!s) {
        pthread_mutex_lock(&d->lock);
        s = keep_block(d, e, p, (int64_t)bytes);
        pthread_mutex_unlock(&d->lock);
        if (s) (void)cudaFree(p);
    }
    if (s) d->host->discharge(account, (int64_t)bytes);
    else *out = p;
    return s;
}

static void device_free(void *self, memory *account, void *p)
{
    cuda_device *d = static_cast<cuda_device *>(self);
    device_scope scope(d);
    pthread_mutex_lock(&d->lock);
    int64_t bytes = forget_block(d, p);
    pthread_mutex_unlock(&d->lock);
    if (bytes < 0) return;
    if (cudaFree(p) != cudaSuccess) (void)cudaGetLastError(); /* a lost device: its memory is gone with it */
    d->host->discharge(account, bytes);
}

/* ---- copies ---- */

/* Waits for the queue, and says what was found wrong on the device since the last time. */
static recsys_status wait_for(cuda_stream *q, error *e)
{
    TRY(cuda_ok(e, cudaStreamSynchronize(q->stream)));
    cuda_note n = *q->note;
    q->note->found = 0;
    if (!n.found) return RECSYS_OK;
    return cuda_fail(e, RECSYS_ERR_OUT_OF_RANGE, "entry %lld of a lookup asks for row %d of a table of %lld rows",
                     (long long)n.entry, (int)n.row, (long long)n.n_rows);
}

/* After a call without a queue, which may return before the device is done: the streams of execs do not wait for it. */
static recsys_status without_queue(error *e, cudaError_t result)
{
    TRY(cuda_ok(e, result));
    return cuda_ok(e, cudaStreamSynchronize(nullptr));
}

static recsys_status copy_in(void *self, void *queue, error *e, void *to, const void *from_host, size_t bytes)
{
    device_scope scope(static_cast<cuda_device *>(self));
    cuda_stream *q = static_cast<cuda_stream *>(queue);
    if (!q) return without_queue(e, cudaMemcpy(to, from_host, bytes, cudaMemcpyHostToDevice));
    cuda_queue_state *s = q->own;
    for (size_t at = 0; at < bytes; at += STAGE) {
        size_t piece = bytes - at < STAGE ? bytes - at : STAGE;
        char *half = s->stage + (size_t)s->next * STAGE;
        TRY(cuda_ok(e, cudaEventSynchronize(s->passed[s->next])));
        memcpy(half, static_cast<const char *>(from_host) + at, piece);
        TRY(cuda_ok(e, cudaMemcpyAsync(static_cast<char *>(to) + at, half, piece, cudaMemcpyHostToDevice, q->stream)));
        TRY(cuda_ok(e, cudaEventRecord(s->passed[s->next], q->stream)));
        s->next = (s->next + 1) % STAGES;
    }
    return RECSYS_OK;
}

/* Piece i is under way while piece i - 1 is taken out. What was found wrong on the device is looked at when all has passed. */
static recsys_status copy_out(void *self, void *queue, error *e, void *to_host, const void *from, size_t bytes)
{
    device_scope scope(static_cast<cuda_device *>(self));
    cuda_stream *q = static_cast<cuda_stream *>(queue);
    if (!q) return cuda_ok(e, cudaMemcpy(to_host, from, bytes, cudaMemcpyDeviceToHost));
    cuda_queue_state *s = q->own;
    size_t pieces = (bytes + STAGE - 1) / STAGE;
    for (size_t i = 0; i <= pieces; i++) {
        if (i < pieces) {
            size_t at = i * STAGE, piece = bytes - at < STAGE ? bytes - at : STAGE;
            TRY(cuda_ok(e, cudaMemcpyAsync(s->stage + i % (size_t)STAGES * STAGE, static_cast<const char *>(from) + at, piece,
                                           cudaMemcpyDeviceToHost, q->stream)));
            TRY(cuda_ok(e, cudaEventRecord(s->passed[i % (size_t)STAGES], q->stream)));
        }
        if (i == 0) continue;
        size_t at = (i - 1) * STAGE, piece = bytes - at < STAGE ? bytes - at : STAGE;
        TRY(cuda_ok(e, cudaEventSynchronize(s->passed[(i - 1) % (size_t)STAGES])));
        memcpy(static_cast<char *>(to_host) + at, s->stage + (i - 1) % (size_t)STAGES * STAGE, piece);
    }
    return wait_for(q, e);
}

static recsys_status fill(void *self, void *queue, error *e, void *to, int byte, size_t bytes)
{
    device_scope scope(static_cast<cuda_device *>(self));
    cuda_stream *q = static_cast<cuda_stream *>(queue);
    if (!q) return without_queue(e, cudaMemset(to, byte, bytes));
    return cuda_ok(e, cudaMemsetAsync(to, byte, bytes, q->stream));
}

/* ---- queues ---- */

static void close_queue(cuda_device *d, memory *account, cuda_stream *q)
{
    cuda_queue_state *s = q->own;
    if (q->stream || !s->own_stream) (void)cudaStreamSynchronize(q->stream);
    if (q->blas) (void)cublasDestroy(q->blas);
    for (int i = 0; i < STAGES; i++)
        if (s->passed[i]) (void)cudaEventDestroy(s->passed[i]);
    if (s->stage) (void)cudaFreeHost(s->stage);
    if (q->note) (void)cudaFreeHost(q->note);
    if (s->own_stream && q->stream) (void)cudaStreamDestroy(q->stream);
    (void)cudaGetLastError();
    d->host->free(account, s);
    d->host->free(account, q);
}

static recsys_status fill_queue(error *e, void *given, cuda_stream *q)
{
    cuda_queue_state *s = q->own;
    s->own_stream = !given;
    if (given) q->stream = static_cast<cudaStream_t>(given);
    else TRY(cuda_ok(e, cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking)));
    TRY(cuda_ok(e, cudaMallocHost(reinterpret_cast<void **>(&s->stage), (size_t)STAGE * (size_t)STAGES)));
    TRY(cuda_ok(e, cudaMallocHost(reinterpret_cast<void **>(&q->note), sizeof *q->note)));
    q->note->found = 0;
    for (int i = 0; i < STAGES; i++) TRY(cuda_ok(e, cudaEventCreateWithFlags(&s->passed[i], cudaEventDisableTiming)));
    return RECSYS_OK;
}

static recsys_status queue_open(void *self, memory *account, error *e, void *given, void **queue)
{
    cuda_device *d = static_cast<cuda_device *>(self);
    device_scope scope(d);
    cuda_stream *q;
    TRY(d->host->alloc(account, e, 1, sizeof *q, &q));
    recsys_status s = d->host->alloc(account, e, 1, sizeof *q->own, &q->own);
    if (s) {
        d->host->free(account, q);
        return s;
    }
    s = fill_queue(e, given, q);
    if (s) close_queue(d, account, q);
    else *queue = q;
    return s;
}

static void queue_close(void *self, memory *account, void *queue)
{
    cuda_device *d = static_cast<cuda_device *>(self);
    device_scope scope(d);
    close_queue(d, account, static_cast<cuda_stream *>(queue));
}

static recsys_status queue_wait(void *self, void *queue, error *e)
{
    device_scope scope(static_cast<cuda_device *>(self));
    return wait_for(static_cast<cuda_stream *>(queue), e);
}

recsys_status cuda_blas(op_context *c, cublasHandle_t *blas)
{
    cuda_stream *q = cuda_queue(c);
    if (!q->blas) {
        cublasHandle_t made;
        TRY(cublas_ok(c->error, cublasCreate(&made)));
        cublasStatus_t set = cublasSetStream(made, q->stream);
        if (set == CUBLAS_STATUS_SUCCESS) set = cublasSetMathMode(made, CUBLAS_PEDANTIC_MATH);
        if (set != CUBLAS_STATUS_SUCCESS) {
            (void)cublasDestroy(made);
            return cublas_ok(c->error, set);
        }
        q->blas = made;
    }
    *blas = q->blas;
    return RECSYS_OK;
}

/* ---- operations ---- */

/* Bytes of the descriptor of an operation that this backend has, else 0. */
static size_t descriptor_size(int32_t number)
{
    switch (number) {
#define OP(number, NAME, name, formula) \
    case number: return sizeof(op_##name);
#include "kernels/cuda/supported.def"
#undef OP
    default: return 0;
    }
}

static recsys_status supports(void *self, error *e, const op *o)
{
    (void)self;
    size_t size = descriptor_size(o->number);
    if (size == 0) return cuda_fail(e, RECSYS_ERR_UNSUPPORTED, "the cuda backend has no operation %d", (int)o->number);
    if (o->size != size)
        return cuda_fail(e, RECSYS_ERR_UNSUPPORTED, "the cuda backend has another operation %d: its descriptor has %zu bytes, "
                         "not %u", (int)o->number, size, (unsigned)o->size);
    return RECSYS_OK;
}

static size_t workspace(void *self, const op *o, int32_t threads)
{
    (void)self, (void)threads;
    switch (o->number) {
#define OP(number, NAME, name, formula) \
    case number: return recsys__cuda_##name##_workspace(reinterpret_cast<const op_##name *>(o));
#include "kernels/cuda/supported.def"
#undef OP
    default: return 0;
    }
}

static recsys_status run(void *self, op_context *c, const op *o)
{
    TRY(supports(self, c->error, o));
    device_scope scope(static_cast<cuda_device *>(self));
    c->rung = "cuda";
    switch (o->number) {
#define OP(number, NAME, name, formula) \
    case number: return recsys__cuda_##name(c, reinterpret_cast<const op_##name *>(o));
#include "kernels/cuda/supported.def"
#undef OP
    default: return RECSYS_ERR_UNSUPPORTED;
    }
}

void cuda_fill_table(cuda_device *d, const char *name)
{
    d->table = backend{};
    d->table.struct_size = sizeof d->table;
    d->table.abi = BACKEND_ABI;
    d->table.name = name;
    d->table.self = d;
    d->table.alloc = device_alloc;
    d->table.free = device_free;
    d->table.copy_in = copy_in;
    d->table.copy_out = copy_out;
    d->table.fill = fill;
    d->table.supports = supports;
    d->table.workspace = workspace;
    d->table.run = run;
    d->table.queue_open = queue_open;
    d->table.queue_close = queue_close;
    d->table.queue_wait = queue_wait;
}
