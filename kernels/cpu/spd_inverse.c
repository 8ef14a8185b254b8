/* spd_inverse.c - the spd_inverse kernel: Cholesky factor, its inverse, their product, as one graph of tile tasks.
 *
 * With A = L L', W = L^-1 and P = A^-1 = W' W, three passes replace the lower tiles A -> L -> W -> P in place. Each is
 * right-looking: step k finishes the tiles of row or column k and adds their products to the others. Diagonal tiles are
 * inverted as soon as they are factored, so that what would be triangular solves are products with W_kk.
 * A task is one BLAS or LAPACK call on whole tiles; `depend` orders the tasks that touch a tile as they were created.
 * So each tile sees the same operations in the same order whatever the number of threads, and passes overlap.
 * The last step rewrites the tiles as lines (serving layout), again in place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/spd_inverse.h"

#include <float.h>
#include <string.h>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/watch.h"

/* Columns that are rewritten as lines at a time. */
enum { CHUNK_COLUMNS = SYMMETRIC_UNIT, CHUNK_FLOATS = SYMMETRIC_LINE * CHUNK_COLUMNS };

typedef struct inversion {
    const symmetric *a;
    int64_t tiles; /* rows of tiles */
    watch w;       /* over the tasks */
    atomic_llong bad_row; /* where the matrix is not positive definite */
} inversion;

static float *tile(const inversion *v, int64_t a, int64_t b)
{
    return symmetric_tile_at(v->a, a, b);
}

/* Leading dimension of the tiles in row a, padding included. */
static int height(const inversion *v, int64_t a)
{
    return (int)symmetric_height(v->a, a);
}

/* Rows of the matrix in row a of tiles: padding takes no part in the arithmetic. */
static int rows(const inversion *v, int64_t a)
{
    int64_t rest = v->a->n - a * v->a->tile;
    return (int)(rest < v->a->tile ? rest : v->a->tile);
}

/* ---- tile operations ---- */

/* A_kk -> W_kk = L_kk^-1. Diagonals of L are checked here, which also finds NaN and infinity anywhere to their left. */
static void factor_diagonal(inversion *v, int64_t k)
{
    float *kk = tile(v, k, k);
    int n = rows(v, k), ld = height(v, k);
    int64_t bad = LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'L', n, kk, ld);
    for (int64_t i = 0; i < n && bad == 0; i++) {
        float l = kk[i * ld + i];
        if (!(l > 0.0f && l <= FLT_MAX)) bad = i + 1;
    }
    if (bad == 0) bad = LAPACKE_strtri_work(LAPACK_COL_MAJOR, 'L', 'N', n, kk, ld);
    if (bad == 0) return;
    atomic_store(&v->bad_row, k * v->a->tile + bad - 1);
    atomic_store(&v->w.status, RECSYS_ERR_NUMERIC);
}

/* A_mk *= scale W_kk or scale W_kk', from the right. */
static void times_diagonal(inversion *v, int64_t m, int64_t k, CBLAS_TRANSPOSE transpose, float scale)
{
    cblas_strmm(CblasColMajor, CblasRight, CblasLower, transpose, CblasNonUnit, rows(v, m), rows(v, k), scale,
                tile(v, k, k), height(v, k), tile(v, m, k), height(v, m));
}

/* A_kj = W_kk A_kj or W_kk' A_kj. */
static void diagonal_times(inversion *v, int64_t k, int64_t j, CBLAS_TRANSPOSE transpose)
{
    cblas_strmm(CblasColMajor, CblasLeft, CblasLower, transpose, CblasNonUnit, rows(v, k), rows(v, j), 1.0f,
                tile(v, k, k), height(v, k), tile(v, k, j), height(v, k));
}

/* A_mj -= L_mk L_jk' */
static void factor_update(inversion *v, int64_t m, int64_t j, int64_t k)
{
    if (m == j)
        cblas_ssyrk(CblasColMajor, CblasLower, CblasNoTrans, rows(v, m), rows(v, k), -1.0f, tile(v, m, k),
                    height(v, m), 1.0f, tile(v, m, m), height(v, m));
    else
        cblas_sgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows(v, m), rows(v, j), rows(v, k), -1.0f,
                    tile(v, m, k), height(v, m), tile(v, j, k), height(v, j), 1.0f, tile(v, m, j), height(v, m));
}

/* A_mj += A_mk A_kj */
static void invert_update(inversion *v, int64_t m, int64_t j, int64_t k)
{
    cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, rows(v, m), rows(v, j), rows(v, k), 1.0f, tile(v, m, k),
                height(v, m), tile(v, k, j), height(v, k), 1.0f, tile(v, m, j), height(v, m));
}

/* P_mj += W_km' W_kj */
static void product_update(inversion *v, int64_t m, int64_t j, int64_t k)
{
    if (m == j)
        cblas_ssyrk(CblasColMajor, CblasLower, CblasTrans, rows(v, j), rows(v, k), 1.0f, tile(v, k, j), height(v, k),
                    1.0f, tile(v, j, j), height(v, j));
    else
        cblas_sgemm(CblasColMajor, CblasTrans, CblasNoTrans, rows(v, m), rows(v, j), rows(v, k), 1.0f, tile(v, k, m),
                    height(v, k), tile(v, k, j), height(v, k), 1.0f, tile(v, m, j), height(v, m));
}

/* P_kk = W_kk' W_kk */
static void product_diagonal(inversion *v, int64_t k)
{
    LAPACKE_slauum_work(LAPACK_COL_MAJOR, 'L', rows(v, k), tile(v, k, k), height(v, k));
}

/* ---- the graph ---- */

/* What a task does around its call. */
#define TILE_CALL(v, call)                  \
    do {                                    \
        if (watch_stopped(&(v)->w)) break;  \
        int caller_width = blas_enter();    \
        call;                               \
        blas_leave(caller_width);           \
        watch_done(&(v)->w, 1);                 \
    } while (0)

/* A -> L, but for the diagonal tiles, which become W_kk. */
static void factor(inversion *v)
{
    for (int64_t k = 0; k < v->tiles; k++) {
        float *kk = tile(v, k, k);
#pragma omp task depend(inout : *kk)
        TILE_CALL(v, factor_diagonal(v, k));
        for (int64_t m = k + 1; m < v->tiles; m++) {
            float *mk = tile(v, m, k);
#pragma omp task depend(in : *kk) depend(inout : *mk)
            TILE_CALL(v, times_diagonal(v, m, k, CblasTrans, 1.0f));
        }
        for (int64_t m = k + 1; m < v->tiles; m++) {
            for (int64_t j = k + 1; j <= m; j++) {
                float *mk = tile(v, m, k), *jk = tile(v, j, k), *mj = tile(v, m, j);
#pragma omp task depend(in : *mk, *jk) depend(inout : *mj)
                TILE_CALL(v, factor_update(v, m, j, k));
            }
        }
    }
}

/* L -> W. Before step k, rows below k hold in column j < k the part of -sum L_mi W_ij that rows above k give. */
static void invert(inversion *v)
{
    for (int64_t k = 0; k < v->tiles; k++) {
        float *kk = tile(v, k, k);
        for (int64_t m = k + 1; m < v->tiles; m++) {
            float *mk = tile(v, m, k);
#pragma omp task depend(in : *kk) depend(inout : *mk)
            TILE_CALL(v, times_diagonal(v, m, k, CblasNoTrans, -1.0f));
            for (int64_t j = 0; j < k; j++) {
                float *kj = tile(v, k, j), *mj = tile(v, m, j);
#pragma omp task depend(in : *mk, *kj) depend(inout : *mj)
                TILE_CALL(v, invert_update(v, m, j, k));
            }
        }
        for (int64_t j = 0; j < k; j++) {
            float *kj = tile(v, k, j);
#pragma omp task depend(in : *kk) depend(inout : *kj)
            TILE_CALL(v, diagonal_times(v, k, j, CblasNoTrans));
        }
    }
}

/* W -> P. Row k of W is used up by step k: what it adds goes to rows above, then it becomes its share of row k of P. */
static void multiply(inversion *v)
{
    for (int64_t k = 0; k < v->tiles; k++) {
        float *kk = tile(v, k, k);
        for (int64_t j = 0; j < k; j++) {
            for (int64_t m = j; m < k; m++) {
                float *km = tile(v, k, m), *kj = tile(v, k, j), *mj = tile(v, m, j);
#pragma omp task depend(in : *km, *kj) depend(inout : *mj)
                TILE_CALL(v, product_update(v, m, j, k));
            }
        }
        for (int64_t j = 0; j < k; j++) {
            float *kj = tile(v, k, j);
#pragma omp task depend(in : *kk) depend(inout : *kj)
            TILE_CALL(v, diagonal_times(v, k, j, CblasTrans));
        }
#pragma omp task depend(inout : *kk)
        TILE_CALL(v, product_diagonal(v, k));
    }
}

/* Tasks of the three passes on t rows of tiles: each has about t^3 / 6. */
static int64_t count_tasks(int64_t t)
{
    int64_t tasks = 0;
    for (int64_t k = 0; k < t; k++) {
        int64_t below = t - 1 - k;
        tasks += 1 + below + below * (below + 1) / 2; /* factor */
        tasks += below * (1 + k) + k;                 /* invert */
        tasks += k * (k + 1) / 2 + k + 1;             /* multiply */
    }
    return tasks;
}

/* ---- from tiles to lines ---- */

/* Rewrites h x 32 floats by columns as lines by strips: h / 4 chunks of 8 lines. `spare` has room for a copy. */
static void columns_to_lines(float *columns, int64_t h, float *spare)
{
    memcpy(spare, columns, (size_t)(h * CHUNK_COLUMNS) * sizeof(float));
    for (int64_t s = 0; s < h / 4; s++) {
        float *chunk = columns + s * CHUNK_FLOATS;
        for (int64_t c = 0; c < CHUNK_COLUMNS; c++) {
            const float *four = spare + c * h + 4 * s;
            float *line = chunk + c / 4 * SYMMETRIC_LINE_FLOATS + c % 4;
            line[0] = four[0];
            line[4] = four[1];
            line[8] = four[2];
            line[12] = four[3];
        }
    }
}

/* Transposes a `from` x `to` matrix of chunks in place, cycle by cycle: chunk (r, c), at r * to + c, goes to
 * c * from + r. `moved` has a bit for each chunk. */
static void transpose_chunks(float *data, int64_t from, int64_t to, uint8_t *moved)
{
    int64_t chunks = from * to;
    memset(moved, 0, (size_t)(chunks / 8 + 1));
    for (int64_t start = 0; start < chunks; start++) {
        if (moved[start / 8] >> (start % 8) & 1) continue;
        float first[CHUNK_FLOATS];
        memcpy(first, data + start * CHUNK_FLOATS, sizeof first);
        int64_t place = start;
        for (;;) {
            moved[place / 8] |= (uint8_t)(1u << (place % 8));
            int64_t source = place % from * to + place / from;
            if (source == start) break;
            memcpy(data + place * CHUNK_FLOATS, data + source * CHUNK_FLOATS, sizeof first);
            place = source;
        }
        memcpy(data + place * CHUNK_FLOATS, first, sizeof first);
    }
}

/* Columns of tile row a. */
static int64_t width(const inversion *v, int64_t a)
{
    return a * v->a->tile + height(v, a);
}

/* Rewrites row a of tiles as strips that are still as wide as the row of tiles. */
static void row_to_strips(const inversion *v, int64_t a, float *spare, uint8_t *moved)
{
    float *row = tile(v, a, 0);
    int64_t h = height(v, a), columns = width(v, a);
    for (int64_t c = 0; c < columns; c += CHUNK_COLUMNS) columns_to_lines(row + c * h, h, spare);
    transpose_chunks(row, columns / CHUNK_COLUMNS, h / 4, moved);
}

/* Moves the strips together: strip s keeps its s + 1 lines up to the diagonal. Strips move down only, so in order. */
static void compact(const inversion *v)
{
    int64_t strips = (v->a->n + 3) / 4, strips_in_tile = v->a->tile / 4;
    for (int64_t s = 0; s < strips; s++) {
        int64_t a = s / strips_in_tile;
        const float *from = tile(v, a, 0) + s % strips_in_tile * 4 * width(v, a);
        memmove(v->a->data + symmetric_line(s, 0), from, (size_t)(s + 1) * SYMMETRIC_LINE_FLOATS * sizeof(float));
    }
}

/* Fills the upper halves of the lines on the diagonal and clears the padding. Returns the first row whose diagonal is
 * not a positive number, or n. */
static int64_t finish_diagonal(const symmetric *p)
{
    int64_t n = p->n, strips = (n + 3) / 4, bad = n;
    for (int64_t i = n; i < 4 * strips; i++)
        for (int64_t j = 0; j <= i; j++) p->data[symmetric_element(i, j)] = 0.0f;
    for (int64_t s = 0; s < strips; s++) {
        float *line = p->data + symmetric_line(s, s);
        for (int64_t r = 0; r < 4; r++) {
            for (int64_t c = r + 1; c < 4; c++) line[4 * r + c] = line[4 * c + r];
            float d = line[5 * r];
            if (bad == n && 4 * s + r < n && !(d > 0.0f && d <= FLT_MAX)) bad = 4 * s + r;
        }
    }
    return bad;
}

/* ---- the operation ---- */

/* Workspace of a thread: a copy of 32 columns of a tile, then a bit for each chunk of the largest row of tiles. */
static size_t spare_bytes(const symmetric *a)
{
    return (size_t)(a->tile * CHUNK_COLUMNS) * sizeof(float);
}

static size_t thread_bytes(const symmetric *a)
{
    size_t chunks = (size_t)((a->n + SYMMETRIC_UNIT) / CHUNK_COLUMNS) * (size_t)(a->tile / 4);
    return spare_bytes(a) + (chunks / 8 / 64 + 1) * 64;
}

size_t recsys__cpu_spd_inverse_workspace(const op_spd_inverse *o, int32_t threads)
{
    return thread_bytes(&o->inout) * (size_t)threads;
}

static void to_serving_layout(const op_context *c, const inversion *v)
{
#pragma omp parallel for num_threads(c->threads) schedule(dynamic, 1)
    for (int64_t a = v->tiles - 1; a >= 0; a--) {
        char *own = (char *)c->workspace + (size_t)omp_get_thread_num() * thread_bytes(v->a);
        row_to_strips(v, a, (float *)(void *)own, (uint8_t *)own + spare_bytes(v->a));
    }
    compact(v);
}

recsys_status recsys__cpu_spd_inverse(op_context *c, const op_spd_inverse *o)
{
    int64_t n = o->inout.n, tiles = (n + o->inout.tile - 1) / o->inout.tile;
    if (n == 0) return RECSYS_OK;
    inversion v = { .a = &o->inout, .tiles = tiles };
    watch_begin(&v.w, c, count_tasks(tiles));
#pragma omp parallel num_threads(c->threads)
#pragma omp master
    {
        factor(&v);
        invert(&v);
        multiply(&v);
    }
    if (atomic_load(&v.w.status) == RECSYS_ERR_NUMERIC)
        return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "matrix of %lld rows is not positive definite at row %lld",
                            (long long)n, (long long)atomic_load(&v.bad_row));
    recsys_status s = watch_end(&v.w, "inverting a matrix");
    if (s) return s;
    to_serving_layout(c, &v);
    int64_t bad = finish_diagonal(&o->inout);
    if (bad == n) return RECSYS_OK;
    return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "inverse of a matrix of %lld rows overflows at row %lld",
                        (long long)n, (long long)bad);
}
