/* lengths.h - the factor of a row by the sum of its squares, as in backend/op/normalize_rows.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_LENGTHS_H
#define KERNELS_SHARED_LENGTHS_H

#include <float.h>
#include <math.h>

#include "base/part_of_caller.h"

/* 1 / length, 0 for a row of zeros. */
PART_OF_CALLER double length_inverse(double squares)
{
    return squares == 0.0 ? 0.0 : 1.0 / sqrt(squares);
}

/* The same as a float that is not infinite. */
PART_OF_CALLER float length_inverse_float(double inverse)
{
    return inverse > (double)FLT_MAX ? FLT_MAX : (float)inverse;
}

#endif
