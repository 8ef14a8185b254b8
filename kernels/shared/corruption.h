/* corruption.h - the draws of corrupt_rows and the values of its cells, the same on every device; the contract is
 * backend/op/corrupt_rows.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_CORRUPTION_H
#define KERNELS_SHARED_CORRUPTION_H

#include <math.h>
#include <stdint.h>

#include "backend/op/corrupt_rows.h"
#include "base/part_of_caller.h"
#include "base/philox.h"
#include "kernels/shared/logarithm.h"

/* f of a row of d cells. */
PART_OF_CALLER float row_scale(const op_corrupt_rows *o, int64_t d)
{
    return o->normalize && d > 0 ? 1.0f / sqrtf((float)d) : 1.0f;
}

/* The words of the cells 4 quarter to 4 quarter + 3 of row b. */
PART_OF_CALLER void mask_words(const op_corrupt_rows *o, int64_t b, int64_t quarter, uint32_t word[4])
{
    const uint64_t quarters = (uint64_t)(o->n_columns + 3) / 4;
    philox4(o->seed, o->mask_stream, o->step, (uint64_t)b * quarters + (uint64_t)quarter, word);
}

/* Words below this hide their cell. */
PART_OF_CALLER uint64_t mask_below(const op_corrupt_rows *o)
{
    return (uint64_t)(o->mask * 0x1p32);
}

/* Cells that flip k of row b passes over, at most I. log_other = double_log_other(flip). */
PART_OF_CALLER int64_t flip_gap(const op_corrupt_rows *o, double log_other, int64_t b, uint64_t k)
{
    double x = philox_unit(o->seed, o->flip_stream, o->step, ((uint64_t)b << 32) + k);
    double gap = floor(double_log(1.0 - x) / log_other);
    return gap < (double)o->n_columns ? (int64_t)gap : o->n_columns;
}

#endif
