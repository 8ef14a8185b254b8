/* product.c - dense products cut into parts of BLAS calls; narrow ones are in narrow.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/product.h"

#include <string.h>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/narrow.h"
#include "kernels/cpu/spans.h"

/* Sizes of the cuts. Each part packs its share of A and of B anew: small parts pack more, large ones leave threads idle. */
enum { TILE_ROWS = 256, TILE_COLUMNS = 1024, MOST_CHUNKS = 8, LEAST_CHUNK = 256 };
/* Multiply-adds that are worth a part, and a part beyond which there are always several. */
#define PART_WORK (INT64_C(1) << 20)

typedef struct cuts {
    int64_t tile_rows, tile_columns, chunk;     /* sizes */
    int64_t row_tiles, column_tiles, chunks;    /* counts */
} cuts;

static int64_t parts_of(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/* The size of about equal parts of n, a multiple of `step`. */
static int64_t part_size(int64_t n, int64_t parts, int64_t step)
{
    int64_t size = parts_of(n, parts);
    return parts_of(size > 0 ? size : 1, step) * step;
}

static cuts cut(const product *p)
{
    double work = (double)p->m * (double)p->n * (double)p->k;
    cuts t = { .tile_rows = p->m, .tile_columns = p->n, .chunk = p->k, .row_tiles = 1, .column_tiles = 1, .chunks = 1 };
    if (p->m == 0 || p->n == 0 || work < 2.0 * (double)PART_WORK)
        return t;
    int64_t worth = work > 1e15 ? INT64_C(1) << 29 : (int64_t)work / PART_WORK;
    t.row_tiles = parts_of(p->m, TILE_ROWS);
    t.column_tiles = parts_of(p->n, TILE_COLUMNS);
    t.row_tiles = t.row_tiles < worth ? t.row_tiles : worth;
    t.tile_rows = part_size(p->m, t.row_tiles, 8);
    t.tile_columns = part_size(p->n, t.column_tiles, 16);
    t.row_tiles = parts_of(p->m, t.tile_rows);
    t.column_tiles = parts_of(p->n, t.tile_columns);
    int64_t tiles = t.row_tiles * t.column_tiles, room = MOST_CHUNKS / tiles;
    room = room < worth ? room : worth;
    room = room < p->k / LEAST_CHUNK ? room : p->k / LEAST_CHUNK;
    if (room > 1) {
        t.chunk = part_size(p->k, room, 8);
        t.chunks = parts_of(p->k, t.chunk);
    }
    return t;
}

size_t recsys__cpu_product_workspace(const product *p)
{
    if (recsys__cpu_is_narrow(p)) return recsys__cpu_narrow_workspace(p);
    int64_t chunks = cut(p).chunks;
    return chunks > 1 ? (size_t)chunks * (size_t)p->m * (size_t)p->n * sizeof(float) : 0;
}

/* ---- one part ---- */

/* y += X x or X' x, where X is `rows` x `columns` as it lies. */
static void add_vector_product(const float *X, int64_t width, int64_t rows, int64_t columns, int transposed, const float *x,
                               int64_t step_x, float *y, int64_t step_y)
{
    cblas_sgemv(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, (blasint)rows, (blasint)columns, 1.0f, X, (blasint)width,
                x, (blasint)step_x, 1.0f, y, (blasint)step_y);
}

/* Products k0 to k1 - 1 of a tile, into `to`, which is laid out as C. Thin products are memory-bound: packing for sgemm would
 * cost more than the product. */
static void multiply(const product *p, float *to, const product_tile *t, int64_t k0, int64_t k1)
{
    int64_t k = k1 - k0, lda = p->transpose_a ? p->m : p->k, ldb = p->transpose_b ? p->k : p->n;
    const float *a = p->transpose_a ? p->a + k0 * lda + t->row : p->a + t->row * lda + k0;
    const float *b = p->transpose_b ? p->b + t->column * ldb + k0 : p->b + k0 * ldb + t->column;
    float *c = to + t->row * p->n + t->column;
    if (k == 0 || p->n == 1 || p->m == 1)
        for (int64_t r = 0; r < t->rows; r++) memset(c + r * p->n, 0, (size_t)t->columns * sizeof *c);
    if (k == 0) return;
    int width = blas_enter();
    if (p->n == 1)
        add_vector_product(a, lda, p->transpose_a ? k : t->rows, p->transpose_a ? t->rows : k, p->transpose_a, b, 1, c, 1);
    else if (p->m == 1)
        add_vector_product(b, ldb, p->transpose_b ? t->columns : k, p->transpose_b ? k : t->columns, !p->transpose_b, a, 1, c,
                           1);
    else
        cblas_sgemm(CblasRowMajor, p->transpose_a ? CblasTrans : CblasNoTrans, p->transpose_b ? CblasTrans : CblasNoTrans,
                    (blasint)t->rows, (blasint)t->columns, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, 0.0f, c,
                    (blasint)p->n);
    blas_leave(width);
}

static void do_part(const product *p, const cuts *t, float *partial, int64_t part)
{
    int64_t chunk = part % t->chunks, row = part / t->chunks / t->column_tiles, column = part / t->chunks % t->column_tiles;
    product_tile tile = { .row = row * t->tile_rows, .column = column * t->tile_columns };
    tile.rows = tile.row + t->tile_rows < p->m ? t->tile_rows : p->m - tile.row;
    tile.columns = tile.column + t->tile_columns < p->n ? t->tile_columns : p->n - tile.column;
    int64_t k0 = chunk * t->chunk, k1 = k0 + t->chunk < p->k ? k0 + t->chunk : p->k;
    multiply(p, t->chunks > 1 ? partial + chunk * p->m * p->n : p->c, &tile, k0, k1);
    if (t->chunks == 1 && p->finish) p->finish(p->data, &tile);
}

/* ---- adding chunks ---- */

typedef struct addition {
    const product *p;
    const float *partial;
    int64_t chunks;
} addition;

static void add_rows(const void *work, int64_t begin, int64_t end)
{
    const addition *w = work;
    const product *p = w->p;
    int64_t first = begin * p->n, count = (end - begin) * p->n;
    float *c = p->c + first;
    const float *from = w->partial + first;
    for (int64_t i = 0; i < count; i++) c[i] = from[i] + from[p->m * p->n + i];
    for (int64_t chunk = 2; chunk < w->chunks; chunk++) {
        const float *next = from + chunk * p->m * p->n;
        for (int64_t i = 0; i < count; i++) c[i] += next[i];
    }
    product_tile t = { .row = begin, .rows = end - begin, .columns = p->n };
    if (p->finish) p->finish(p->data, &t);
}

/* ---- the whole ---- */

static recsys_status check_sizes(op_context *c, const product *p)
{
    if (p->m <= INT32_MAX && p->n <= INT32_MAX && p->k <= INT32_MAX) return RECSYS_OK;
    return recsys__fail(c->error, RECSYS_ERR_TOO_LARGE, "a product of %lld x %lld by %lld x %lld has a side beyond 2^31 - 1",
                        (long long)p->m, (long long)p->k, (long long)p->k, (long long)p->n);
}

recsys_status recsys__cpu_product(op_context *c, const product *p)
{
    recsys_status s = check_sizes(c, p);
    if (s || p->m == 0 || p->n == 0) return s;
    if (recsys__cpu_is_narrow(p)) {
        recsys__cpu_narrow(c, p);
        return s;
    }
    cuts t = cut(p);
    int64_t parts = t.row_tiles * t.column_tiles * t.chunks;
    int32_t threads = parts < c->threads ? (int32_t)parts : c->threads;
    float *partial = c->workspace;
    c->rung = t.chunks > 1 ? "blas-chunks" : parts > 1 ? "blas-tiles" : "blas";
    if (threads > 1) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int64_t part = 0; part < parts; part++) do_part(p, &t, partial, part);
    } else
        for (int64_t part = 0; part < parts; part++) do_part(p, &t, partial, part);
    if (t.chunks > 1) {
        addition w = { .p = p, .partial = partial, .chunks = t.chunks };
        spans(c, p->m, span_rows(p->n), add_rows, &w);
    }
    return RECSYS_OK;
}
