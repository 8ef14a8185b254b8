/* orthonormalize.cu - the orthonormalize kernel: Gram matrix, its Cholesky factor by one block, the product with its inverse.
 *
 * The host waits once, at the end, for whether the matrix was finite.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/product.h"
#include "kernels/cuda/tall.h"
#include "kernels/cuda/team.h"
#include "kernels/cuda/watch.h"
#include "kernels/shared/cholesky.h"

extern "C" {
#include "backend/op/orthonormalize.h"
}

/* Floats of the part of X T that is written next to X, at least a row. */
static const int64_t PART_FLOATS = (int64_t)1 << 22;

struct layout {
    double *gram, *scale, *inverse, *parts;
    float *factor, *product;
    int32_t *not_finite;
    int64_t rows; /* of a part of the product */
};

static layout lay_out(const op_orthonormalize *o, cuda_room *room)
{
    layout l;
    int64_t N = o->n, rows = N > 0 ? PART_FLOATS / N : 0;
    l.rows = rows < 1 ? 1 : rows < o->m ? rows : o->m;
    l.gram = room->take<double>(N * N);
    l.inverse = room->take<double>(N * N);
    l.scale = room->take<double>(N);
    l.parts = room->take<double>(cuda_tall_gram_doubles(o->m, N));
    l.factor = room->take<float>(N * N);
    l.product = room->take<float>(l.rows * N);
    l.not_finite = room->take<int32_t>(1);
    return l;
}

size_t recsys__cuda_orthonormalize_workspace(const op_orthonormalize *o)
{
    cuda_room room = { nullptr, 0 };
    lay_out(o, &room);
    return room.used;
}

static __global__ void set_least(float *least)
{
    *least = 1.0f;
}

/* One block. least: NULL after the first pass. */
static __global__ void factor(double *g, double *scale, int64_t n, float *least, int32_t *not_finite)
{
    __shared__ double parts[TEAM_MOST];
    team t = { threadIdx.x, blockDim.x, parts };
    if (!cholesky_scale(t, g, scale, n)) {
        if (t.own == 0) *not_finite = 1;
        return;
    }
    double share = cholesky_factor(t, g, scale, n);
    if (t.own == 0 && least) *least = (float)sqrt(share);
}

/* T = D L'^-1 by rows, a thread for each column j: row i of L' times the column is 1 at j, else 0. */
static __global__ void invert(const double *g, const double *scale, int64_t n, double *inverse, float *factor)
{
    int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= n) return;
    for (int64_t i = n - 1; i > j; i--) factor[i * n + j] = 0.0f;
    for (int64_t i = j; i >= 0; i--) {
        double sum = i == j ? 1.0 : 0.0;
        for (int64_t k = i + 1; k <= j; k++) sum -= g[i * n + k] * inverse[k * n + j];
        inverse[i * n + j] = sum / g[i * n + i];
        factor[i * n + j] = scale[j] > 0.0 ? (float)(scale[i] * inverse[i * n + j]) : 0.0f;
    }
}

/* X T, part by part. */
static recsys_status multiply(op_context *c, const op_orthonormalize *o, const layout *l)
{
    int64_t N = o->n;
    for (int64_t first = 0; first < o->m; first += l->rows) {
        int64_t rows = o->m - first < l->rows ? o->m - first : l->rows;
        TRY(cuda_product(c, false, false, rows, N, N, 1.0f, o->x + first * N, N, l->factor, N, 0.0f, l->product, N));
        TRY(cuda_ok(c->error, cudaMemcpyAsync(o->x + first * N, l->product, sizeof(float) * (size_t)(rows * N),
                                              cudaMemcpyDeviceToDevice, cuda_queue(c)->stream)));
    }
    return RECSYS_OK;
}

recsys_status recsys__cuda_orthonormalize(op_context *c, const op_orthonormalize *o)
{
    int64_t M = o->m, N = o->n;
    int32_t found = 0;
    cuda_room room = cuda_workspace(c);
    TRY(cuda_tall_check(c, "orthonormalize", M, N));
    LAUNCH(set_least, 1, 1, 0, c, o->least);
    if (M == 0 || N == 0) return cuda_launched(c);
    layout l = lay_out(o, &room);
    TRY(cuda_ok(c->error, cudaMemsetAsync(l.not_finite, 0, sizeof *l.not_finite, cuda_queue(c)->stream)));
    for (int32_t pass = 0; pass < o->passes; pass++) {
        cuda_tall_gram(c, o->x, M, N, l.parts, l.gram);
        LAUNCH(factor, 1, team_threads(N), 0, c, l.gram, l.scale, N, pass == 0 ? o->least : nullptr, l.not_finite);
        LAUNCH(invert, (unsigned)((N + WARP - 1) / WARP), WARP, 0, c, l.gram, l.scale, N, l.inverse, l.factor);
        TRY(cuda_launched(c));
        TRY(multiply(c, o, &l));
    }
    TRY(cuda_see(c, l.not_finite, &found));
    if (!found) return RECSYS_OK;
    return cuda_fail(c->error, RECSYS_ERR_NUMERIC, "orthonormalize: the matrix of %lld x %lld is not finite", (long long)M,
                     (long long)N);
}
