/* tall.c - Gram matrices of tall matrices: chunks of rows, each added up in double, then the chunks in order.
 *
 * M rows, N columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/tall.h"

#include <string.h>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/spans.h"

enum { MOST_CHUNKS = 8 };

/* Chunks that follow from the sizes: enough for some threads, and each with more rows than it costs to add it to the others. */
static int64_t chunks_of(int64_t m, int64_t n)
{
    int64_t chunks = m / (2 * n + TALL_ROWS);
    return chunks < 1 ? 1 : chunks < MOST_CHUNKS ? chunks : MOST_CHUNKS;
}

/* Doubles of a thread's block of rows, in whole cache lines. */
static int64_t block_doubles(int64_t n)
{
    return (TALL_ROWS * n + 7) / 8 * 8;
}

int64_t recsys__cpu_tall_gram_doubles(int64_t m, int64_t n, int32_t threads)
{
    int64_t chunks = chunks_of(m, n);
    return (chunks > 1 ? chunks * n * n : 0) + (threads + 1) * block_doubles(n);
}

/* g = lower half of X'X over rows first to end - 1. */
static void gram_of_rows(const float *x, int64_t first, int64_t end, int64_t n, double *block, double *g)
{
    memset(g, 0, (size_t)(n * n) * sizeof *g);
    for (int64_t row = first; row < end; row += TALL_ROWS) {
        int64_t rows = end - row < TALL_ROWS ? end - row : TALL_ROWS;
        for (int64_t i = 0; i < rows * n; i++) block[i] = (double)x[row * n + i];
        int width = blas_enter();
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)n, (blasint)rows, 1.0, block, (blasint)n, 1.0, g,
                    (blasint)n);
        blas_leave(width);
    }
}

typedef struct sum {
    double *g;
    const double *parts;
    int64_t n, chunks;
} sum;

static void add_rows(const void *work, int64_t begin, int64_t end)
{
    const sum *s = work;
    for (int64_t i = begin * s->n; i < end * s->n; i++) {
        double total = s->parts[i];
        for (int64_t chunk = 1; chunk < s->chunks; chunk++) total += s->parts[chunk * s->n * s->n + i];
        s->g[i] = total;
    }
}

void recsys__cpu_tall_gram(const op_context *c, const float *x, int64_t m, int64_t n, double *workspace, double *g)
{
    int64_t chunks = chunks_of(m, n), each = (m + chunks - 1) / chunks;
    int32_t threads = chunks < c->threads ? (int32_t)chunks : c->threads;
    double *blocks = workspace + (chunks > 1 ? chunks * n * n : 0);
    if (chunks == 1) {
        gram_of_rows(x, 0, m, n, blocks, g);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        int64_t first = chunk * each, end = first + each < m ? first + each : m;
        gram_of_rows(x, first, end, n, blocks + omp_get_thread_num() * block_doubles(n), workspace + chunk * n * n);
    }
    sum s = { .g = g, .parts = workspace, .n = n, .chunks = chunks };
    spans(c, n, span_rows(n), add_rows, &s);
}

recsys_status recsys__cpu_tall_check(const op_context *c, const char *name, int64_t m, int64_t n)
{
    if (m <= INT32_MAX && n <= INT16_MAX) return RECSYS_OK;
    return recsys__fail(c->error, RECSYS_ERR_TOO_LARGE, "%s: a matrix of %lld x %lld is too large", name, (long long)m,
                        (long long)n);
}
