/* weights_sparsify.cu - the weights_sparsify kernel: a cut for each column, then the rows of what passes, a warp for each of
 * both.
 *
 * P is symmetric, so a column is read as a row. The K-th largest of a column is found by counting, 8 bits in a round from the
 * top; the counts are whole numbers, so it does not matter who comes first. Nothing is kept in between but a cut for each
 * column.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/precision.h"
#include "kernels/cuda/prefix.h"
#include "kernels/cuda/watch.h"

extern "C" {
#include "backend/op/weights_sparsify.h"
}

/* Warps of a block; numbers of a digit. */
enum { WARPS = 4, DIGITS = 256 };

/* Elements of P that a part reads: what the host waits for. */
static const int64_t PART_ELEMENTS = (int64_t)1 << 29;

/* The last entry that a column keeps: all of larger |B_ij|, and of equal ones those up to item `last`. */
struct cut {
    uint32_t least; /* bits of |B_ij| */
    int32_t last;
};

struct weights {
    symmetric p;
    const float *scale;
};

static __device__ __forceinline__ float weight_at(const weights &b, int64_t i, int64_t j)
{
    return precision_score(i == j ? 0.0f : precision_at(&b.p, i, j), b.scale[j]);
}

/* Bits of |b|: as whole numbers they are in the order of the magnitudes. */
static __device__ __forceinline__ uint32_t magnitude(float b)
{
    return __float_as_uint(b) & 0x7fffffffu;
}

static __device__ __forceinline__ bool keeps(cut c, uint32_t size, int64_t i)
{
    return size > c.least || (size == c.least && i <= c.last);
}

/* The k-th largest magnitude of column j, k <= n. k becomes how many equal to it are among the k largest, *equal how many there
 * are. `count` is the warp's own. */
static __device__ uint32_t kth_largest(const weights &b, int64_t j, int64_t *k, int64_t *equal, int32_t *count)
{
    uint32_t found = 0, known = 0; /* the bits of the answer so far, and which these are */
    int32_t lane = (int32_t)(threadIdx.x % WARP);
    for (int32_t shift = 24; shift >= 0; shift -= 8) {
        for (int32_t digit = lane; digit < DIGITS; digit += WARP) count[digit] = 0;
        __syncwarp();
        for (int64_t i = lane; i < b.p.n; i += WARP) {
            uint32_t size = magnitude(weight_at(b, i, j));
            if ((size & known) == found) atomicAdd(count + (size >> shift & (DIGITS - 1)), 1);
        }
        __syncwarp();
        uint32_t digit = DIGITS - 1;
        while (count[digit] < *k) *k -= count[digit--];
        *equal = count[digit];
        found |= digit << shift;
        known |= (uint32_t)(DIGITS - 1) << shift;
        __syncwarp();
    }
    return found;
}

/* The item at which the ties-th of the magnitudes that equal `least` is. */
static __device__ void find_last(const weights &b, int64_t j, uint32_t least, int64_t ties, int32_t *last)
{
    int32_t lane = (int32_t)(threadIdx.x % WARP);
    for (int64_t first = 0; first < b.p.n && ties > 0; first += WARP) {
        int64_t i = first + lane;
        bool same = i < b.p.n && magnitude(weight_at(b, i, j)) == least;
        unsigned all = __ballot_sync(0xffffffffu, same);
        if (same && __popc(all & (0xffffffffu >> (31 - lane))) == ties) *last = (int32_t)i;
        ties -= __popc(all);
    }
}

/* Columns `first` to `end` - 1. */
static __global__ void find_cuts(weights b, int64_t top_k, int64_t first, int64_t end, cut *cuts)
{
    __shared__ int32_t count[WARPS][DIGITS];
    int32_t warp = (int32_t)(threadIdx.x / WARP);
    int64_t j = first + (int64_t)blockIdx.x * WARPS + warp, k = top_k, equal = 0, n = b.p.n;
    if (j >= end) return;
    uint32_t least = top_k < n ? kth_largest(b, j, &k, &equal, count[warp]) : 0;
    bool all = least == 0, some_ties = !all && k < equal; /* a magnitude of 0 is never kept */
    if (threadIdx.x % WARP == 0) cuts[j] = cut{ least, all ? -1 : (int32_t)(n - 1) };
    __syncwarp();
    if (some_ties) find_last(b, j, least, k, &cuts[j].last);
}

/* Rows `first` to `end` - 1: how many entries they keep. */
static __global__ void count_rows(weights b, const cut *cuts, int64_t first, int64_t end, int64_t *length)
{
    int64_t i = first + (int64_t)blockIdx.x * WARPS + threadIdx.x / WARP, kept = 0;
    if (i >= end) return;
    for (int64_t j = threadIdx.x % WARP; j < b.p.n; j += WARP) kept += keeps(cuts[j], magnitude(weight_at(b, i, j)), i);
    for (int32_t by = WARP / 2; by > 0; by /= 2) kept += __shfl_down_sync(0xffffffffu, kept, (unsigned)by);
    if (threadIdx.x % WARP == 0) length[i] = kept;
}

/* The same rows, written. */
static __global__ void write_rows(weights b, const cut *cuts, int64_t first, int64_t end, op_weights_sparsify o)
{
    int64_t i = first + (int64_t)blockIdx.x * WARPS + threadIdx.x / WARP;
    if (i >= end) return;
    int32_t lane = (int32_t)(threadIdx.x % WARP);
    int64_t at = o.row_ptr[i];
    for (int64_t left = 0; left < b.p.n; left += WARP) {
        int64_t j = left + lane;
        float weight = j < b.p.n ? weight_at(b, i, j) : 0.0f;
        bool kept = j < b.p.n && keeps(cuts[j], magnitude(weight), i);
        unsigned all = __ballot_sync(0xffffffffu, kept);
        int64_t e = at + __popc(all & ((1u << lane) - 1u));
        if (kept) o.col[e] = (int32_t)j, o.val[e] = weight;
        at += __popc(all);
    }
}

static float *lay_out(const op_weights_sparsify *o, cuda_room *room, cut **cuts)
{
    *cuts = room->take<cut>(o->precision.n);
    return room->take<float>(o->precision.n);
}

size_t recsys__cuda_weights_sparsify_workspace(const op_weights_sparsify *o)
{
    cuda_room room = { nullptr, 0 };
    cut *cuts;
    lay_out(o, &room, &cuts);
    return room.used;
}

recsys_status recsys__cuda_weights_sparsify(op_context *c, const op_weights_sparsify *o)
{
    enum { CUTS, COUNTS, WRITES, PASSES };
    int64_t n = o->precision.n, each = n > 0 ? PART_ELEMENTS / n + 1 : 1;
    item_weights dense = { n, o->precision, nullptr, nullptr, nullptr };
    cuda_room room = cuda_workspace(c);
    cut *cuts;
    weights b = { o->precision, lay_out(o, &room, &cuts) };
    cuda_watch w = { c, "sparsifying item weights", 0, PASSES * n };
    TRY(cuda_precision_check(c->error, &dense));
    cuda_precision_scale(c, &o->precision, const_cast<float *>(b.scale));
    for (int pass = CUTS; pass < PASSES; pass++) {
        for (int64_t first = 0; first < n; first += each) {
            int64_t end = first + each < n ? first + each : n;
            unsigned blocks = cuda_blocks(end - first, WARPS);
            TRY(cuda_watch_ask(&w));
            if (pass == CUTS) LAUNCH(find_cuts, blocks, WARPS * WARP, 0, c, b, o->top_k, first, end, cuts);
            else if (pass == COUNTS) LAUNCH(count_rows, blocks, WARPS * WARP, 0, c, b, cuts, first, end, o->row_ptr + 1);
            else LAUNCH(write_rows, blocks, WARPS * WARP, 0, c, b, cuts, first, end, *o);
            TRY(cuda_launched(c));
            TRY(cuda_watch_wait(&w, pass * n + end));
        }
        if (pass == COUNTS) cuda_prefix(c, n, o->row_ptr);
    }
    return cuda_launched(c);
}
