/* ritz.cu - the ritz kernel: eigenvectors of a small Gram matrix, by one block, carried over to a basis.
 *
 * The host waits once, at the end, for what went wrong with the small part.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/product.h"
#include "kernels/cuda/tall.h"
#include "kernels/cuda/team.h"
#include "kernels/cuda/watch.h"
#include "kernels/shared/eigen.h"

extern "C" {
#include "backend/op/ritz.h"
}

/* What went wrong; columns and rows of a block that looks for signs, and parts of the rows. */
enum { FINE, NOT_FINITE, NOT_CONVERGED };
enum { SIGN_COLUMNS = 32, SIGN_ROWS = 8, SIGN_PARTS = 64 };

struct layout {
    double *gram, *values, *vectors, *parts, *work;
    float *factor, *most; /* most: of each part and column the element of largest absolute value */
    int32_t *wrong;
};

static layout lay_out(const op_ritz *o, cuda_room *room)
{
    layout l;
    int64_t L = o->l;
    l.gram = room->take<double>(L * L);
    l.values = room->take<double>(L);
    l.vectors = room->take<double>(L * L);
    l.parts = room->take<double>(cuda_tall_gram_doubles(o->m, L));
    l.work = room->take<double>(eigen_doubles(L));
    l.factor = room->take<float>(L * o->k);
    l.most = room->take<float>(SIGN_PARTS * o->k);
    l.wrong = room->take<int32_t>(1);
    return l;
}

size_t recsys__cuda_ritz_workspace(const op_ritz *o)
{
    cuda_room room = { nullptr, 0 };
    lay_out(o, &room);
    return room.used;
}

/* W as float, L x K, and s, from eigenvectors in rows, by descending eigenvalue; of equal ones the first comes first. A
 * thread finds the place of each of its values. */
static __device__ void take_leading(team t, const op_ritz &o, const layout &l)
{
    int64_t L = o.l, K = o.k;
    double top = l.values[0];
    for (int64_t i = 1; i < L; i++) top = l.values[i] > top ? l.values[i] : top;
    for (int64_t i = 0; i < L; i++) {
        double value = l.values[i], before = 0.0;
        for (int64_t j = t.own; j < L; j += t.size) before += l.values[j] > value || (l.values[j] == value && j < i);
        int64_t c = (int64_t)team_sum(t, before);
        if (c >= K) continue;
        bool some = eigen_is_some(value, top);
        if (t.own == 0) o.s[c] = some ? (float)sqrt(value) : 0.0f;
        for (int64_t r = t.own; r < L; r += t.size) l.factor[r * K + c] = some ? (float)l.vectors[i * L + r] : 0.0f;
    }
}

/* One block. */
static __global__ void decompose(op_ritz o, layout l)
{
    __shared__ double parts[TEAM_MOST];
    __shared__ int64_t turns[2];
    team t = { threadIdx.x, blockDim.x, parts };
    int64_t L = o.l;
    double bad = 0.0;
    for (int64_t i = t.own; i < L; i += t.size)
        if (!(l.gram[i * L + i] <= DBL_MAX)) bad = 1.0;
    bool finite = team_most(t, bad) == 0.0, converged = false;
    if (finite) {
        for (int64_t i = 0; i < L; i++)
            for (int64_t j = t.own; j < i; j += t.size) l.gram[j * L + i] = l.gram[i * L + j];
        __syncthreads();
        converged = eigen_decompose(t, l.gram, L, l.values, l.vectors, l.work, turns) != 0;
        if (converged) take_leading(t, o, l);
    }
    if (t.own == 0) *l.wrong = !finite ? NOT_FINITE : !converged ? NOT_CONVERGED : FINE;
}

/* The first of the elements of largest absolute value in SIGN_COLUMNS columns (blockIdx.x) of a part of the rows
 * (blockIdx.y). */
static __global__ void find_most(op_ritz o, int64_t each, float *most)
{
    __shared__ float found[SIGN_ROWS][SIGN_COLUMNS];
    __shared__ int64_t found_at[SIGN_ROWS][SIGN_COLUMNS];
    int32_t x = (int32_t)threadIdx.x, y = (int32_t)threadIdx.y;
    int64_t column = (int64_t)blockIdx.x * SIGN_COLUMNS + x, at = INT64_MAX;
    int64_t first = blockIdx.y * each, end = first + each < o.n ? first + each : o.n;
    float best = 0.0f;
    for (int64_t row = first + y; row < end && column < o.k; row += SIGN_ROWS) {
        float v = o.v[row * o.k + column];
        if (fabsf(v) > fabsf(best)) best = v, at = row;
    }
    found[y][x] = best;
    found_at[y][x] = at;
    __syncthreads();
    if (y > 0 || column >= o.k) return;
    for (int32_t k = 1; k < SIGN_ROWS; k++) {
        float v = found[k][x];
        if (fabsf(v) > fabsf(best) || (fabsf(v) == fabsf(best) && found_at[k][x] < at)) best = v, at = found_at[k][x];
    }
    most[blockIdx.y * o.k + column] = best;
}

/* most[column] becomes that of all parts: 1 or -1. */
static __global__ void find_signs(int64_t parts, int64_t k, float *most)
{
    GRID_STRIDE(column, k) {
        float best = most[column];
        for (int64_t part = 1; part < parts; part++) {
            float v = most[part * k + column];
            if (fabsf(v) > fabsf(best)) best = v;
        }
        most[column] = best < 0.0f ? -1.0f : 1.0f;
    }
}

static __global__ void fix_signs(op_ritz o, const float *sign)
{
    GRID_STRIDE(e, o.n * o.k) {
        float v = o.v[e];
        o.v[e] = v == 0.0f ? 0.0f : v * sign[e % o.k];
    }
}

recsys_status recsys__cuda_ritz(op_context *c, const op_ritz *o)
{
    int64_t N = o->n, L = o->l, K = o->k;
    TRY(cuda_tall_check(c, "ritz", o->m > N ? o->m : N, L));
    if (L == 0 || K == 0) return RECSYS_OK;
    cuda_room room = cuda_workspace(c);
    layout l = lay_out(o, &room);
    cuda_tall_gram(c, o->c, o->m, L, l.parts, l.gram);
    LAUNCH(decompose, 1, team_threads(L), 0, c, *o, l);
    TRY(cuda_launched(c));
    TRY(cuda_product(c, false, false, N, K, L, 1.0f, o->q, L, l.factor, K, 0.0f, o->v, K));
    int64_t parts = N / 1024 + 1 < SIGN_PARTS ? N / 1024 + 1 : (int64_t)SIGN_PARTS;
    dim3 blocks((unsigned)((K + SIGN_COLUMNS - 1) / SIGN_COLUMNS), (unsigned)parts);
    LAUNCH(find_most, blocks, dim3(SIGN_COLUMNS, SIGN_ROWS), 0, c, *o, (N + parts - 1) / parts, l.most);
    LAUNCH(find_signs, cuda_blocks(K, BLOCK), BLOCK, 0, c, parts, K, l.most);
    LAUNCH(fix_signs, cuda_blocks(N * K, BLOCK), BLOCK, 0, c, *o, l.most);
    TRY(cuda_launched(c));
    int32_t wrong = FINE;
    TRY(cuda_see(c, l.wrong, &wrong));
    if (wrong == NOT_FINITE)
        return cuda_fail(c->error, RECSYS_ERR_NUMERIC, "ritz: the product of %lld x %lld is not finite", (long long)o->m,
                         (long long)L);
    if (wrong == NOT_CONVERGED)
        return cuda_fail(c->error, RECSYS_ERR_NUMERIC, "ritz: the eigenvalues of a matrix of %lld x %lld do not converge",
                         (long long)L, (long long)L);
    return RECSYS_OK;
}
