/* mirror.h - runs operations whose descriptors lead to arrays of the host on a device with memory of its own.
 *
 * The tests of operations fill a descriptor with plain arrays. Here each array that it leads to is copied to the device,
 * between guard words, the operation runs on the copies with a workspace full of NaN, and what it changed is copied back. So the same
 * tests, with their oracles in double, hold for every device.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MIRROR_H
#define TESTS_MIRROR_H

#include "support/support.h"

#include "backend/backend.h"

/* Tells how large an array is, and that it is gone. Of others, what follows in memory is copied too, as far as there is
 * some. */
void mirror_know(const void *array, size_t bytes);
void mirror_forget(const void *array);

/* As the backend's run; c->workspace is not looked at. Something written outside of arrays or workspace fails the test. With
 * RECSYS_TEST_PERF in the environment each operation that succeeds is then timed, and a JSON line says what it took. */
recsys_status mirror_run(recsys_exec *exec, op_context *c, const op *o);

#endif
