/* narrow.c - narrow products, plain and for AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/narrow.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/spans.h"
#include "kernels/cpu/vec/vec.h"

enum { WIDTH = NARROW_COLUMNS };

int recsys__cpu_is_narrow(const product *p)
{
    return is_narrow(p->transpose_a, p->transpose_b, p->m, p->n, p->k);
}

static int64_t chunks_of(const product *p)
{
    return (p->k + NARROW_CHUNK - 1) / NARROW_CHUNK;
}

/* The work of a thread: of the first form with op(B) in rows of WIDTH, of the second with its chunks' sums. */
typedef struct narrow {
    const product *p;
    float b[NARROW_K * WIDTH];
    float *partial;
} narrow;

static void pack(narrow *w)
{
    const product *p = w->p;
    for (int64_t k = 0; k < p->k; k++)
        for (int64_t n = 0; n < WIDTH; n++)
            w->b[k * WIDTH + n] = n >= p->n ? 0.0f : p->transpose_b ? p->b[n * p->k + k] : p->b[k * p->n + n];
}

static void finish(const product *p, int64_t begin, int64_t end)
{
    product_tile t = { .row = begin, .rows = end - begin, .columns = p->n };
    if (p->finish) p->finish(p->data, &t);
}

/* Rows of K that a chunk has. */
static int64_t chunk_end(const product *p, int64_t chunk)
{
    return (chunk + 1) * NARROW_CHUNK < p->k ? (chunk + 1) * NARROW_CHUNK : p->k;
}

/* ---- plain rung ---- */

static void rows_plain(const void *work, int64_t begin, int64_t end)
{
    const narrow *w = work;
    const product *p = w->p;
    for (int64_t m = begin; m < end; m++)
        for (int64_t n = 0; n < p->n; n++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < p->k; k++) sum = fmaf(p->a[m * p->k + k], w->b[k * WIDTH + n], sum);
            p->c[m * p->n + n] = sum;
        }
    finish(p, begin, end);
}

static void chunks_plain(const void *work, int64_t begin, int64_t end)
{
    const narrow *w = work;
    const product *p = w->p;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        float *sum = w->partial + chunk * p->m * p->n;
        memset(sum, 0, (size_t)(p->m * p->n) * sizeof *sum);
        for (int64_t k = chunk * NARROW_CHUNK; k < chunk_end(p, chunk); k++)
            for (int64_t m = 0; m < p->m; m++)
                for (int64_t n = 0; n < p->n; n++)
                    sum[m * p->n + n] = fmaf(p->a[k * p->m + m], p->b[k * p->n + n], sum[m * p->n + n]);
    }
}

/* ---- AVX2 ---- */

#if VEC_X86
#include <immintrin.h>

#define INLINE_AVX2 __attribute__((always_inline)) TARGET_AVX2 static inline

INLINE_AVX2 __m256i mask_of(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* The first n of eight, by pieces: some processors take dozens of cycles for a store under a mask. */
INLINE_AVX2 void store_first(float *to, __m256 x, int64_t n)
{
    __m128 part = _mm256_castps256_ps128(x);
    if (n >= 8) {
        _mm256_storeu_ps(to, x);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(to, part);
        part = _mm256_extractf128_ps(x, 1);
        to += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)to, part);
        part = _mm_movehl_ps(part, part);
        to += 2;
    }
    if (n & 1) _mm_store_ss(to, part);
}

/* R rows from m on, V vectors of columns. */
INLINE_AVX2 void some_rows(const narrow *w, int64_t m, const int R, const int V)
{
    const product *p = w->p;
    const float *a = p->a + m * p->k;
    __m256 sum[4][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) sum[r][v] = _mm256_setzero_ps();
    for (int64_t k = 0; k < p->k; k++) {
        __m256 b[2];
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) b[v] = _mm256_loadu_ps(w->b + k * WIDTH + 8 * v);
#pragma GCC unroll 4
        for (int r = 0; r < R; r++)
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) sum[r][v] = _mm256_fmadd_ps(_mm256_broadcast_ss(a + r * p->k + k), b[v], sum[r][v]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) store_first(p->c + (m + r) * p->n + 8 * v, sum[r][v], p->n - 8 * v);
}

INLINE_AVX2 void rows_of_width(const narrow *w, int64_t begin, int64_t end, const int V)
{
    int64_t m = begin;
    for (; m + 4 <= end; m += 4) some_rows(w, m, 4, V);
    for (; m < end; m++) some_rows(w, m, 1, V);
}

TARGET_AVX2 static void rows_avx2(const void *work, int64_t begin, int64_t end)
{
    const narrow *w = work;
    if (w->p->n <= 8) rows_of_width(w, begin, end, 1);
    else rows_of_width(w, begin, end, 2);
    finish(w->p, begin, end);
}

/* Rows m to m + R - 1 of one chunk's sums. */
INLINE_AVX2 void chunk_rows(const product *p, float *to, int64_t begin, int64_t end, int64_t m, const int R, const int V)
{
    const __m256i mask[2] = { mask_of(p->n), mask_of(p->n - 8) };
    __m256 sum[4][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) sum[r][v] = _mm256_setzero_ps();
    for (int64_t k = begin; k < end; k++) {
        __m256 b[2];
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) b[v] = _mm256_maskload_ps(p->b + k * p->n + 8 * v, mask[v]);
#pragma GCC unroll 4
        for (int r = 0; r < R; r++)
#pragma GCC unroll 2
            for (int v = 0; v < V; v++)
                sum[r][v] = _mm256_fmadd_ps(_mm256_broadcast_ss(p->a + k * p->m + m + r), b[v], sum[r][v]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) store_first(to + (m + r) * p->n + 8 * v, sum[r][v], p->n - 8 * v);
}

INLINE_AVX2 void one_chunk(const narrow *w, int64_t chunk, const int V)
{
    const product *p = w->p;
    float *to = w->partial + chunk * p->m * p->n;
    int64_t begin = chunk * NARROW_CHUNK, end = chunk_end(p, chunk), m = 0;
    for (; m + 4 <= p->m; m += 4) chunk_rows(p, to, begin, end, m, 4, V);
    if (p->m - m >= 2) {
        chunk_rows(p, to, begin, end, m, 2, V);
        m += 2;
    }
    if (m < p->m) chunk_rows(p, to, begin, end, m, 1, V);
}

TARGET_AVX2 static void chunks_avx2(const void *work, int64_t begin, int64_t end)
{
    const narrow *w = work;
    for (int64_t chunk = begin; chunk < end; chunk++)
        if (w->p->n <= 8) one_chunk(w, chunk, 1);
        else one_chunk(w, chunk, 2);
}
#endif

/* ---- the whole ---- */

size_t recsys__cpu_narrow_workspace(const product *p)
{
    return p->transpose_a ? (size_t)chunks_of(p) * (size_t)p->m * (size_t)p->n * sizeof(float) : 0;
}

static void add_chunks(const narrow *w)
{
    const product *p = w->p;
    int64_t size = p->m * p->n;
    memcpy(p->c, w->partial, (size_t)size * sizeof *p->c);
    for (int64_t chunk = 1; chunk < chunks_of(p); chunk++)
        for (int64_t i = 0; i < size; i++) p->c[i] += w->partial[chunk * size + i];
    finish(p, 0, p->m);
}

void recsys__cpu_narrow(op_context *c, const product *p)
{
    narrow w = { .p = p, .partial = c->workspace };
    span_body rows = rows_plain, chunks = chunks_plain;
    c->rung = "narrow";
#if VEC_X86
    if (recsys__cpu_simd(c->simd) >= SIMD_AVX2) {
        rows = rows_avx2;
        chunks = chunks_avx2;
        c->rung = "narrow-avx2";
    }
#endif
    if (p->transpose_a) {
        int64_t work = NARROW_CHUNK * (p->m + p->n);
        spans(c, chunks_of(p), 1 + SPAN_ELEMENTS / work, chunks, &w);
        add_chunks(&w);
        return;
    }
    pack(&w);
    spans(c, p->m, span_rows(p->k + p->n), rows, &w);
}
