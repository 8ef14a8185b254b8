/* logarithm.h - the logarithm of a double, of sums, products and quotients alone: the same bits on every device and with every
 * C library. Within 2^-51 of its size.
 *
 * log(2^k m) = k ln 2 + 2 atanh((m - 1) / (m + 1)), m in sqrt(1/2) to sqrt(2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_LOGARITHM_H
#define KERNELS_SHARED_LOGARITHM_H

#include <stdint.h>
#include <string.h>

#include "base/part_of_caller.h"

/* 2 atanh(s) for |s| up to 0.1716 by its Taylor series; what is left off is below 2^-60 of it. */
PART_OF_CALLER double twice_atanh(double s)
{
    double z = s * s, p = 1.0 / 21.0;
    p = p * z + 1.0 / 19.0;
    p = p * z + 1.0 / 17.0;
    p = p * z + 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    return 2.0 * s + 2.0 * s * (p * z);
}

/* log(x) for a positive number that is neither subnormal nor infinite. */
PART_OF_CALLER double double_log(double x)
{
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33; /* k ln2_high is exact */
    const uint64_t fraction = ((uint64_t)1 << 52) - 1;
    uint64_t bits;
    double m;
    memcpy(&bits, &x, sizeof bits);
    int32_t k = (int32_t)(bits >> 52) - 1023;
    bits = (bits & fraction) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    return (double)k * ln2_high + ((double)k * ln2_low + twice_atanh((m - 1.0) / (m + 1.0)));
}

/* log(1 - p) for p in 0 to 1, 1 left out, with all its digits where p is small. */
PART_OF_CALLER double double_log_other(double p)
{
    return p < 0.25 ? -twice_atanh(p / (2.0 - p)) : double_log(1.0 - p);
}

#endif
