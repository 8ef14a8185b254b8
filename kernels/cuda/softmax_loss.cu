/* softmax_loss.cu - the softmax_loss kernel: a block for each row, the beginning of the row kept in shared memory.
 *
 * Three passes over a row: its largest logit, the sum of its exponentials, its gradient. Exponentials are made twice, which
 * costs less than to write and read them. A warp adds up blocks of 256 columns in 16 lanes; one thread adds the lanes of all
 * blocks in double, as the contract's order wants it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/ordered.h"
#include "kernels/shared/elementary.h"

extern "C" {
#include "backend/op/softmax_loss.h"
}

/* Columns whose logits are kept; blocks of columns whose lanes are added at a time; warps of a row. */
enum { KEPT = 8192, LANES = 16, COLUMNS = 256, BLOCKS_AT_ONCE = 64, WARPS_MOST = 16 };

/* ---- one row ---- */

struct softmax_row {
    const float *z;
    const int32_t *column_id; /* NULL: no column is left out */
    int32_t id;
    int64_t count;            /* of targets */
    const int32_t *target;
    const float *weight;      /* NULL: 1 */
};

static __device__ __forceinline__ softmax_row row_of(const op_softmax_loss &o, int64_t b)
{
    softmax_row r;
    r.z = o.logit + b * o.columns;
    r.column_id = o.column_id;
    r.id = o.column_id ? o.row_id[b] : 0;
    int64_t begin = o.row_ptr ? o.row_ptr[b] : b;
    r.target = o.target + begin;
    r.count = o.row_ptr ? o.row_ptr[b + 1] - begin : o.target[b] >= 0;
    r.weight = o.row_ptr && o.weight ? o.weight + begin : nullptr;
    return r;
}

static __device__ __forceinline__ double weight_of(const softmax_row &r, int64_t e)
{
    return r.weight ? (double)r.weight[e] : 1.0;
}

/* z_n, -infinity where the column is left out. Few columns have the row's id, so they alone look for themselves among the
 * targets. */
static __device__ float counted(const softmax_row &r, int64_t n)
{
    if (!r.column_id || __ldg(r.column_id + n) != r.id) return __ldg(r.z + n);
    for (int64_t e = 0; e < r.count; e++)
        if (r.target[e] == n) return __ldg(r.z + n);
    return -INFINITY;
}

static __device__ __forceinline__ float logit_at(const softmax_row &r, const float *kept, int64_t n)
{
    return n < KEPT ? kept[n] : counted(r, n);
}

/* The largest logit that counts, in all threads; NaN is passed over, and found by its exponential. Fills `kept`. */
static __device__ float largest(const softmax_row &r, float *kept, int64_t N)
{
    __shared__ float of_warp[WARPS_MOST];
    const int warps = blockDim.x / WARP, warp = threadIdx.x / WARP;
    float most = -INFINITY;
#pragma unroll 4
    for (int64_t n = threadIdx.x; n < N; n += blockDim.x) {
        float z = counted(r, n);
        if (n < KEPT) kept[n] = z;
        most = z > most ? z : most;
    }
    for (int apart = WARP / 2; apart > 0; apart /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, most, apart);
        most = other > most ? other : most;
    }
    if (threadIdx.x % WARP == 0) of_warp[warp] = most;
    __syncthreads();
    for (int w = 0; w < warps; w++) most = of_warp[w] > most ? of_warp[w] : most;
    return most;
}

/* In thread 0: the sums over the targets, in order, of w and of w (most - z). */
static __device__ void sum_targets(const softmax_row &r, float most, double *weight, double *at_targets)
{
    __shared__ double w[WARPS_MOST * WARP], off[WARPS_MOST * WARP];
    *weight = *at_targets = 0.0;
    for (int64_t begin = 0; begin < r.count; begin += blockDim.x) {
        int64_t e = begin + threadIdx.x, left = r.count - begin;
        int count = (int)(left < (int64_t)blockDim.x ? left : (int64_t)blockDim.x);
        if (e < r.count) {
            w[threadIdx.x] = weight_of(r, e);
            off[threadIdx.x] = w[threadIdx.x] * ((double)most - (double)r.z[r.target[e]]);
        }
        __syncthreads();
        for (int j = 0; j < count && threadIdx.x == 0; j++) *weight += w[j], *at_targets += off[j];
        __syncthreads();
    }
}

/* In thread 0: the sum of exp(z - most). */
static __device__ double sum_exponentials(const softmax_row &r, const float *kept, int64_t N, float most)
{
    __shared__ float lanes[BLOCKS_AT_ONCE * LANES];
    const int warps = blockDim.x / WARP, lane = threadIdx.x % WARP;
    double sum = 0.0;
    for (int64_t begin = 0; begin < N; begin += BLOCKS_AT_ONCE * COLUMNS) {
        int64_t left = (N - begin + COLUMNS - 1) / COLUMNS;
        int blocks = (int)(left < BLOCKS_AT_ONCE ? left : (int64_t)BLOCKS_AT_ONCE);
        for (int k = threadIdx.x / WARP; k < blocks; k += warps) {
            float own = 0.0f;
#pragma unroll
            for (int i = 0; i < COLUMNS; i += WARP) {
                int64_t n = begin + k * COLUMNS + i + lane;
                float y = n < N ? element_exp(logit_at(r, kept, n) - most) : 0.0f;
                own += y;
                own += __shfl_down_sync(0xffffffffu, y, LANES); /* the next column of this lane */
            }
            if (lane < LANES) lanes[k * LANES + lane] = own;
        }
        __syncthreads();
        if (threadIdx.x == 0) {
#pragma unroll 16
            for (int j = 0; j < blocks * LANES; j++) sum += (double)lanes[j];
        }
        __syncthreads();
    }
    return sum;
}

/* ---- the operation ---- */

static __global__ void softmax_rows(op_softmax_loss o, double *loss)
{
    __shared__ float scale;
    SHARED_ROOM(float, kept);
    const int64_t N = o.columns;
    for (int64_t b = blockIdx.x; b < o.rows; b += gridDim.x) {
        const softmax_row r = row_of(o, b);
        float *y = o.gradient ? o.gradient + b * N : nullptr;
        if (r.count == 0) {
            for (int64_t n = threadIdx.x; n < N && y; n += blockDim.x) y[n] = 0.0f;
            if (threadIdx.x == 0) loss[b] = 0.0;
            continue;
        }
        double weight, at_targets;
        float most = largest(r, kept, N);
        sum_targets(r, most, &weight, &at_targets);
        double sum = sum_exponentials(r, kept, N, most);
        if (threadIdx.x == 0) {
            loss[b] = weight * log(sum) + at_targets;
            scale = (float)(weight / (sum * (double)o.rows));
        }
        __syncthreads();
        if (!y) continue;
        const float s = scale;
#pragma unroll 4
        for (int64_t n = threadIdx.x; n < N; n += blockDim.x) y[n] = element_exp(logit_at(r, kept, n) - most) * s;
        __syncthreads(); /* also: `kept` may be filled again */
        for (int64_t e = threadIdx.x; e < r.count; e += blockDim.x) y[r.target[e]] -= (float)(weight_of(r, e) / (double)o.rows);
    }
}

static __global__ void mean_of_rows(op_softmax_loss o, const double *loss)
{
    double sum = sum_in_order(loss, o.rows);
    if (threadIdx.x == 0) *o.loss = (float)(o.rows > 0 ? sum / (double)o.rows : 0.0);
}

size_t recsys__cuda_softmax_loss_workspace(const op_softmax_loss *o)
{
    cuda_room room = { nullptr, 0 };
    room.take<double>(o->rows);
    return room.used;
}

recsys_status recsys__cuda_softmax_loss(op_context *c, const op_softmax_loss *o)
{
    cuda_room room = cuda_workspace(c);
    double *loss = room.take<double>(o->rows);
    const int64_t blocks = (o->columns + COLUMNS - 1) / COLUMNS, most = WARPS_MOST, room_for = KEPT;
    const unsigned warps = (unsigned)(blocks < 1 ? 1 : blocks < most ? blocks : most);
    const size_t kept = (size_t)(o->columns < room_for ? o->columns : room_for);
    if (o->rows > 0) LAUNCH(softmax_rows, cuda_blocks(o->rows, 1), warps * WARP, kept * sizeof(float), c, *o, loss);
    LAUNCH(mean_of_rows, 1, threads_in_order(o->rows), 0, c, *o, (const double *)loss);
    return cuda_launched(c);
}
