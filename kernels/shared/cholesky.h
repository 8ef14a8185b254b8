/* cholesky.h - the factor of a Gram matrix whose columns may depend on each other, by a team, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_CHOLESKY_H
#define KERNELS_SHARED_CHOLESKY_H

#include <float.h>

#include "kernels/shared/team.h"

/* 1 / length of each column, 0 for a column of zeros; the lower half of g is scaled by it. 0 if one is not finite. */
PART_OF_CALLER int cholesky_scale(team t, double *g, double *scale, int64_t n)
{
    double bad = 0.0;
    for (int64_t j = t.own; j < n; j += t.size) {
        double length = g[j * n + j];
        if (!(length <= DBL_MAX)) bad = 1.0;
        scale[j] = length > 0.0 ? 1.0 / sqrt(length) : 0.0;
    }
    if (team_most(t, bad) > 0.0) return 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = t.own; j <= i; j += t.size) g[i * n + j] *= scale[i] * scale[j];
    TEAM_WAIT();
    return 1;
}

/* G = L L' from the lower half of g; L' comes into the upper half, by rows. A column of nothing, which has less than 2^-20
 * of its length outside the span of those before it, gets scale 0 and the column of the unit matrix. Returns the least such
 * share, squared. */
PART_OF_CALLER double cholesky_factor(team t, double *g, double *scale, int64_t n)
{
    double least = n > 0 ? 1.0 : 0.0;
    for (int64_t k = 0; k < n; k++) {
        double left = g[k * n + k], *column = g + k * n + k + 1;
        int some = scale[k] > 0.0 && left > 0x1p-40;
        double inverse = some ? 1.0 / sqrt(left) : 0.0;
        least = !some ? 0.0 : left < least ? left : least;
        TEAM_WAIT();
        if (t.own == 0) {
            if (!some) scale[k] = 0.0;
            g[k * n + k] = some ? sqrt(left) : 1.0;
        }
        for (int64_t i = k + 1 + t.own; i < n; i += t.size) column[i - k - 1] = g[i * n + k] * inverse;
        TEAM_WAIT();
        for (int64_t i = k + 1; i < n; i++) team_add(t, g + i * n + k + 1, -column[i - k - 1], column, i - k);
        TEAM_WAIT();
    }
    return least;
}

#endif
