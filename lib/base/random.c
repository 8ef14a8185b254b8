/* random.c - the library's random numbers: base/philox.h as functions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include "base/philox.h"

void recsys__random4(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index, uint32_t out[4])
{
    philox4(seed, stream, step, index, out);
}

uint64_t recsys__random_u64(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index)
{
    return philox_u64(seed, stream, step, index);
}

double recsys__random_unit(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index)
{
    return philox_unit(seed, stream, step, index);
}

int64_t recsys__random_below(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index, int64_t n)
{
    return philox_scale(philox_u64(seed, stream, step, index), n);
}
