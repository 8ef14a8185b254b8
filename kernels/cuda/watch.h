/* watch.h - long operations: parts that are waited for and reported, and left off when somebody cancels; numbers that the host
 * must see.
 *
 * What is queued runs on without the host, so a question whether to stop is worth something only where the host has waited.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_WATCH_H
#define KERNELS_CUDA_WATCH_H

#include "kernels/cuda/cuda.h"

struct cuda_watch {
    op_context *c;
    const char *work; /* "adding up the gram matrix" */
    int64_t done, total;
};

static inline recsys_status cuda_watch_fail(const cuda_watch *w, recsys_status s)
{
    return cuda_fail(w->c->error, s, "cancelled while %s, %lld of %lld parts done", w->work, (long long)w->done,
                     (long long)w->total);
}

/* Before a part: whether it is still wanted. */
static inline recsys_status cuda_watch_ask(const cuda_watch *w)
{
    return w->c->cancelled(w->c->host) ? cuda_watch_fail(w, RECSYS_ERR_CANCELLED) : RECSYS_OK;
}

/* Waits for everything queued, of which so many parts are done now. */
static inline recsys_status cuda_watch_wait(cuda_watch *w, int64_t done)
{
    TRY(cuda_ok(w->c->error, cudaStreamSynchronize(cuda_queue(w->c)->stream)));
    w->done = done;
    recsys_status s = w->c->progress(w->c->host, w->done, w->total);
    return s ? cuda_watch_fail(w, s) : RECSYS_OK;
}

/* Waits for a number of the device. */
template <typename T> recsys_status cuda_see(op_context *c, const T *from, T *to)
{
    cudaStream_t stream = cuda_queue(c)->stream;
    TRY(cuda_ok(c->error, cudaMemcpyAsync(to, from, sizeof *to, cudaMemcpyDeviceToHost, stream)));
    return cuda_ok(c->error, cudaStreamSynchronize(stream));
}

#endif
