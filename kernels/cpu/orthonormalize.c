/* orthonormalize.c - the orthonormalize kernel: Gram matrix, its Cholesky factor, and the product with the factor's inverse.
 *
 * M rows, N columns. The N x N part is a few per cent of the work and is done on one thread, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/orthonormalize.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/tall.h"

/* Rows of a part of the product. */
enum { PART_ROWS = 256 };

/* (2^-20)^2: what of a squared length is taken for nothing. */
#define NOTHING 0x1p-40

typedef struct space {
    double *gram, *scale, *parts;
    float *factor;
} space;

static int64_t whole_lines(int64_t doubles)
{
    return (doubles + 7) / 8 * 8;
}

/* Room for `count` doubles behind what was given out before. */
static double *take(double *workspace, int64_t *at, int64_t count)
{
    int64_t start = *at;
    *at += whole_lines(count);
    return workspace != NULL ? workspace + start : NULL;
}

/* Returns the doubles it takes; workspace NULL: only that is wanted. */
static int64_t lay_out(const op_orthonormalize *o, int32_t threads, double *workspace, space *w)
{
    int64_t at = 0;
    w->gram = take(workspace, &at, o->n * o->n);
    w->scale = take(workspace, &at, o->n);
    w->factor = (float *)take(workspace, &at, (o->n * o->n + 1) / 2);
    w->parts = take(workspace, &at, recsys__cpu_tall_gram_doubles(o->m, o->n, threads));
    return at;
}

size_t recsys__cpu_orthonormalize_workspace(const op_orthonormalize *o, int32_t threads)
{
    space w;
    return (size_t)lay_out(o, threads, NULL, &w) * sizeof(double);
}

/* 1 / length of each column, 0 for a column of zeros; the lower half of g is scaled by it. 0 if one is not finite. */
static int scale_columns(double *g, double *scale, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        double length = g[j * n + j];
        if (!(length <= DBL_MAX)) return 0;
        scale[j] = length > 0.0 ? 1.0 / sqrt(length) : 0.0;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) g[i * n + j] *= scale[i] * scale[j];
    return 1;
}

/* G = L L' from the lower half of g; L' comes into the upper half, by rows. A column of nothing gets scale 0 and the column of
 * the unit matrix. Returns the least share of a column that lies outside the span of those before it, squared. */
static double factor(double *g, double *scale, int64_t n)
{
    double least = n > 0 ? 1.0 : 0.0;
    for (int64_t k = 0; k < n; k++) {
        double left = g[k * n + k], *column = g + k * n + k + 1;
        int some = scale[k] > 0.0 && left > NOTHING;
        double inverse = some ? 1.0 / sqrt(left) : 0.0;
        if (!some) scale[k] = 0.0;
        least = !some ? 0.0 : left < least ? left : least;
        for (int64_t i = k + 1; i < n; i++) column[i - k - 1] = g[i * n + k] * inverse;
        g[k * n + k] = some ? sqrt(left) : 1.0;
        for (int64_t i = k + 1; i < n; i++) {
            double l = column[i - k - 1], *row = g + i * n + k + 1;
            for (int64_t j = 0; j < i - k; j++) row[j] -= l * column[j];
        }
    }
    return least;
}

/* T = D L'^-1 as float, by rows. L' by rows is L by columns, as LAPACK sees it. */
static void invert(double *g, const double *scale, int64_t n, float *t)
{
    int width = blas_enter();
    LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'L', 'N', (lapack_int)n, g, (lapack_int)n);
    blas_leave(width);
    memset(t, 0, (size_t)(n * n) * sizeof *t);
    for (int64_t k = 0; k < n; k++)
        for (int64_t j = k; j < n; j++) t[k * n + j] = scale[j] > 0.0 ? (float)(scale[k] * g[k * n + j]) : 0.0f;
}

/* X T, part by part, in place. */
static void multiply(const op_context *c, const op_orthonormalize *o, const float *t)
{
    int64_t parts = (o->m + PART_ROWS - 1) / PART_ROWS;
    int32_t threads = parts < c->threads ? (int32_t)parts : c->threads;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t part = 0; part < parts; part++) {
        int64_t first = part * PART_ROWS, rows = o->m - first < PART_ROWS ? o->m - first : PART_ROWS;
        int width = blas_enter();
        cblas_strmm(CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, (blasint)rows, (blasint)o->n, 1.0f, t,
                    (blasint)o->n, o->x + first * o->n, (blasint)o->n);
        blas_leave(width);
    }
}

recsys_status recsys__cpu_orthonormalize(op_context *c, const op_orthonormalize *o)
{
    space w;
    recsys_status s = recsys__cpu_tall_check(c, "orthonormalize", o->m, o->n);
    *o->least = 1.0f;
    if (s || o->m == 0 || o->n == 0) return s;
    lay_out(o, c->threads, c->workspace, &w);
    c->rung = "blas-chunks";
    for (int32_t pass = 0; pass < o->passes; pass++) {
        recsys__cpu_tall_gram(c, o->x, o->m, o->n, w.parts, w.gram);
        if (!scale_columns(w.gram, w.scale, o->n))
            return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "orthonormalize: the matrix of %lld x %lld is not finite",
                                (long long)o->m, (long long)o->n);
        double least = factor(w.gram, w.scale, o->n);
        if (pass == 0) *o->least = (float)sqrt(least);
        invert(w.gram, w.scale, o->n, w.factor);
        multiply(c, o, w.factor);
    }
    return RECSYS_OK;
}
