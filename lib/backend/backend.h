/* backend.h - the backend table: what a device offers to the rest of the library.
 *
 * A backend is memory, copies and one entry that runs operations. An operation is a descriptor: a struct that starts
 * with `op`, one per operation, declared with its contract in backend/op/<name>.h. A new operation changes no layout.
 * The table grows by appending; `struct_size` says how much of it a module fills. All pointers inside descriptors are
 * memory of the backend, except where a contract says "host".
 * Registered: `cpu`, always linked (kernels/cpu). Others come as modules, opened at run time (backend/module.h).
 *
 * One table serves every exec of an environment on this device. What an exec asks for runs in the order of its queue: a
 * device may still work on it when `copy_in`, `fill` and `run` return, and is done when `copy_out` or `queue_wait` does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

#define BACKEND_ABI 1

/* Numbers of the operations, from ops.def: OP_GRAM, ... */
enum {
#define OP(number, NAME, name, formula) OP_##NAME = number,
#include "backend/ops.def"
#undef OP
    OP_COUNT_
};

/* Head of every descriptor. */
typedef struct op {
    int32_t number; /* OP_* */
    uint32_t size;  /* of the whole descriptor */
} op;

/* What a running operation may use and must obey. */
typedef struct op_context {
    size_t struct_size;
    int32_t threads;        /* most threads, the caller's included */
    int32_t simd;           /* highest rung allowed, SIMD_* of kernels/cpu/vec/vec.h */
    struct memory *memory;  /* account for what workspace() could not foresee: avoid */
    void *workspace;        /* aligned to 64 bytes, as many bytes as workspace() said */
    size_t workspace_bytes;
    struct error *error;    /* where a failure leaves its words */
    void *host;             /* passed to the two functions below */
    int (*cancelled)(void *host);                                             /* any thread */
    recsys_status (*progress)(void *host, int64_t done, int64_t total);       /* calling thread only */
    void *queue;            /* of the exec, from queue_open() */
    const char *rung;       /* set by run(), static storage: the kernel that did the work, for traces ("avx2"); may stay NULL */
} op_context;

typedef struct backend {
    size_t struct_size;
    uint32_t abi; /* BACKEND_ABI */
    const char *name;     /* what an exec asks for: "cpu", "cuda:0" */
    int64_t memory_bytes; /* of the device, where it is not the host's; else 0 */
    void *self;

    /* Memory of the device, charged to `account`. */
    recsys_status (*alloc)(void *self, memory *account, error *e, size_t bytes, void **out);
    void (*free)(void *self, memory *account, void *p);
    /* The host memory may be used again as soon as these return. queue NULL: a copy of finished memory, for an exec of another
     * device. */
    recsys_status (*copy_in)(void *self, void *queue, error *e, void *to, const void *from_host, size_t bytes);
    recsys_status (*copy_out)(void *self, void *queue, error *e, void *to_host, const void *from, size_t bytes);
    recsys_status (*fill)(void *self, void *queue, error *e, void *to, int byte, size_t bytes);
    /* Makes host memory usable as device memory without a copy, or gives *out = NULL where it cannot. The host memory
     * must outlive its use. */
    recsys_status (*wrap)(void *self, error *e, const void *host, size_t bytes, void **out);

    /* Whether `run` would take this descriptor; if not, the reason goes to `e` with ERR_UNSUPPORTED. */
    recsys_status (*supports)(void *self, error *e, const op *o);
    /* Bytes of workspace that `run` needs with so many threads. */
    size_t (*workspace)(void *self, const op *o, int32_t threads);
    recsys_status (*run)(void *self, op_context *c, const op *o);

    /* The order in which one exec's work is done. `given`: a stream of the caller's to work in, NULL for one of its own. All
     * three are NULL where everything is done when a call returns; then queues are NULL. */
    recsys_status (*queue_open)(void *self, memory *account, error *e, void *given, void **queue);
    void (*queue_close)(void *self, memory *account, void *queue);
    recsys_status (*queue_wait)(void *self, void *queue, error *e);
} backend;

/* Name of an operation for messages and traces. */
const char *recsys__op_name(int32_t number);

/* The sizes of an operation in a few words ("U=943 I=1682"), for traces; the length as snprintf() gives it. */
int recsys__op_shape(const op *o, char *buffer, size_t size);

#endif
