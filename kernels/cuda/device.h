/* device.h - one open CUDA device.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_DEVICE_H
#define KERNELS_CUDA_DEVICE_H

#include <pthread.h>

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/module.h"
}

/* A block of device memory: what was charged for it must be known when it is given back. */
struct cuda_block {
    void *p;
    int64_t bytes;
};

struct cuda_device {
    backend table; /* what the library sees */
    const backend_host *host;
    memory *account; /* of the list below */
    int index;
    pthread_mutex_t lock;
    cuda_block *block;
    int64_t n_blocks, room;
};

/* Fills the table of a device. */
void cuda_fill_table(cuda_device *d, const char *name);

#endif
