/* late.h - the late backend: a device that does nothing until somebody waits for it.
 *
 * Operations, copies to the device and fills of an exec are kept, and done in their order when something is copied out,
 * waited for or given back. Everything else is the processor's. So what a faster host could get wrong on a device with a queue
 * goes wrong here, the same way each time: results looked at or handed on too early, host memory that changes while it is
 * still to be read, a wait in the middle of a step.
 *
 * RECSYS_TEST_DEVICE=late puts every exec of a fixture on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LATE_H
#define TESTS_LATE_H

#include <recsys/exec.h>
#include <stdint.h>

typedef struct late late;

late *late_open(void);

/* Puts an exec of the processor on it, with a queue of its own; nothing may have been done with the exec yet. */
void late_add(late *w, recsys_exec *exec);

/* After the execs and all that they made are released. */
void late_close(late *w);

/* How often an exec's queue was waited for, and how much was done late. */
int64_t late_waits(const late *w);
int64_t late_runs(const late *w);

#endif
