/* fence.h - the fence backend: the device of an exec with memory that the host cannot touch.
 *
 * It passes every operation on to the device that the exec had, on memory of its own, of which a block is open only while
 * a `run`, `copy_in`, `copy_out` or `fill` is under way that names it. What would fail on a device with memory of its own fails here:
 *
 * - code above the kernels that follows a device pointer, `supports` and `workspace` included: SIGSEGV;
 * - a kernel that follows anything but the pointers of its descriptor and its workspace: SIGSEGV;
 * - a kernel that reaches further than 63 bytes beyond a block, or to one given back: SIGBUS, at any time;
 * - a kernel that writes just before or just behind a block: `run` fails with ERR_INTERNAL, and fence_close() fails the test;
 * - host memory in a descriptor where memory of the device belongs: likewise;
 * - results of memory that nobody has written: new blocks are full of NaN.
 *
 * Nothing is wrapped, so everything that an operation reads has been copied in. Every block takes as many bytes from the
 * account as the CPU backend would, in one allocation: limits, counts and failing allocations mean the same.
 *
 * Where the device has memory of its own already (a GPU), it only counts what runs.
 *
 *     fixture f;
 *     fixture_open(&f, 2);
 *     fence *w = fence_open(f.exec);
 *     ...
 *     fixture_close(&f);
 *     fence_close(w);                                          models and execs are gone by now
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FENCE_H
#define TESTS_FENCE_H

#include "support/support.h"

typedef struct fence fence;

/* Puts an exec on a new fence around the device it has; nothing may have been done with it yet. */
fence *fence_open(recsys_exec *exec);

/* Puts another exec of the same environment on it. Several threads may work on one fence, each with its exec. */
void fence_add(fence *w, recsys_exec *exec);

/* Fails the test if a block is still held or something was written or passed on that should not have been. */
void fence_close(fence *w);

/* How often an operation (OP_*) has run so far. */
int64_t fence_runs(const fence *w, int32_t number);

/* Blocks held now. */
int64_t fence_blocks(const fence *w);

/* What was found wrong, in words, or "": looking takes it away, for tests of the fence itself. */
const char *fence_take_fault(fence *w);

#endif
