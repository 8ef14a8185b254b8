/* truncated_svd.c - randomised subspace iteration for a sparse matrix.
 *
 * Paper: Halko, Martinsson, Tropp, "Finding Structure with Randomness: Probabilistic Algorithms for Constructing Approximate
 * Matrix Decompositions", SIAM Review 53(2), 2011, alg. 4.4 and 5.1: here for the rows of A, whose basis gives the vectors.
 * Departs from the paper: bases by Cholesky QR in place of Householder's, and the small decomposition by the eigenvectors of
 * C'C in double, C = A Q, in place of the singular vectors of C.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/truncated_svd.h"

#include <string.h>

#include "backend/op/orthonormalize.h"
#include "backend/op/ritz.h"
#include "backend/run.h"
#include "base/random.h"
#include "tensor/ops.h"

/* The least share of a column outside the span of those before it with which a basis can do without the next step. */
#define WELL_CONDITIONED 0.05f

int64_t recsys__truncated_svd_bytes(recsys_exec *x, int64_t M, int64_t N, int64_t E, int64_t k, int64_t l)
{
    op_orthonormalize basis = { .op = { OP_ORTHONORMALIZE, sizeof basis }, .m = M > N ? M : N, .n = l, .passes = 2 };
    op_ritz vectors = { .op = { OP_RITZ, sizeof vectors }, .m = M, .n = N, .l = l, .k = k };
    int64_t work = recsys__run_workspace(x, &basis.op), other = recsys__run_workspace(x, &vectors.op);
    return (work > other ? work : other) + 4 * l * (M + N) + 4 * k * (N + 1)
        + (x->backend->wrap == NULL ? 16 * E + 8 * (M + N + 2) : 0);
}

double recsys__truncated_svd_flops(int64_t M, int64_t N, int64_t E, int64_t l, int64_t rounds)
{
    double pass = 2.0 * (double)E * (double)l, square = (double)l * (double)l, n = (double)rounds;
    return 2.0 * (n + 1.0) * pass + 2.0 * square * (n * (double)(M + N) + 3.0 * (double)N + (double)M)
        + 9.0 * square * (double)l;
}

/* Device memory: A and A', which may be the host's, and the two matrices that take turns. */
typedef struct sketch {
    sparse by_row, by_column;
    void *copy[6];
    float *rows, *columns; /* M x l, N x l */
    int64_t l;
} sketch;

static recsys_status share(recsys_exec *x, const void *host, int64_t bytes, void *out, void **copy)
{
    int copied = 0;
    void *device = NULL;
    recsys_status status = recsys__share(x, host, bytes, &device, &copied);
    *copy = copied ? device : NULL;
    memcpy(out, &device, sizeof device);
    return status;
}

static recsys_status share_matrix(recsys_exec *x, const csr *R, const float *value, sparse *to, void **copy)
{
    int64_t E = R->ptr[R->n_rows];
    *to = (sparse){ .n_rows = R->n_rows, .n_columns = R->n_cols, .n_entries = E };
    recsys_status status = share(x, R->ptr, (R->n_rows + 1) * (int64_t)sizeof(int64_t), &to->row_ptr, copy);
    if (status >= 0)
        status = share(x, R->col, E * (int64_t)sizeof(int32_t), &to->column, copy + 1);
    return status < 0 ? status : share(x, value, E * (int64_t)sizeof(float), &to->value, copy + 2);
}

static recsys_status begin_sketch(recsys_exec *x, const truncated_svd *t, sketch *s)
{
    s->l = t->l;
    recsys_status status = share_matrix(x, t->by_row, t->row_value, &s->by_row, s->copy);
    if (status >= 0)
        status = share_matrix(x, t->by_column, t->column_value, &s->by_column, s->copy + 3);
    if (status >= 0)
        status = recsys__device_alloc(x, s->by_row.n_rows * s->l, sizeof(float), &s->rows);
    return status < 0 ? status : recsys__device_alloc(x, s->by_column.n_rows * s->l, sizeof(float), &s->columns);
}

static void end_sketch(recsys_exec *x, sketch *s)
{
    for (int c = 0; c < 6; c++)
        recsys__device_free(x->backend, x->memory, s->copy[c]);
    recsys__device_free(x->backend, x->memory, s->rows);
    recsys__device_free(x->backend, x->memory, s->columns);
}

/* One power iteration (alg. 4.4): rows <- A columns, columns <- A' rows, with an orthonormal basis before each. On the longer
 * side that can be left out where the basis has kept its digits over the last whole iteration, as *least says. */
static recsys_status iterate(recsys_exec *x, sketch *s, float *least)
{
    int64_t M = s->by_row.n_rows, N = s->by_column.n_rows;
    int skip = *least >= WELL_CONDITIONED;
    float other;
    recsys_status status = RECSYS_OK;
    if (!(skip && N > M))
        status = recsys__orthonormalize(x, N, s->l, 1, s->columns, N > M ? least : &other);
    if (status >= 0)
        status = recsys__spmm(x, &s->by_row, s->l, s->columns, s->rows);
    if (status >= 0 && !(skip && N <= M))
        status = recsys__orthonormalize(x, M, s->l, 1, s->rows, N > M ? &other : least);
    return status < 0 ? status : recsys__spmm(x, &s->by_column, s->l, s->rows, s->columns);
}

/* A basis of what A' makes of normal numbers, sharpened (alg. 4.4): orthonormal columns in s->columns. */
static recsys_status find_range(recsys_exec *x, sketch *s, int64_t rounds)
{
    float least = 0.0f;
    recsys_status status = recsys__phase(x, "power iterations");
    if (status >= 0)
        status = recsys__gaussian(x, RANDOM_INIT, 0, s->by_row.n_rows * s->l, s->rows);
    if (status >= 0)
        status = recsys__spmm(x, &s->by_column, s->l, s->rows, s->columns);
    for (int64_t round = 0; round < rounds && status >= 0; round++) {
        status = iterate(x, s, &least);
        if (status >= 0)
            status = recsys__progress(x, round + 1, rounds);
    }
    return status < 0 ? status : recsys__orthonormalize(x, s->by_column.n_rows, s->l, 2, s->columns, &least);
}

recsys_status recsys__truncated_svd(recsys_exec *x, const truncated_svd *t, float **V, float **values)
{
    sketch s = { 0 };
    int64_t M = t->by_row->n_rows, N = t->by_column->n_rows;
    *V = *values = NULL;
    recsys_status status = begin_sketch(x, t, &s);
    if (status >= 0)
        status = find_range(x, &s, t->rounds);
    if (status >= 0)
        status = recsys__phase(x, "singular vectors");
    if (status >= 0)
        status = recsys__spmm(x, &s.by_row, s.l, s.columns, s.rows);
    if (status >= 0)
        status = recsys__device_alloc(x, N * t->k, sizeof(float), V);
    if (status >= 0)
        status = recsys__device_alloc(x, t->k, sizeof(float), values);
    if (status >= 0)
        status = recsys__ritz(x, M, N, s.l, t->k, s.columns, s.rows, *V, *values);
    end_sketch(x, &s);
    recsys__drop_workspace(x);
    if (status < 0) {
        recsys__device_free(x->backend, x->memory, *V);
        recsys__device_free(x->backend, x->memory, *values);
        *V = *values = NULL;
    }
    return status;
}
