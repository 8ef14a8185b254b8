/* spd_inverse.cu - the spd_inverse kernel: Cholesky factor, its inverse, their product, by halves of a full n x n matrix.
 *
 * With A = L L', W = L^-1 and P = W' W, three passes replace the lower half A -> L -> W -> P in place, by columns. Each cuts
 * the matrix in two halves and does the square between them with one or two calls of cuBLAS, so that nearly all work is in
 * products as large as they can be; blocks of LEAF rows on the diagonal are done by kernels of their own. cuSOLVER's potrf and
 * potri would do, but how much workspace they want only a handle can tell.
 *
 * The host waits whenever WORTH_WAITING operations are under way, to see whether somebody cancels, and for the rows at which
 * factor and inverse fail.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/watch.h"

#include <cfloat>

extern "C" {
#include "backend/op/spd_inverse.h"
}

enum { LEAF = 64 };

/* A few milliseconds of a large device. */
static const double WORTH_WAITING = 1e11;

/* No row: a word of four bytes 0x7f, which is more than any row. */
static const int32_t NONE = 0x7f7f7f7f;

/* ---- from the tiles, and to the lines ---- */

/* A block for each column. */
static __global__ void from_tiles(symmetric from, float *full)
{
    int64_t j = blockIdx.x, b = j / from.tile;
    for (int64_t i = j + threadIdx.x; i < from.n; i += blockDim.x) {
        int64_t a = i / from.tile;
        full[j * from.n + i] = symmetric_tile_at(&from, a, b)[j % from.tile * symmetric_height(&from, a) + (i - a * from.tile)];
    }
}

/* A block for each strip. *bad: the first row whose diagonal is not a positive number. */
static __global__ void to_lines(const float *full, symmetric to, int32_t *bad)
{
    int64_t s = blockIdx.x, n = to.n;
    float *strip = to.data + symmetric_line(s, 0);
    for (int64_t e = threadIdx.x; e < SYMMETRIC_LINE_FLOATS * (s + 1); e += blockDim.x) {
        int64_t i = 4 * s + e % 16 / 4, j = e / 16 * 4 + e % 4;
        float value = i >= n || j >= n ? 0.0f : i >= j ? full[j * n + i] : full[i * n + j];
        strip[e] = value;
        if (i == j && i < n && !(value > 0.0f && value <= FLT_MAX)) atomicMin(bad, (int32_t)i);
    }
}

/* ---- blocks on the diagonal ---- */

/* A -> L of n <= LEAF rows that begin with `row`, by one block of LEAF x 2 threads. *bad: where it is not positive definite,
 * which also finds NaN and infinity anywhere to the left of the diagonal. */
static __global__ void factor_leaf(float *a, int64_t ld, int32_t n, int64_t row, int32_t *bad)
{
    __shared__ float l[LEAF][LEAF + 1], root_of[LEAF];
    int32_t x = (int32_t)threadIdx.x, y = (int32_t)threadIdx.y, step = (int32_t)blockDim.y;
    if (*bad != NONE) return;
    for (int32_t j = y; j < n; j += step)
        if (x >= j && x < n) l[x][j] = a[j * ld + x];
    __syncthreads();
    for (int32_t k = 0; k < n; k++) {
        float root = sqrtf(l[k][k]); /* by all threads, so that all know whether to go on */
        if (!(root > 0.0f && root <= FLT_MAX)) {
            if (x == 0 && y == 0) *bad = (int32_t)(row + k);
            return;
        }
        if (y == 0 && x == k) root_of[k] = root;
        if (y == 0 && x > k && x < n) l[x][k] /= root;
        __syncthreads();
        for (int32_t j = k + 1 + y; j < n; j += step)
            if (x >= j && x < n) l[x][j] = fmaf(-l[x][k], l[j][k], l[x][j]);
        __syncthreads();
    }
    for (int32_t j = y; j < n; j += step)
        if (x >= j && x < n) a[j * ld + x] = x == j ? root_of[j] : l[x][j];
}

/* L -> W of every block on the diagonal, by LEAF threads each: a thread has a column. */
static __global__ void invert_leaves(float *a, int64_t n)
{
    __shared__ float l[LEAF][LEAF + 1], w[LEAF][LEAF + 1];
    int64_t row = (int64_t)blockIdx.x * LEAF;
    int32_t rows = (int32_t)(n - row < LEAF ? n - row : (int64_t)LEAF), t = (int32_t)threadIdx.x;
    float *own = a + row * n + row;
    for (int32_t j = 0; j < rows; j++)
        if (t >= j && t < rows) l[t][j] = own[j * n + t];
    __syncthreads();
    for (int32_t i = t; i < rows; i++) {
        float sum = i == t ? 1.0f : 0.0f;
        for (int32_t k = t; k < i; k++) sum = fmaf(-l[i][k], w[k][t], sum);
        w[i][t] = sum / l[i][i];
    }
    __syncthreads();
    for (int32_t j = 0; j < rows; j++)
        if (t >= j && t < rows) own[j * n + t] = w[t][j];
}

/* W -> W'W of n <= LEAF rows, by LEAF x 4 threads. */
static __global__ void multiply_leaf(float *a, int64_t ld, int32_t n)
{
    __shared__ float w[LEAF][LEAF + 1];
    int32_t x = (int32_t)threadIdx.x, y = (int32_t)threadIdx.y;
    for (int32_t j = y; j < n; j += (int32_t)blockDim.y)
        if (x >= j && x < n) w[x][j] = a[j * ld + x];
    __syncthreads();
    for (int32_t j = y; j < n; j += (int32_t)blockDim.y) {
        float sum = 0.0f;
        for (int32_t k = x; k < n && x >= j; k++) sum = fmaf(w[k][x], w[k][j], sum);
        if (x >= j && x < n) a[j * ld + x] = sum;
    }
}

/* ---- the halves ---- */

struct inversion {
    op_context *c;
    cublasHandle_t blas;
    float *a; /* n x n by columns */
    int64_t n;
    int32_t *bad;
    cuda_watch w; /* over the squares of the three passes */
    int64_t queued;
    double operations;
};

static float *at(const inversion *v, int64_t row, int64_t column)
{
    return v->a + column * v->n + row;
}

/* Rows of the upper half: whole leaves. */
static int64_t upper_half(int64_t n)
{
    return (n + LEAF - 1) / LEAF / 2 * LEAF;
}

static int64_t leaves(int64_t n)
{
    return (n + LEAF - 1) / LEAF;
}

/* Before the work on a square, which is so many operations. */
static recsys_status next_square(inversion *v, double operations)
{
    if (v->operations > WORTH_WAITING) {
        TRY(cuda_watch_wait(&v->w, v->queued));
        v->operations = 0.0;
    }
    v->operations += operations;
    v->queued++;
    return cuda_watch_ask(&v->w);
}

/* B, of m x n, becomes alpha op(T)^-1 B or alpha B op(T)^-1: T is what is at the diagonal from row `t` on. */
static recsys_status solve(inversion *v, cublasSideMode_t side, cublasOperation_t op, int64_t m, int64_t n, float alpha,
                           int64_t t, float *b)
{
    return cublas_ok(v->c->error, cublasStrsm(v->blas, side, CUBLAS_FILL_MODE_LOWER, op, CUBLAS_DIAG_NON_UNIT, (int)m, (int)n,
                                              &alpha, at(v, t, t), (int)v->n, b, (int)v->n));
}

/* The n rows of the diagonal from row `to` on += alpha X X' or X' X, whose sum is over k. */
static recsys_status add_square(inversion *v, cublasOperation_t op, int64_t n, int64_t k, float alpha, const float *x,
                                int64_t to)
{
    const float one = 1.0f;
    return cublas_ok(v->c->error, cublasSsyrk(v->blas, CUBLAS_FILL_MODE_LOWER, op, (int)n, (int)k, &alpha, x, (int)v->n, &one,
                                              at(v, to, to), (int)v->n));
}

/* A -> L in the n rows from `row` on. */
static recsys_status factor(inversion *v, int64_t row, int64_t n)
{
    if (n <= LEAF) {
        LAUNCH(factor_leaf, 1, dim3(LEAF, 2), 0, v->c, at(v, row, row), v->n, (int32_t)n, row, v->bad);
        return cuda_launched(v->c);
    }
    int64_t top = upper_half(n), rest = n - top;
    float *square = at(v, row + top, row);
    TRY(factor(v, row, top));
    TRY(next_square(v, (double)rest * (double)top * (double)n));
    TRY(solve(v, CUBLAS_SIDE_RIGHT, CUBLAS_OP_T, rest, top, 1.0f, row, square));
    TRY(add_square(v, CUBLAS_OP_N, rest, top, -1.0f, square, row + top));
    return factor(v, row + top, rest);
}

/* L -> W but for the leaves: W_21 = -L_22^-1 L_21 L_11^-1, while both of these are still there. */
static recsys_status invert(inversion *v, int64_t row, int64_t n)
{
    if (n <= LEAF) return RECSYS_OK;
    int64_t top = upper_half(n), rest = n - top;
    float *square = at(v, row + top, row);
    TRY(next_square(v, (double)rest * (double)top * (double)n));
    TRY(solve(v, CUBLAS_SIDE_LEFT, CUBLAS_OP_N, rest, top, -1.0f, row + top, square));
    TRY(solve(v, CUBLAS_SIDE_RIGHT, CUBLAS_OP_N, rest, top, 1.0f, row, square));
    TRY(invert(v, row, top));
    return invert(v, row + top, rest);
}

/* W -> P. */
static recsys_status multiply(inversion *v, int64_t row, int64_t n)
{
    const float one = 1.0f;
    if (n <= LEAF) {
        LAUNCH(multiply_leaf, 1, dim3(LEAF, 4), 0, v->c, at(v, row, row), v->n, (int32_t)n);
        return cuda_launched(v->c);
    }
    int64_t top = upper_half(n), rest = n - top;
    float *square = at(v, row + top, row);
    TRY(multiply(v, row, top));
    TRY(next_square(v, (double)rest * (double)top * (double)n));
    TRY(add_square(v, CUBLAS_OP_T, top, rest, 1.0f, square, row));
    TRY(cublas_ok(v->c->error, cublasStrmm(v->blas, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_T, CUBLAS_DIAG_NON_UNIT,
                                           (int)rest, (int)top, &one, at(v, row + top, row + top), (int)v->n, square, (int)v->n,
                                           square, (int)v->n)));
    return multiply(v, row + top, rest);
}

/* ---- the operation ---- */

/* More rows than any device has memory for: their square is not to wrap around. */
static const int64_t MOST_ROWS = (int64_t)1 << 28;

size_t recsys__cuda_spd_inverse_workspace(const op_spd_inverse *o)
{
    cuda_room room = { nullptr, 0 };
    int64_t n = o->inout.n < MOST_ROWS ? o->inout.n : MOST_ROWS;
    room.take<float>(n * n);
    room.take<int32_t>(1);
    return room.used;
}

/* Waits, and fails if there is a bad row. */
static recsys_status check_rows(const inversion *v, const char *matrix, const char *wrong)
{
    int32_t bad;
    TRY(cuda_see(v->c, v->bad, &bad));
    if (bad == NONE) return RECSYS_OK;
    return cuda_fail(v->c->error, RECSYS_ERR_NUMERIC, "%s of %lld rows %s at row %ld", matrix, (long long)v->n, wrong,
                     (long)bad);
}

recsys_status recsys__cuda_spd_inverse(op_context *c, const op_spd_inverse *o)
{
    int64_t n = o->inout.n;
    if (n == 0) return RECSYS_OK;
    cuda_room room = cuda_workspace(c);
    inversion v = {};
    v.c = c;
    v.n = n;
    v.a = room.take<float>(n * n);
    v.bad = room.take<int32_t>(1);
    v.w = cuda_watch{ c, "inverting a matrix", 0, 3 * leaves(n) };
    TRY(cuda_blas(c, &v.blas));
    TRY(cuda_watch_ask(&v.w));
    TRY(cuda_ok(c->error, cudaMemsetAsync(v.bad, 0x7f, sizeof *v.bad, cuda_queue(c)->stream)));
    LAUNCH(from_tiles, (unsigned)n, BLOCK, 0, c, o->inout, v.a);
    TRY(cuda_launched(c));
    TRY(factor(&v, 0, n));
    TRY(check_rows(&v, "matrix", "is not positive definite"));
    TRY(invert(&v, 0, n));
    LAUNCH(invert_leaves, (unsigned)leaves(n), LEAF, 0, c, v.a, n);
    TRY(cuda_launched(c));
    TRY(multiply(&v, 0, n));
    TRY(cuda_watch_ask(&v.w));
    LAUNCH(to_lines, (unsigned)((n + 3) / 4), BLOCK, 0, c, v.a, o->inout, v.bad);
    TRY(cuda_launched(c));
    TRY(check_rows(&v, "inverse of a matrix", "overflows"));
    return cuda_watch_wait(&v.w, v.w.total);
}
