/* registry.h - the backend that is linked into the library: `cpu`, which lives in kernels/cpu/backend.c.
 *
 * Others are opened at run time (backend/devices.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_REGISTRY_H
#define BACKEND_REGISTRY_H

#include "backend/backend.h"
#include "base/exec.h"

/* Opens the CPU backend; its own memory is charged to `account`. NULL on failure, with the reason in `e` (ERR_NO_MEMORY,
 * ERR_BLAS). It keeps no pointer to `account` or `e`. */
struct backend *recsys__cpu_backend(memory *account, error *e);

/* Closes what recsys__cpu_backend() opened; NULL is allowed. */
void recsys__cpu_backend_close(memory *account, struct backend *b);

/* One line about processor, SIMD level and BLAS core, cut to `size` bytes with the final zero. */
void recsys__cpu_describe(char *buffer, size_t size);

/* Physical memory of the machine in bytes, 0 if the system does not say. */
int64_t recsys__physical_memory(void);

#endif
