/* orthonormalize.c - the orthonormalize kernel: Gram matrix, its Cholesky factor, and the product with the factor's inverse.
 *
 * M rows, N columns. The N x N part is a few per cent of the work and is done on one thread, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/orthonormalize.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/tall.h"
#include "kernels/cpu/team.h"
#include "kernels/shared/cholesky.h"

/* Rows of a part of the product. */
enum { PART_ROWS = 256 };

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
        if (!cholesky_scale(team_of_one(), w.gram, w.scale, o->n))
            return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "orthonormalize: the matrix of %lld x %lld is not finite",
                                (long long)o->m, (long long)o->n);
        double least = cholesky_factor(team_of_one(), w.gram, w.scale, o->n);
        if (pass == 0) *o->least = (float)sqrt(least);
        invert(w.gram, w.scale, o->n, w.factor);
        multiply(c, o, w.factor);
    }
    return RECSYS_OK;
}
