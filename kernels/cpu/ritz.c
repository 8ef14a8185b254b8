/* ritz.c - the ritz kernel: eigenvectors of a small Gram matrix carried over to a basis.
 *
 * N rows, L columns of the basis, K of the result.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/ritz.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/tall.h"
#include "kernels/cpu/team.h"
#include "kernels/shared/eigen.h"

/* Rows of a part of the product; columns whose signs a thread looks for at a time. */
enum { PART_ROWS = 256, SIGN_COLUMNS = 32 };

typedef struct space {
    double *gram, *values, *vectors, *parts, *work;
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
static int64_t lay_out(const op_ritz *o, int32_t threads, double *workspace, space *w)
{
    int64_t at = 0, L = o->l, parts = recsys__cpu_tall_gram_doubles(o->m, L, threads);
    w->gram = take(workspace, &at, L * L);
    w->values = take(workspace, &at, L);
    w->vectors = take(workspace, &at, L * L);
    w->factor = (float *)take(workspace, &at, (L * o->k + 1) / 2);
    /* The parts are done with when the eigenvectors are wanted. */
    w->parts = w->work = take(workspace, &at, parts > eigen_doubles(L) ? parts : eigen_doubles(L));
    return at;
}

size_t recsys__cpu_ritz_workspace(const op_ritz *o, int32_t threads)
{
    space w;
    return (size_t)lay_out(o, threads, NULL, &w) * sizeof(double);
}

/* W as float, L x K, and s, from eigenvectors in rows, by descending eigenvalue; of equal ones the first comes first. */
static void take_leading(const op_ritz *o, const space *w)
{
    int64_t L = o->l, K = o->k;
    double top = 0.0;
    for (int64_t c = 0; c < K; c++) {
        int64_t best = 0;
        for (int64_t i = 1; i < L; i++)
            if (w->values[i] > w->values[best]) best = i;
        double value = w->values[best];
        if (c == 0) top = value;
        int some = eigen_is_some(value, top);
        w->values[best] = -INFINITY;
        o->s[c] = some ? (float)sqrt(value) : 0.0f;
        for (int64_t i = 0; i < L; i++) w->factor[i * K + c] = some ? (float)w->vectors[best * L + i] : 0.0f;
    }
}

/* V = Q W, part by part. */
static void multiply(const op_context *c, const op_ritz *o, const float *factor)
{
    int64_t parts = (o->n + PART_ROWS - 1) / PART_ROWS;
    int32_t threads = parts < c->threads ? (int32_t)parts : c->threads;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t part = 0; part < parts; part++) {
        int64_t first = part * PART_ROWS, rows = o->n - first < PART_ROWS ? o->n - first : PART_ROWS;
        int width = blas_enter();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)rows, (blasint)o->k, (blasint)o->l, 1.0f,
                    o->q + first * o->l, (blasint)o->l, factor, (blasint)o->k, 0.0f, o->v + first * o->k, (blasint)o->k);
        blas_leave(width);
    }
}

/* Signs of columns `begin` to `end` - 1. */
static void fix_signs(const op_ritz *o, int64_t begin, int64_t end)
{
    float most[SIGN_COLUMNS] = { 0.0f }, at[SIGN_COLUMNS] = { 0.0f };
    for (int64_t row = 0; row < o->n; row++) {
        const float *v = o->v + row * o->k + begin;
        for (int64_t j = 0; j < end - begin; j++) {
            float size = fabsf(v[j]);
            at[j] = size > most[j] ? v[j] : at[j];
            most[j] = size > most[j] ? size : most[j];
        }
    }
    for (int64_t j = 0; j < end - begin; j++) at[j] = at[j] < 0.0f ? -1.0f : 1.0f;
    for (int64_t row = 0; row < o->n; row++) {
        float *v = o->v + row * o->k + begin;
        for (int64_t j = 0; j < end - begin; j++) v[j] = v[j] == 0.0f ? 0.0f : v[j] * at[j];
    }
}

static recsys_status decompose(const op_context *c, const op_ritz *o, const space *w)
{
    int64_t L = o->l;
    recsys__cpu_tall_gram(c, o->c, o->m, L, w->parts, w->gram);
    for (int64_t i = 0; i < L; i++)
        if (!(w->gram[i * L + i] <= DBL_MAX))
            return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "ritz: the product of %lld x %lld is not finite", (long long)o->m,
                                (long long)L);
    for (int64_t i = 0; i < L; i++)
        for (int64_t j = 0; j < i; j++) w->gram[j * L + i] = w->gram[i * L + j];
    int64_t turns[2];
    if (eigen_decompose(team_of_one(), w->gram, L, w->values, w->vectors, w->work, turns)) return RECSYS_OK;
    return recsys__fail(c->error, RECSYS_ERR_NUMERIC, "ritz: the eigenvalues of a matrix of %lld x %lld do not converge",
                        (long long)L, (long long)L);
}

recsys_status recsys__cpu_ritz(op_context *c, const op_ritz *o)
{
    space w;
    recsys_status s = recsys__cpu_tall_check(c, "ritz", o->m > o->n ? o->m : o->n, o->l);
    if (s || o->l == 0 || o->k == 0) return s;
    lay_out(o, c->threads, c->workspace, &w);
    c->rung = "blas-chunks";
    s = decompose(c, o, &w);
    if (s) return s;
    take_leading(o, &w);
    multiply(c, o, w.factor);
    int32_t threads = o->n * o->k < 1 << 15 ? 1 : c->threads;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int64_t first = 0; first < o->k; first += SIGN_COLUMNS)
        fix_signs(o, first, first + SIGN_COLUMNS < o->k ? first + SIGN_COLUMNS : o->k);
    return RECSYS_OK;
}
