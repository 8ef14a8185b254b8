/* topk.cu - merging panels of scores into lists; see topk.cuh.
 *
 * A block for each query. Scores above the k-th best so far go to a room for candidates, in the order in which the threads
 * come; when it is full it is sorted, all but the k best are dropped and the threshold rises. What is masked or excluded is
 * looked up for candidates alone. In no order of items is it more than a sort for each room - k scores; in random order one
 * or two in all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/topk.cuh"
#include "kernels/cuda/unroll.h"

/* Scores that a thread looks at in a round; candidates in shared memory at most, and at least; keys of a thread that are
 * sorted by counting the larger ones. */
enum { ROUND = 8, SHARED_MOST = 4096, ROOM_LEAST = 512, COUNTED = 4 };

/* Bytes of workspace for candidates of queries that are ranked at a time, and queries that are. */
static const int64_t KEYS_BYTES = (int64_t)64 << 20;
static const int64_t QUERIES_MOST = 1024;

/* ---- sizes ---- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t power_from(int64_t n)
{
    int64_t power = 1;
    while (power < n) power *= 2;
    return power;
}

topk_plan topk_plan_for(const ranking *to, int64_t floats)
{
    topk_plan p;
    p.room = larger(ROOM_LEAST, power_from(smaller(2 * to->k, to->n_items)));
    p.shared = p.room <= SHARED_MOST;
    p.queries = smaller(to->n_queries, QUERIES_MOST);
    if (!p.shared) p.queries = smaller(p.queries, larger(1, KEYS_BYTES / (p.room * (int64_t)sizeof(uint64_t))));
    p.queries = larger(1, smaller(p.queries, floats / 32));
    p.items = larger(32, smaller(floats / p.queries, (to->n_items + 31) / 32 * 32) / 32 * 32);
    return p;
}

uint64_t *topk_keys(cuda_room *room, const topk_plan *p)
{
    return p->shared ? nullptr : room->take<uint64_t>(p->queries * p->room);
}

/* ---- keys ---- */

/* Not 0 for any score but NaN, for which there is no key. -0 becomes 0. */
static __device__ __forceinline__ uint64_t key_of(float score, int32_t item)
{
    uint32_t bits = __float_as_uint(score + 0.0f);
    uint32_t order = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (uint64_t)order << 32 | (uint32_t)~item;
}

static __device__ __forceinline__ int32_t item_of(uint64_t key)
{
    return (int32_t)~(uint32_t)key;
}

static __device__ __forceinline__ float score_of(uint64_t key)
{
    uint32_t order = (uint32_t)(key >> 32);
    return __uint_as_float(order & 0x80000000u ? order & 0x7fffffffu : ~order);
}

/* ---- sorting, the largest key first: by all threads of the block ---- */

/* Each key goes to the place that says how many are larger. n at most COUNTED for each thread. */
static __device__ void sort_by_counting(uint64_t *key, int n)
{
    uint64_t own[COUNTED];
    int place[COUNTED];
    for (int j = 0; j < COUNTED; j++) {
        int at = (int)threadIdx.x + j * (int)blockDim.x;
        own[j] = at < n ? key[at] : 0;
        place[j] = 0;
    }
    for (int other = 0; other < n; other++) {
        uint64_t k = key[other];
        for (int j = 0; j < COUNTED; j++) place[j] += k > own[j];
    }
    __syncthreads();
    for (int j = 0; j < COUNTED; j++)
        if (own[j] != 0) key[place[j]] = own[j];
    __syncthreads();
}

/* Bitonic, with zeros up to a power of two, for which there is room. In steps of up to 32 a warp's pairs are 64 neighbouring
 * keys whatever the step is, so that from one of them to the next only the warp waits. */
static __device__ void sort_by_merging(uint64_t *key, int64_t n)
{
    int64_t all = 2;
    while (all < n) all *= 2;
    for (int64_t at = n + threadIdx.x; at < all; at += blockDim.x) key[at] = 0;
    __syncthreads();
    for (int64_t size = 2; size <= all; size *= 2)
        for (int64_t step = size / 2; step > 0; step /= 2) {
            for (int64_t pair = threadIdx.x; pair < all / 2; pair += blockDim.x) {
                int64_t low = pair / step * 2 * step + pair % step, high = low + step;
                bool falling = (low & size) == 0;
                uint64_t a = key[low], b = key[high];
                if ((a < b) == falling && a != b) key[low] = b, key[high] = a;
            }
            int64_t next = step > 1 ? step / 2 : size;
            if (step > WARP || next > WARP) __syncthreads();
            else __syncwarp();
        }
    __syncthreads();
}

static __device__ void sort_keys(uint64_t *key, int64_t n)
{
    const int64_t quick = 256;
    if (n <= quick && n <= COUNTED * (int64_t)blockDim.x) sort_by_counting(key, (int)n);
    else sort_by_merging(key, n);
}

/* ---- one query ---- */

/* What a block knows of its query. */
struct candidates {
    uint64_t *key;
    int64_t room, k;
    const int32_t *mask;
    int64_t n_masked;
    const uint8_t *excluded;
};

/* Shared by the block: candidates found, also those that had no room; whether some had none, for three rounds in turn: a
 * flag is cleared a round before it is used, when nobody reads it any more. */
struct found {
    unsigned long long count;
    int full[3];
};

static __device__ __noinline__ bool left_out(const candidates *l, int32_t item)
{
    if (l->excluded && l->excluded[item]) return true;
    int64_t low = 0, high = l->n_masked;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (l->mask[middle] < item) low = middle + 1;
        else high = middle;
    }
    return low < l->n_masked && l->mask[low] == item;
}

/* The list that an earlier panel left. */
static __device__ void resume(const candidates *l, found *f, const int32_t *items, const float *scores)
{
    for (int64_t p = threadIdx.x; p < l->k; p += blockDim.x) {
        if (items[p] < 0) continue;
        l->key[p] = key_of(scores[p], items[p]);
        if (p + 1 == l->k || items[p + 1] < 0) f->count = (unsigned long long)p + 1;
    }
}

/* A thread's scores of a round: bit j of what it returns is set while score j waits for room. */
static __device__ __forceinline__ unsigned read_round(const float *score, int64_t base, int64_t n, float *own)
{
    unsigned waiting = 0;
    const float *from = score + base + threadIdx.x;
    int64_t all = n - base - threadIdx.x;
    int step = (int)blockDim.x, left = (int)(all < ROUND * step ? all : ROUND * step);
    UNROLL for (int j = 0; j < ROUND; j++) own[j] = j * step < left ? from[j * step] : NAN;
    UNROLL for (int j = 0; j < ROUND; j++) waiting |= own[j] == own[j] ? 1u << j : 0u;
    return waiting;
}

/* Adds those that are above the threshold, as far as there is room. */
static __device__ __forceinline__ unsigned offer(const candidates *l, found *f, uint64_t threshold, const float *own,
                                                 unsigned waiting, int32_t first)
{
    unsigned still = 0;
    int step = (int)blockDim.x;
    UNROLL for (int j = 0; j < ROUND; j++)
    {
        int32_t item = first + j * step;
        uint64_t key = key_of(own[j], item);
        if ((waiting >> j & 1u) && key > threshold && !left_out(l, item)) {
            int64_t place = (int64_t)atomicAdd(&f->count, 1ull);
            if (place < l->room) l->key[place] = key;
            else still |= 1u << j;
        }
    }
    return still;
}

static __device__ void scan(const candidates *l, found *f, uint64_t threshold, const float *score, int64_t first, int64_t n)
{
    int flag = 0;
    float own[ROUND];
    for (int64_t base = 0; base < n; base += (int64_t)ROUND * blockDim.x) {
        unsigned waiting = read_round(score, base, n, own);
        for (;;) {
            if (waiting) waiting = offer(l, f, threshold, own, waiting, (int32_t)(first + base + threadIdx.x));
            if (waiting) f->full[flag] = 1;
            if (threadIdx.x == 0) f->full[(flag + 1) % 3] = 0;
            __syncthreads();
            int full = f->full[flag];
            flag = (flag + 1) % 3;
            if (!full) break;
            sort_keys(l->key, l->room);
            threshold = l->key[l->k - 1];
            if (threadIdx.x == 0) f->count = (unsigned long long)l->k;
            __syncthreads();
        }
    }
}

static __device__ void finish(const candidates *l, const found *f, int32_t *items, float *scores)
{
    int64_t n = (int64_t)f->count;
    __syncthreads();
    sort_keys(l->key, n);
    for (int64_t p = threadIdx.x; p < l->k; p += blockDim.x) {
        bool there = p < n;
        items[p] = there ? item_of(l->key[p]) : -1;
        scores[p] = there ? score_of(l->key[p]) : -INFINITY;
    }
}

static __global__ void __launch_bounds__(2 * BLOCK, 2) rank_panel(ranking to, topk_panel panel, int64_t room, uint64_t *keys)
{
    SHARED_ROOM(uint64_t, shared);
    __shared__ found f;
    int64_t row = blockIdx.x, q = panel.first_query + row;
    candidates l;
    l.key = keys ? keys + row * room : shared;
    l.room = room;
    l.k = to.k;
    l.mask = to.mask_ptr ? to.mask_item + to.mask_ptr[q] : nullptr;
    l.n_masked = to.mask_ptr ? to.mask_ptr[q + 1] - to.mask_ptr[q] : 0;
    l.excluded = to.excluded;
    if (threadIdx.x == 0) {
        f.count = 0;
        f.full[0] = f.full[1] = f.full[2] = 0;
    }
    __syncthreads();
    uint64_t threshold = 0;
    if (panel.first_item > 0) {
        resume(&l, &f, to.items + q * to.k, to.scores + q * to.k);
        __syncthreads();
        if (f.count == (unsigned long long)to.k) threshold = l.key[to.k - 1];
        __syncthreads();
    }
    scan(&l, &f, threshold, panel.scores + row * panel.stride, panel.first_item, panel.n_items);
    __syncthreads();
    finish(&l, &f, to.items + q * to.k, to.scores + q * to.k);
}

/* Threads of a block: as many as fill the device, none without a score to look at. */
static unsigned threads_for(const topk_plan *p, const topk_panel *panel)
{
    const int64_t resident = 1 << 18;
    int64_t threads = p->shared ? BLOCK : 2 * BLOCK;
    while (threads > WARP && (threads * ROUND >= 2 * panel->n_items || threads * panel->n_queries > 2 * resident)) threads /= 2;
    return (unsigned)threads;
}

void topk_pass(op_context *c, const ranking *to, const topk_plan *p, uint64_t *keys, topk_panel panel)
{
    if (panel.n_queries <= 0) return;
    size_t shared = p->shared ? (size_t)p->room * sizeof(uint64_t) : 0;
    LAUNCH(rank_panel, (unsigned)panel.n_queries, threads_for(p, &panel), shared, c, *to, panel, p->room, keys);
}
