/* gather_dot_gradient.c - the gather_dot_gradient kernel: sums over the batch in chunks of a fixed size.
 *
 * B samples, D columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/gather_dot_gradient.h"

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/sum_rows.h"
#include "kernels/cpu/vec/vec.h"

/* Samples that are added up in float before they go on in double. */
enum { CHUNK = 256 };

static int64_t chunks_of(const op_gather_dot_gradient *o)
{
    return (o->count + CHUNK - 1) / CHUNK;
}

/* A chunk's sums: D for gh, then one for gc. */
size_t recsys__cpu_gather_dot_gradient_workspace(const op_gather_dot_gradient *o, int32_t threads)
{
    (void)threads;
    return (size_t)(chunks_of(o) * (o->dim + 1)) * sizeof(float);
}

/* Samples b0..b1-1 into one chunk's sums. */
__attribute__((always_inline)) static inline void add_chunk(const op_gather_dot_gradient *o, float *sum, int64_t b0,
                                                            int64_t b1)
{
    int64_t D = o->dim;
    for (int64_t d = 0; d <= D; d++) sum[d] = 0.0f;
    for (int64_t b = b0; b < b1; b++) {
        const float *p_b = o->p_rows + b * D, *q_b = o->q_rows + b * D;
        float gy_b = o->gy[b];
#pragma omp simd
        for (int64_t d = 0; d < D; d++) sum[d] = fmaf(gy_b, p_b[d] * q_b[d], sum[d]);
        sum[D] += gy_b;
    }
}

typedef void (*chunk_fn)(const op_gather_dot_gradient *o, float *sum, int64_t b0, int64_t b1);

static void chunk_plain(const op_gather_dot_gradient *o, float *sum, int64_t b0, int64_t b1)
{
    add_chunk(o, sum, b0, b1);
}

#if VEC_X86
TARGET_AVX2 static void chunk_avx2(const op_gather_dot_gradient *o, float *sum, int64_t b0, int64_t b1)
{
    add_chunk(o, sum, b0, b1);
}
#endif

static float add_up(const float *sums, int64_t column, int64_t chunks, int64_t stride)
{
    double sum = 0.0;
    for (int64_t k = 0; k < chunks; k++) sum += (double)sums[k * stride + column];
    return (float)sum;
}

recsys_status recsys__cpu_gather_dot_gradient(op_context *c, const op_gather_dot_gradient *o)
{
    chunk_fn chunk = chunk_plain;
    c->rung = "plain";
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) {
        chunk = chunk_avx2;
        c->rung = "avx2";
    }
#endif
    int64_t D = o->dim, chunks = chunks_of(o);
    float *sums = c->workspace;
    int32_t threads = threads_worth(c, o->count * D);
    if (threads == 1) {
        for (int64_t k = 0; k < chunks; k++)
            chunk(o, sums + k * (D + 1), k * CHUNK, (k + 1) * CHUNK < o->count ? (k + 1) * CHUNK : o->count);
    } else {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t k = 0; k < chunks; k++)
            chunk(o, sums + k * (D + 1), k * CHUNK, (k + 1) * CHUNK < o->count ? (k + 1) * CHUNK : o->count);
    }
    for (int64_t d = 0; d < D; d++) o->gh[d] = add_up(sums, d, chunks, D + 1);
    if (o->gc) o->gc[0] = add_up(sums, D, chunks, D + 1);
    return RECSYS_OK;
}
