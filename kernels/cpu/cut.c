/* cut.c - radix select: three rounds of counting, 11 + 11 + 10 bits, each inside the bin that the last one ended in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/cut.h"

/* Keys of a chunk when equal ones are counted. */
enum { CHUNK = 1 << 14 };

/* Bins of a round, at most; places behind them for keys that a round leaves out. Counting those too takes no branch that
 * depends on the keys, and several places keep one addition from waiting for the last. */
enum { BINS = 1 << 11, BESIDE = 16, COUNTS = BINS + BESIDE };

static int64_t chunks_of(int64_t n)
{
    return (n + CHUNK - 1) / CHUNK;
}

size_t recsys__cpu_cut_workspace(int64_t n, int32_t threads)
{
    size_t counts = (size_t)threads * COUNTS + (size_t)chunks_of(n);
    return (counts * sizeof(int64_t) + 63) / 64 * 64;
}

/* Keys begin..end-1 that agree with `prefix` above the round's bits, by those bits. */
static void count_bins(int64_t *count, int64_t bins, const uint32_t *key, int64_t begin, int64_t end, uint32_t prefix,
                       uint32_t above, int shift)
{
    for (int64_t b = 0; b < COUNTS; b++) count[b] = 0;
    for (int64_t i = begin; i < end; i++) {
        uint32_t bin = key[i] >> shift & (uint32_t)(bins - 1), beside = BINS + ((uint32_t)i & (BESIDE - 1));
        count[((key[i] ^ prefix) & above) == 0 ? bin : beside]++;
    }
}

/* Counts of all threads, in count[0..bins-1]. */
static void count_all(int64_t *count, int64_t bins, const uint32_t *key, int64_t n, uint32_t prefix, uint32_t above,
                      int shift, int32_t threads)
{
    if (threads == 1) {
        count_bins(count, bins, key, 0, n, prefix, above, shift);
        return;
    }
    int64_t each = n / threads + 1;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int32_t t = 0; t < threads; t++) {
        int64_t begin = t * each < n ? t * each : n, end = begin + each < n ? begin + each : n;
        count_bins(count + t * COUNTS, bins, key, begin, end, prefix, above, shift);
    }
    for (int32_t t = 1; t < threads; t++)
        for (int64_t b = 0; b < bins; b++) count[b] += count[t * COUNTS + b];
}

static int64_t count_equal(const uint32_t *key, int64_t begin, int64_t end, uint32_t wanted)
{
    int64_t equal = 0;
    for (int64_t i = begin; i < end; i++) equal += key[i] == wanted;
    return equal;
}

/* Index of the m-th key that equals `wanted`, of which there are at least m >= 1. */
static int64_t find_equal(const uint32_t *key, int64_t n, uint32_t wanted, int64_t m, int32_t threads, int64_t *equal)
{
    int64_t chunks = chunks_of(n), k = 0;
    if (threads > 1) {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t j = 0; j < chunks; j++)
            equal[j] = count_equal(key, j * CHUNK, (j + 1) * CHUNK < n ? (j + 1) * CHUNK : n, wanted);
        for (; equal[k] < m; k++) m -= equal[k];
    }
    int64_t i = k * CHUNK;
    for (;; i++) {
        m -= key[i] == wanted;
        if (m == 0) return i;
    }
}

cut recsys__cpu_cut(const uint32_t *key, int64_t n, int64_t m, int32_t threads, void *workspace)
{
    static const int shifts[] = { 21, 10, 0 }, widths[] = { 11, 11, 10 };
    if (m <= 0) return (cut){ .key = 0, .last = -1 };
    if (m >= n) return (cut){ .key = UINT32_MAX, .last = n };
    int64_t *count = workspace, equal = 0;
    uint32_t prefix = 0, above = 0;
    for (int round = 0; round < 3; round++) {
        int64_t bins = INT64_C(1) << widths[round], b = 0;
        count_all(count, bins, key, n, prefix, above, shifts[round], threads);
        for (; count[b] < m; b++) m -= count[b];
        equal = count[b];
        prefix |= (uint32_t)b << shifts[round];
        above |= (uint32_t)(bins - 1) << shifts[round];
    }
    int64_t last = equal == m ? n : find_equal(key, n, prefix, m, threads, count + (int64_t)threads * COUNTS);
    return (cut){ .key = prefix, .last = last };
}
