/* run.h - operations and device memory through an exec: how the library above the kernels uses a backend.
 *
 * What a backend does with a descriptor is in backend/backend.h; here an exec's memory limit, threads, cancelling,
 * progress and trace are added.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_RUN_H
#define BACKEND_RUN_H

#include "backend/backend.h"
#include "base/exec.h"

/* Runs one operation on the exec's device. Its workspace belongs to the exec and grows only when an operation needs a
 * larger one, so that a loop of the same operations takes nothing from the allocator after its first round.
 * ERR_UNSUPPORTED, ERR_MEMORY_LIMIT, ERR_NO_MEMORY, ERR_CANCELLED, and what the operation itself reports. */
recsys_status recsys__run(recsys_exec *x, const op *o);

/* Bytes of workspace that recsys__run() would use for this descriptor, for estimates made ahead. */
int64_t recsys__run_workspace(const recsys_exec *x, const op *o);

/* Gives the workspace back, where a call is over that needed an unusually large one. */
void recsys__drop_workspace(recsys_exec *x);

/* Takes count * size bytes of device memory, charged to the exec. On failure *(void **)out is NULL. */
recsys_status recsys__device_alloc(recsys_exec *x, int64_t count, size_t size, void *out);

/* Gives device memory back, with or without the exec it came through; NULL is allowed. */
void recsys__device_free(struct backend *b, memory *account, void *p);

/* Device memory with a copy of `bytes` bytes of host memory. */
recsys_status recsys__upload(recsys_exec *x, const void *host, int64_t bytes, void *out);

/* Device memory that the exec keeps between calls, one block, grown only; contents are lost when it grows, and nothing
 * keeps two uses apart: for what one front-end fills and the next operation reads. */
recsys_status recsys__device_scratch(recsys_exec *x, int64_t count, size_t size, void *out);
void recsys__drop_device_scratch(recsys_exec *x);

/* Copies `bytes` bytes of host memory to device memory. */
recsys_status recsys__copy_in(recsys_exec *x, void *to, const void *host, int64_t bytes);

/* Copies `bytes` bytes of device memory to the host. */
recsys_status recsys__download(recsys_exec *x, void *host, const void *from, int64_t bytes);

/* Sets `bytes` bytes of device memory to `byte`. */
recsys_status recsys__device_fill(recsys_exec *x, void *to, int byte, int64_t bytes);

/* Waits until the device has done what this exec asked for: before something that it made is handed to other execs. */
recsys_status recsys__finish(recsys_exec *x);

/* Host memory as device memory: as it stands where the device can read it (*copied = 0; it must outlive its use), else a
 * copy that recsys__device_free() takes back (*copied = 1). */
recsys_status recsys__share(recsys_exec *x, const void *host, int64_t bytes, void *out, int *copied);

#endif
