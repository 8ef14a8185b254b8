/* dropping.h - what dropout does with an element whose word is drawn.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_DROPPING_H
#define KERNELS_SHARED_DROPPING_H

#include "kernels/shared/elementary.h"

/* Words below the first drop; the others are multiplied by the second. */
PART_OF_CALLER uint32_t dropping_below(float p)
{
    return (uint32_t)((double)p * 0x1p32);
}

PART_OF_CALLER float dropping_factor(float p)
{
    return (float)(1.0 / (1.0 - (double)p));
}

PART_OF_CALLER float dropping_of_word(uint32_t word, uint32_t below, float factor)
{
    return choose(word < below, 0.0f, factor);
}

/* By a factor of dropping_of_word(): 0 whatever x is where that is 0. */
PART_OF_CALLER float dropping_element(float x, float factor)
{
    return choose(factor == 0.0f, 0.0f, x * factor);
}

#endif
