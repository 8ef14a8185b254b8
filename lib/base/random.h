/* random.h - counter-based random numbers: Philox4x32-10.
 *
 * A draw is a pure function of (seed, stream, step, index): the same on every device and with any number of threads.
 * `stream` tells purposes apart (RANDOM_SPLIT, ...), `step` the repetition, `index` the element.
 * Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* Streams: append only, a number never changes its purpose. */
enum {
    RANDOM_SPLIT = 1, RANDOM_FOLD_IN = 2, RANDOM_TEST = 3, RANDOM_NEGATIVES = 4,
    RANDOM_INIT = 5, RANDOM_ORDER = 6, RANDOM_DROPOUT = 7, RANDOM_VERIFIED = 8,
    RANDOM_SAMPLE = 16 /* and the numbers above it: samplers add a stream of their own, at most 15 */
};

/* Four independent 32-bit words. */
void recsys__random4(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index, uint32_t out[4]);

/* 64 random bits. */
uint64_t recsys__random_u64(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index);

/* Uniform in [0, 1), 53 bits. */
double recsys__random_unit(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index);

/* Uniform integer in 0 to n - 1, n in 1 to 2^63 - 1; the bias is below n * 2^-64. */
int64_t recsys__random_below(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index, int64_t n);

#endif
