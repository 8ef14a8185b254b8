/* cut.h - where to cut n keys so that the m smallest stay: the steps of a radix select on the device.
 *
 * As kernels/cpu/cut.h: three rounds of counting, 11 + 11 + 10 bits, each inside the bin that the last one ended in; of equal
 * keys those of lower index stay. Every kernel after a round of counting finds the round's bin anew in each of its blocks,
 * which takes less time than a launch that finds it once. Blocks have BLOCK threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_CUT_H
#define KERNELS_CUDA_CUT_H

#include "kernels/cuda/cuda.h"

enum { CUT_ROUNDS = 3, CUT_BINS = 1 << 11, CUT_TILE = 4096, CUT_EACH = CUT_TILE / BLOCK };

typedef unsigned long long cut_count; /* what 64-bit atomics take */

/* Where a round ended: keys that agree with `prefix` in the bits `above` are still to be told apart. Of them `want` stay, and
 * there are `equal`. */
struct cut_place {
    uint32_t prefix, above;
    int64_t want, equal;
};

static __device__ __forceinline__ int cut_shift(int round)
{
    return round == 0 ? 21 : round == 1 ? 10 : 0;
}

static __device__ __forceinline__ int cut_bins(int round)
{
    return round == 2 ? CUT_BINS / 2 : CUT_BINS;
}

/* Bins of a round in shared memory: cleared, and added to those of all blocks. */
static __device__ __forceinline__ void cut_clear(unsigned *bin)
{
    for (int b = threadIdx.x; b < CUT_BINS; b += BLOCK) bin[b] = 0u;
    __syncthreads();
}

static __device__ __forceinline__ void cut_add_up(const unsigned *bin, cut_count *count)
{
    __syncthreads();
    for (int b = threadIdx.x; b < CUT_BINS; b += BLOCK)
        if (bin[b]) atomicAdd(count + b, (cut_count)bin[b]);
}

/* A key that agrees with `prefix` in the bits `above` goes to its bin. */
static __device__ __forceinline__ void cut_to_bin(unsigned *bin, uint32_t key, int round, uint32_t prefix, uint32_t above)
{
    if (((key ^ prefix) & above) == 0) atomicAdd(bin + (key >> cut_shift(round) & (uint32_t)(cut_bins(round) - 1)), 1u);
}

/* The sum of `own` over the threads up to this one. */
static __device__ __forceinline__ int64_t cut_scan(int64_t own)
{
    __shared__ int64_t of_warp[BLOCK / WARP];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    for (int apart = 1; apart < WARP; apart *= 2) {
        int64_t before = __shfl_up_sync(0xffffffffu, own, apart);
        if (lane >= apart) own += before;
    }
    __syncthreads(); /* who has read of_warp of the last call */
    if (lane == WARP - 1) of_warp[warp] = own;
    __syncthreads();
    for (int w = 0; w < warp; w++) own += of_warp[w];
    return own;
}

/* The place after `round`, in all threads, from the place before it. */
static __device__ __forceinline__ cut_place cut_pick(const cut_count *count, int round, cut_place from)
{
    __shared__ cut_place to;
    const int each = cut_bins(round) / BLOCK;
    const int64_t want = from.want < 1 ? 1 : from.want; /* where none is to stay, any place will do */
    int64_t own = 0;
    count += threadIdx.x * each;
    for (int b = 0; b < each; b++) own += (int64_t)count[b];
    int64_t upto = cut_scan(own), left = want - (upto - own);
    if (left >= 1 && want <= upto) { /* one thread alone */
        int b = 0;
        for (; (int64_t)count[b] < left; b++) left -= (int64_t)count[b];
        to.prefix = from.prefix | (uint32_t)(threadIdx.x * each + b) << cut_shift(round);
        to.above = from.above | (uint32_t)(cut_bins(round) - 1) << cut_shift(round);
        to.want = left;
        to.equal = (int64_t)count[b];
    }
    __syncthreads();
    return to;
}

/* How many of this thread's keys, CUT_EACH of tile `tile`, equal `wanted`. */
static __device__ __forceinline__ int64_t cut_equal(const uint32_t *key, int64_t n, int64_t tile, uint32_t wanted)
{
    int64_t equal = 0, begin = tile * CUT_TILE + (int64_t)threadIdx.x * CUT_EACH;
    for (int64_t i = begin; i < begin + CUT_EACH && i < n; i++) equal += key[i] == wanted;
    return equal;
}

/* By one block: the index of the `want`-th key that equals `wanted`, given how many there are in each tile. Written by one
 * thread. */
static __device__ __forceinline__ void cut_find_last(const uint32_t *key, int64_t n, uint32_t wanted, int64_t want,
                                                     const int64_t *equal, int64_t tiles, int64_t *last)
{
    __shared__ int64_t tile, left;
    const int64_t each = (tiles + BLOCK - 1) / BLOCK, begin = threadIdx.x * each;
    int64_t own = 0;
    for (int64_t t = begin; t < begin + each && t < tiles; t++) own += equal[t];
    int64_t upto = cut_scan(own), rest = want - (upto - own);
    if (rest >= 1 && want <= upto) {
        int64_t t = begin;
        for (; equal[t] < rest; t++) rest -= equal[t];
        tile = t, left = rest;
    }
    __syncthreads();
    own = cut_equal(key, n, tile, wanted);
    upto = cut_scan(own), rest = left - (upto - own);
    if (rest < 1 || left > upto) return;
    int64_t i = tile * CUT_TILE + (int64_t)threadIdx.x * CUT_EACH;
    for (;; i++) {
        rest -= key[i] == wanted;
        if (rest == 0) break;
    }
    *last = i;
}

#endif
