/* map_rows.h - y = f(x) for a row of elements: what the map and linear kernels share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_MAP_ROWS_H
#define KERNELS_CPU_MAP_ROWS_H

#include "backend/op/map.h"

/* f of n elements on the calling thread; y may be x. The same bits on every rung. */
typedef void (*map_fn)(int32_t f, float *y, const float *x, int64_t n);

map_fn recsys__cpu_map_fn(int32_t simd);

#endif
