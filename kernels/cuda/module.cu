/* module.cu - what librecsys-cuda.so exports: counting, describing and opening devices.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/device.h"

#include <cstdio>

static recsys_status count(const backend_host *, error *e, int64_t *n)
{
    int found = 0;
    *n = 0;
    cudaError_t result = cudaGetDeviceCount(&found);
    if (result == cudaErrorNoDevice) {
        (void)cudaGetLastError();
        return RECSYS_OK;
    }
    if (result == cudaErrorInsufficientDriver) {
        int driver = 0;
        (void)cudaGetLastError();
        (void)cudaDriverGetVersion(&driver);
        if (driver == 0) return cuda_fail(e, RECSYS_ERR_DEVICE, "no NVIDIA driver runs on this machine");
        return cuda_fail(e, RECSYS_ERR_DEVICE, "the NVIDIA driver is made for CUDA %d.%d, the module needs one for CUDA %d.%d or "
                         "newer",
                         driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    }
    TRY(cuda_ok(e, result));
    *n = found;
    return RECSYS_OK;
}

static recsys_status describe(const backend_host *, error *e, int64_t index, char *words, size_t room, int64_t *memory_bytes)
{
    cudaDeviceProp about;
    int driver = 0;
    TRY(cuda_ok(e, cudaGetDeviceProperties(&about, (int)index)));
    TRY(cuda_ok(e, cudaDriverGetVersion(&driver)));
    snprintf(words, room, "%s, capability %d.%d, driver for CUDA %d.%d", about.name, about.major, about.minor, driver / 1000,
             driver % 1000 / 10);
    *memory_bytes = (int64_t)about.totalGlobalMem;
    return RECSYS_OK;
}

static void close_device(memory *account, backend *b)
{
    cuda_device *d = static_cast<cuda_device *>(b->self);
    const backend_host *h = d->host;
    pthread_mutex_destroy(&d->lock);
    h->free(account, d->block);
    h->free(account, d);
}

static recsys_status open_device(const backend_host *h, memory *account, error *e, int64_t index, const char *name,
                                 backend **out)
{
    char words[8];
    int64_t memory_bytes;
    cuda_device *d;
    *out = nullptr;
    TRY(describe(h, e, index, words, sizeof words, &memory_bytes));
    TRY(h->alloc(account, e, 1, sizeof *d, &d));
    if (pthread_mutex_init(&d->lock, nullptr)) {
        h->free(account, d);
        return cuda_fail(e, RECSYS_ERR_NO_MEMORY, "the system has no lock for a device");
    }
    d->host = h;
    d->account = account;
    d->index = (int)index;
    cuda_fill_table(d, name);
    d->table.memory_bytes = memory_bytes;
    *out = &d->table;
    return RECSYS_OK;
}

static const backend_module module = {
    sizeof(backend_module), BACKEND_ABI, "cuda", count, describe, open_device, close_device,
};

extern "C" __attribute__((visibility("default"))) const backend_module *recsys_backend_module(void)
{
    return &module;
}
