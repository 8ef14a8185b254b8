/* team.h - the teams of kernels/shared/team.h where they are one thread, the caller's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_TEAM_H
#define KERNELS_CPU_TEAM_H

#include <stddef.h>

#define TEAM_WAIT() ((void)0)
#include "kernels/shared/team.h"

PART_OF_CALLER team team_of_one(void)
{
    team t = { 0, 1, NULL };
    return t;
}

#endif
