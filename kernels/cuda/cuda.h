/* cuda.h - inside of the CUDA backend: what every kernel file uses.
 *
 * A kernel file has the name of its operation (kernels/cuda/<name>.cu for lib/backend/op/<name>.h), a __global__ function for
 * each pass, and at its end recsys__cuda_<name>() and recsys__cuda_<name>_workspace(). Whatever is in the contract's order of
 * sums is done in that order, so that both backends give the same bits; what a contract leaves open has an order of its own
 * here, the same from run to run: no atomics on floats.
 *
 * Kernels are launched through LAUNCH, and use only what tests/standin gives them on the host too: threadIdx, blockIdx,
 * blockDim, gridDim, __shared__ arrays, SHARED_ROOM, __syncthreads, __syncwarp, shuffles, ballots, integer atomics, and the C
 * library's mathematics. Built with -fmad=false: fmaf() is written where it is meant.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_CUDA_H
#define KERNELS_CUDA_CUDA_H

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <cstring>

extern "C" {
#include "backend/backend.h"
}

/* LAUNCH(kernel, blocks, threads, shared, c, arguments...): in the stream of the exec whose op_context is c. A template
 * instance goes through a variable first: auto k = kernel<4>; LAUNCH(k, ...). */
#ifdef __CUDACC__
#define LAUNCH(kernel, blocks, threads, shared, c, ...) \
    kernel<<<(blocks), (threads), (shared), cuda_queue(c)->stream>>>(__VA_ARGS__)
/* The shared memory that the launch asked for, as an array of `type`. */
#define SHARED_ROOM(type, name)                                           \
    extern __shared__ __align__(16) unsigned char recsys_shared_room[]; \
    type *name = reinterpret_cast<type *>(recsys_shared_room)
#else
#include "standin.h" /* defines both for the host */
#endif

enum { WARP = 32, BLOCK = 256 };

/* A row that a lookup should not have asked for, found on the device. Pinned memory, which both sides see: the host reads it
 * when it next waits for the queue, so that nobody waits for the sake of looking. */
struct cuda_note {
    int32_t found; /* 0: nothing */
    int32_t row;
    int64_t entry, n_rows;
};

/* What belongs to one exec: its stream, its handles, and pinned memory through which small copies pass. */
struct cuda_queue_state;
struct cuda_stream {
    cudaStream_t stream;
    cublasHandle_t blas;   /* made when cuda_blas() first asks */
    cuda_note *note;
    cuda_queue_state *own; /* backend.cu */
};

static inline cuda_stream *cuda_queue(const op_context *c)
{
    return static_cast<cuda_stream *>(c->queue);
}

/* ---- errors: TRY(cuda_ok(...)) in functions that return a recsys_status ---- */

#define TRY(call)                                 \
    do {                                          \
        recsys_status try_status = (call);        \
        if (try_status != RECSYS_OK) return try_status; \
    } while (0)

/* RECSYS_OK, or the words of a failed CUDA or cuBLAS call: ERR_NO_MEMORY, ERR_DEVICE. */
recsys_status cuda_ok(error *e, cudaError_t result);
recsys_status cublas_ok(error *e, cublasStatus_t result);

/* The handle of the exec's stream, made when it is first needed: single precision throughout, no TF32. */
recsys_status cuda_blas(op_context *c, cublasHandle_t *blas);

/* After launches: whether they could be made. */
static inline recsys_status cuda_launched(const op_context *c)
{
    return cuda_ok(c->error, cudaGetLastError());
}

/* Fails with words formatted as by printf. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
recsys_status cuda_fail(error *e, recsys_status status, const char *format, ...);

/* ---- sizes ---- */

/* Blocks of `threads` for n elements, at least 1; kernels walk on by GRID_STRIDE when there are more elements than threads. */
static inline unsigned cuda_blocks(int64_t n, int64_t threads)
{
    int64_t blocks = (n + threads - 1) / threads;
    return (unsigned)(blocks < 1 ? 1 : blocks > 65535 * 16 ? 65535 * 16 : blocks);
}

/* for (int64_t i : each element of this thread). */
#define GRID_STRIDE(i, n)                                                                              \
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, grid_step = (int64_t)gridDim.x * blockDim.x; \
         i < (n); i += grid_step)

/* ---- workspace, cut into parts that are aligned to 256 bytes ---- */

struct cuda_room {
    char *at;
    size_t used;
    /* The next `count` elements; with at = NULL only `used` is right. */
    template <typename T> T *take(int64_t count)
    {
        T *p = at ? reinterpret_cast<T *>(at + used) : nullptr;
        used += ((size_t)count * sizeof(T) + 255) / 256 * 256;
        return p;
    }
};

static inline cuda_room cuda_workspace(const op_context *c)
{
    return cuda_room{ static_cast<char *>(c->workspace), 0 };
}

/* ---- the operations ---- */

#define OP(number, NAME, name, formula)                                                  \
    struct op_##name;                                                                    \
    recsys_status recsys__cuda_##name(op_context *c, const struct op_##name *o);         \
    size_t recsys__cuda_##name##_workspace(const struct op_##name *o);
#include "kernels/cuda/supported.def"
#undef OP

#endif
