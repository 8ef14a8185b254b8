/* backend.c - the table of the CPU backend: device memory is host memory, and every operation has a kernel here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "backend/registry.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vec/vec.h"

/* A kernel and the size of its workspace. The table calls them through one type, so each gets a small adapter. */
typedef struct kernel {
    size_t size; /* of its descriptor */
    recsys_status (*run)(op_context *c, const op *o);
    size_t (*workspace)(const op *o, int32_t threads);
} kernel;

#include "backend/op/dot_rank.h"
#include "backend/op/dot_score.h"
#include "backend/op/gather_rows.h"
#include "backend/op/gram.h"
#include "backend/op/history_rank.h"
#include "backend/op/history_score.h"
#include "backend/op/spd_inverse.h"
#include "backend/op/weights_rows.h"
#include "backend/op/weights_sparsify.h"

#define OP(number, NAME, name, formula)                                    \
    static recsys_status run_##name(op_context *c, const op *o)            \
    {                                                                      \
        return recsys__cpu_##name(c, (const op_##name *)(const void *)o);  \
    }                                                                      \
    static size_t workspace_##name(const op *o, int32_t threads)           \
    {                                                                      \
        return recsys__cpu_##name##_workspace((const op_##name *)(const void *)o, threads); \
    }
#include "backend/ops.def"
#undef OP

static const kernel kernels[OP_COUNT_] = {
#define OP(number, NAME, name, formula) [number] = { sizeof(op_##name), run_##name, workspace_##name },
#include "backend/ops.def"
#undef OP
};

static recsys_status device_alloc(void *self, memory *account, error *e, size_t bytes, void **out)
{
    (void)self;
    return recsys__alloc(account, e, (int64_t)bytes, 1, out);
}

static void device_free(void *self, memory *account, void *p)
{
    (void)self;
    recsys__free(account, p);
}

static recsys_status copy(void *self, error *e, void *to, const void *from, size_t bytes)
{
    (void)self, (void)e;
    if (bytes > 0)
        memcpy(to, from, bytes);
    return RECSYS_OK;
}

static recsys_status fill(void *self, error *e, void *to, int byte, size_t bytes)
{
    (void)self, (void)e;
    if (bytes > 0)
        memset(to, byte, bytes);
    return RECSYS_OK;
}

/* Descriptors hold pointers without const, since other devices copy into what they point to. */
static recsys_status wrap(void *self, error *e, const void *host, size_t bytes, void **out)
{
    (void)self, (void)e, (void)bytes;
    memcpy(out, &host, sizeof *out);
    return RECSYS_OK;
}

static recsys_status supports(void *self, error *e, const op *o)
{
    (void)self;
    if (o->number <= 0 || o->number >= OP_COUNT_ || kernels[o->number].run == NULL)
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "cpu: there is no operation %d", (int)o->number);
    if (o->size != kernels[o->number].size)
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "cpu: %s has a descriptor of %zu bytes, not %u",
                            recsys__op_name(o->number), kernels[o->number].size, (unsigned)o->size);
    return RECSYS_OK;
}

static size_t workspace(void *self, const op *o, int32_t threads)
{
    (void)self;
    return kernels[o->number].workspace(o, threads);
}

static recsys_status run(void *self, op_context *c, const op *o)
{
    (void)self;
    return kernels[o->number].run(c, o);
}

/* Other flavours start threads of their own, which our bits and the caller's thread budget cannot bear. */
static recsys_status check_blas(error *e)
{
    enum { OPENMP_FLAVOUR = 2 };
    if (openblas_get_parallel() == OPENMP_FLAVOUR)
        return RECSYS_OK;
    return recsys__fail(e, RECSYS_ERR_BLAS, "the OpenBLAS in this process is not the OpenMP flavour; install Debian's package "
                                            "libopenblas0-openmp and choose it with update-alternatives");
}

backend *recsys__cpu_backend(memory *account, error *e)
{
    backend *b = NULL;
    if (check_blas(e) < 0 || recsys__alloc_zero(account, e, 1, sizeof *b, &b) < 0)
        return NULL;
    *b = (backend){
        .struct_size = sizeof *b,
        .abi = BACKEND_ABI,
        .name = "cpu",
        .alloc = device_alloc,
        .free = device_free,
        .copy_in = copy,
        .copy_out = copy,
        .fill = fill,
        .wrap = wrap,
        .supports = supports,
        .workspace = workspace,
        .run = run,
    };
    return b;
}

void recsys__cpu_backend_close(memory *account, backend *b)
{
    recsys__free(account, b);
}

void recsys__cpu_describe(char *buffer, size_t size)
{
    static const char *const levels[] = { [SIMD_PLAIN] = "plain C", [SIMD_AVX2] = "AVX2", [SIMD_AVX512] = "AVX-512" };
    snprintf(buffer, size, "%s kernels, OpenBLAS core %s", levels[recsys__cpu_simd(SIMD_AVX512)], openblas_get_corename());
}
