/* backend.c - the table of the CPU backend: device memory is host memory, and every operation has a kernel here.
 *
 * What is the same for all operations is written once for the list in backend/ops.def; the kernels are in files of their
 * own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "backend/operations.h"
#include "backend/registry.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vec/vec.h"

#if VEC_X86
#include <cpuid.h>
#endif

/* ---- memory: the host's ---- */

static recsys_status host_alloc(void *self, memory *account, error *e, size_t bytes, void **out)
{
    (void)self;
    return recsys__alloc(account, e, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes, 1, out);
}

static void host_free(void *self, memory *account, void *p)
{
    (void)self;
    recsys__free(account, p);
}

static recsys_status copy(void *self, void *queue, error *e, void *to, const void *from, size_t bytes)
{
    (void)self, (void)queue, (void)e;
    if (bytes > 0) memcpy(to, from, bytes);
    return RECSYS_OK;
}

static recsys_status fill(void *self, void *queue, error *e, void *to, int byte, size_t bytes)
{
    (void)self, (void)queue, (void)e;
    if (bytes > 0) memset(to, byte, bytes);
    return RECSYS_OK;
}

/* Descriptors hold what kernels only read as pointers to const again, so nothing is written through this one. */
static recsys_status wrap(void *self, error *e, const void *host, size_t bytes, void **out)
{
    (void)self, (void)e, (void)bytes;
    *out = (void *)(uintptr_t)host;
    return RECSYS_OK;
}

/* ---- operations ---- */

static const size_t descriptor_size[OP_COUNT_] = {
#define OP(number, NAME, name, formula) [OP_##NAME] = sizeof(op_##name),
#include "backend/ops.def"
#undef OP
};

static recsys_status supports(void *self, error *e, const op *o)
{
    (void)self;
    if (o->number <= 0 || o->number >= OP_COUNT_ || descriptor_size[o->number] == 0)
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "the cpu backend has no operation %d", (int)o->number);
    if (o->size != descriptor_size[o->number])
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "the cpu backend has another %s: its descriptor has %zu bytes, not %u",
                            recsys__op_name(o->number), descriptor_size[o->number], (unsigned)o->size);
    return RECSYS_OK;
}

static size_t workspace(void *self, const op *o, int32_t threads)
{
    (void)self;
    switch (o->number) {
#define OP(number, NAME, name, formula) \
    case OP_##NAME: return recsys__cpu_##name##_workspace((const op_##name *)(const void *)o, threads);
#include "backend/ops.def"
#undef OP
    default: return 0;
    }
}

static recsys_status run_kernel(op_context *c, const op *o)
{
    switch (o->number) {
#define OP(number, NAME, name, formula) \
    case OP_##NAME: return recsys__cpu_##name(c, (const op_##name *)(const void *)o);
#include "backend/ops.def"
#undef OP
    default: return supports(NULL, c->error, o);
    }
}

static recsys_status run(void *self, op_context *c, const op *o)
{
    recsys_status s = supports(self, c->error, o);
    if (s) return s;
    size_t needed = workspace(self, o, c->threads);
    if (needed > c->workspace_bytes)
        return recsys__fail(c->error, RECSYS_ERR_INTERNAL, "%s needs %zu bytes of workspace and was given %zu",
                            recsys__op_name(o->number), needed, c->workspace_bytes);
    return run_kernel(c, o);
}

/* ---- the table ---- */

recsys_status recsys__cpu_check_blas(int flavour, error *e)
{
    static const char *const names[] = { "single-threaded", "pthread", "OpenMP" };
    if (flavour == OPENBLAS_OPENMP) return RECSYS_OK;
    /* Other flavours start threads of their own, under which a factorisation has other bits from run to run. */
    return recsys__fail(e, RECSYS_ERR_BLAS,
                        "the OpenBLAS in this process is the %s flavour; the OpenMP flavour is needed: install Debian's "
                        "libopenblas0-openmp (to build: libopenblas-openmp-dev) and choose it with update-alternatives",
                        flavour >= 0 && flavour <= 2 ? names[flavour] : "unknown");
}

backend *recsys__cpu_backend(memory *account, error *e)
{
    backend *b = NULL;
    if (recsys__cpu_check_blas(openblas_get_parallel(), e)) return NULL;
    if (recsys__alloc_zero(account, e, 1, sizeof *b, &b)) return NULL;
    *b = (backend){
        .struct_size = sizeof *b,
        .abi = BACKEND_ABI,
        .name = "cpu",
        .alloc = host_alloc,
        .free = host_free,
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

/* ---- words about the machine ---- */

/* The processor's own name without spaces around it, or nothing where it does not tell. */
static void processor_name(char name[64])
{
    name[0] = '\0';
#if VEC_X86
    unsigned words[13] = { 0 }; /* 48 characters and an end */
    for (unsigned part = 0; part < 3; part++) {
        unsigned *w = words + 4 * part;
        if (!__get_cpuid(0x80000002u + part, w, w + 1, w + 2, w + 3)) return;
    }
    const char *text = (const char *)words;
    while (*text == ' ') text++;
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ') length--;
    snprintf(name, 64, "%.*s", (int)length, text);
#endif
}

void recsys__cpu_describe(char *buffer, size_t size)
{
    static const char *const rungs[] = { [SIMD_PLAIN] = "portable", [SIMD_AVX2] = "AVX2", [SIMD_AVX512] = "AVX-512" };
    char name[64];
    processor_name(name);
    snprintf(buffer, size, "%s%s%s kernels, OpenBLAS core %s", name, name[0] ? ", " : "",
             rungs[recsys__cpu_simd(SIMD_AVX512)], openblas_get_corename());
}
