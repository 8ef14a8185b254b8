/* box_muller.h - two standard normal numbers from two random words, as in backend/op/gaussian.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_BOX_MULLER_H
#define KERNELS_SHARED_BOX_MULLER_H

#include <math.h>
#include <stdint.h>

#include "base/part_of_caller.h"

/* In (0, 1). */
PART_OF_CALLER float box_muller_unit(uint32_t bits)
{
    return ((float)(bits >> 8) + 0.5f) * 0x1p-24f;
}

PART_OF_CALLER void box_muller(const uint32_t word[2], float number[2])
{
    float size = sqrtf(-2.0f * logf(box_muller_unit(word[0]))), angle = 6.28318531f * box_muller_unit(word[1]);
    number[0] = size * cosf(angle);
    number[1] = size * sinf(angle);
}

#endif
