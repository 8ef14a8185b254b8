/* scratch.h - host memory that an exec keeps between calls, grown and never shrunk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SCRATCH_H
#define BASE_SCRATCH_H

#include "base/exec.h"

/* Gives the block `use` (SCRATCH_*) with room for count * size bytes; contents are lost when it grows. Valid until the
 * next call with the same `use`. `out` is the address of a pointer. */
recsys_status recsys__scratch(recsys_exec *x, int use, int64_t count, size_t size, void *out);

/* Gives all blocks back: called when the exec goes. */
void recsys__scratch_free(recsys_exec *x);

#endif
