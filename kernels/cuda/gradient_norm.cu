/* gradient_norm.cu - the gradient_norm kernel: squares summed in double by pieces of rows, then the pieces in order.
 *
 * The pieces are those of the CPU: about PIECE elements of whole rows; each row, or of a dense gradient the whole piece, is
 * added in four chains. A block brings several pieces to shared memory, where one thread of each adds. How many pieces an index
 * makes is known on the device alone: the second kernel looks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/rows.cuh"
#include "kernels/cuda/targets.cuh"

#include "kernels/shared/row_update.h"

extern "C" {
#include "backend/op/gradient_norm.h"
}

enum { PIECE = PIECE_ELEMENTS, TOGETHER = 4, THREADS_OF_PIECE = BLOCK / TOGETHER };
enum { STRIDE = PIECE + 4 }; /* pieces begin in different banks of shared memory */

static __device__ __forceinline__ int64_t rows_with_gradients(const optimize_target &t)
{
    if (t.kind == TARGET_ZERO) return 0;
    return t.kind == TARGET_ROWS ? *t.rows.index.n_rows : t.table.n_rows;
}

/* Element i of the rows from `begin` on. */
static __device__ __forceinline__ float gradient_at(const optimize_target &t, int64_t begin, int64_t i)
{
    int64_t D = t.table.dim;
    if (t.kind == TARGET_DENSE) return t.dense[begin * D + i];
    const int32_t *first = t.rows.index.begin + begin + i / D;
    return sum_of_entries(t.rows, first[0], first[1], D, i % D);
}

/* Of `rows` short rows that lie side by side. */
static __device__ __forceinline__ double squares_of_rows(const float *g, int64_t rows, int64_t D)
{
    double sum = 0.0;
    for (int64_t r = 0; r < rows; r++) {
        square_chains s = {};
        add_squares(&s, g + r * D, D);
        sum += sum_of_squares(&s);
    }
    return sum;
}

static __global__ void __launch_bounds__(BLOCK, 3) sum_pieces(op_gradient_norm o, block_plan plan, double *sums)
{
    __shared__ float room[TOGETHER * STRIDE];
    block_share share = share_of_targets(plan);
    const optimize_target &t = o.target[share.target];
    int64_t D = t.table.dim, all = rows_with_gradients(t), one = piece_rows(D);
    int64_t first = (int64_t)share.block * TOGETHER * one;
    if (first >= all) return;
    int lane = (int)threadIdx.x % THREADS_OF_PIECE, own = (int)threadIdx.x / THREADS_OF_PIECE;
    int64_t begin = first + own * one, rows = all - begin < one ? all - begin : one, n = rows > 0 ? rows * D : 0;
    float *g = room + own * STRIDE;
    bool by_rows = t.kind == TARGET_ROWS && D < PIECE;
    square_chains s = {};
    double sum = 0.0;
    for (int64_t at = 0; at < one * D; at += PIECE) { /* more than once where a row is longer */
        for (int64_t i = at + lane; i < n && i < at + PIECE; i += THREADS_OF_PIECE) g[i - at] = gradient_at(t, begin, i);
        __syncthreads();
        if (lane == 0 && by_rows) sum = squares_of_rows(g, rows, D);
        if (lane == 0 && !by_rows && n > at) add_squares(&s, g, n - at < PIECE ? n - at : (int64_t)PIECE);
        __syncthreads();
    }
    if (lane == 0 && rows > 0) sums[(int64_t)blockIdx.x * TOGETHER + own] = by_rows ? sum : sum_of_squares(&s);
}

/* One block: it brings the sums to shared memory, and its first thread adds them up in order. Those of target k begin at
 * TOGETHER * first[k]. */
static __global__ void add_pieces(op_gradient_norm o, block_plan plan, const double *sums)
{
    __shared__ double room[PIECE];
    double square = o.add ? *o.square : 0.0;
    for (int k = 0; k < (int)o.n_targets; k++) {
        const optimize_target &t = o.target[k];
        int64_t pieces = piece_count(rows_with_gradients(t), t.table.dim);
        if (t.table.dim == 0) continue;
        const double *own = sums + (int64_t)plan.first[k] * TOGETHER;
        for (int64_t at = 0; at < pieces; at += PIECE) {
            int n = (int)(pieces - at < PIECE ? pieces - at : (int64_t)PIECE);
            for (int i = (int)threadIdx.x; i < n; i += BLOCK) room[i] = own[at + i];
            __syncthreads();
            for (int i = 0; threadIdx.x == 0 && i < n; i++) square += room[i];
            __syncthreads();
        }
    }
    if (threadIdx.x != 0) return;
    double norm = sqrt(square);
    *o.square = square;
    *o.norm = norm;
    *o.factor = clip_factor(norm, o.most);
}

static block_plan plan_of(const op_gradient_norm *o)
{
    block_plan plan = {};
    for (int64_t k = 0; k < o->n_targets; k++) {
        const optimize_target *t = &o->target[k];
        int64_t rows = t->kind == TARGET_ZERO ? 0 : t->table.n_rows;
        if (t->kind == TARGET_ROWS) rows = most_rows_of(&t->rows.index, rows);
        int64_t pieces = t->table.dim > 0 ? piece_count(rows, t->table.dim) : 0;
        plan_target(&plan, k, (pieces + TOGETHER - 1) / TOGETHER);
    }
    return plan;
}

size_t recsys__cuda_gradient_norm_workspace(const op_gradient_norm *o)
{
    cuda_room room = { nullptr, 0 };
    (void)room.take<double>((int64_t)plan_of(o).first[o->n_targets] * TOGETHER);
    return room.used;
}

recsys_status recsys__cuda_gradient_norm(op_context *c, const op_gradient_norm *o)
{
    block_plan plan = plan_of(o);
    uint32_t blocks = plan.first[o->n_targets];
    cuda_room room = cuda_workspace(c);
    double *sums = room.take<double>((int64_t)blocks * TOGETHER);
    if (blocks > 0) LAUNCH(sum_pieces, blocks, BLOCK, 0, c, *o, plan, sums);
    LAUNCH(add_pieces, 1, BLOCK, 0, c, *o, plan, sums);
    return cuda_launched(c);
}
