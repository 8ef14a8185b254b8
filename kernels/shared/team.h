/* team.h - small dense work that one thread does on the host, and the threads of a block on a device.
 *
 * Who includes this has defined TEAM_WAIT(): until all threads of the team have come here; nothing where there is but one.
 * Elements own, own + size, ... of a row are a thread's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_TEAM_H
#define KERNELS_SHARED_TEAM_H

#include <math.h>
#include <stdint.h>

#include "base/part_of_caller.h"

typedef struct team {
    int64_t own, size;
    double *parts; /* `size` of them, seen by all; unused by a team of one */
} team;

/* The sum of what all threads have, in their order. Waits, before it and behind it. */
PART_OF_CALLER double team_sum(team t, double mine)
{
    double sum = 0.0;
    if (t.size == 1) return mine;
    t.parts[t.own] = mine;
    TEAM_WAIT();
    for (int64_t k = 0; k < t.size; k++) sum += t.parts[k];
    TEAM_WAIT();
    return sum;
}

/* The largest of what all threads have, numbers from 0 up. Waits likewise. */
PART_OF_CALLER double team_most(team t, double mine)
{
    double most = 0.0;
    if (t.size == 1) return mine;
    t.parts[t.own] = mine;
    TEAM_WAIT();
    for (int64_t k = 0; k < t.size; k++) most = t.parts[k] > most ? t.parts[k] : most;
    TEAM_WAIT();
    return most;
}

/* y += s x. */
PART_OF_CALLER void team_add(team t, double *__restrict__ y, double s, const double *__restrict__ x, int64_t n)
{
    for (int64_t i = t.own; i < n; i += t.size) y[i] += s * x[i];
}

PART_OF_CALLER double team_dot(team t, const double *x, const double *y, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = t.own; i < n; i += t.size) sum += x[i] * y[i];
    return team_sum(t, sum);
}

#endif
