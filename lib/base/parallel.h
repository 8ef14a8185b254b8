/* parallel.h - loops on several threads, for everything above the kernels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stdint.h>

#include "base/exec.h"

/* Does part `begin` to `end` - 1 of the work, on thread `thread` (0 to x->threads - 1). Must not fail. */
typedef void (*parallel_body)(void *data, int64_t begin, int64_t end, int32_t thread);

/* Cuts 0 to n - 1 into chunks of `chunk` and runs them on at most x->threads threads, in any order. Cuts do not depend
 * on the number of threads, so results that are written by index, or summed by chunk in order, have the same bits. */
void recsys__parallel_for(recsys_exec *x, int64_t n, int64_t chunk, parallel_body body, void *data);

/* Processors that this process may run on, at least 1. */
int32_t recsys__processors(void);

#endif
