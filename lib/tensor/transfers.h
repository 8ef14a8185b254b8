/* transfers.h - the host arrays of one operation on their way to the device and back.
 *
 * An error sticks: later calls give NULL, and recsys__transfers_run() reports it. On a device that reads host memory nothing is
 * copied and nothing allocated.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_TRANSFERS_H
#define TENSOR_TRANSFERS_H

#include "base/exec.h"

enum { MAX_TRANSFERS = 12 };

typedef struct transfers {
    recsys_exec *x;
    recsys_status status;
    int count;
    struct {
        void *device, *host_out; /* host_out NULL: an input */
        int64_t bytes;
        int copied;
    } at[MAX_TRANSFERS];
} transfers;

static inline transfers transfers_begin(recsys_exec *x)
{
    return (transfers){ .x = x };
}

/* Device address of an input of the operation; NULL stays NULL. */
const void *recsys__bring(transfers *t, const void *host, int64_t count, size_t size);

/* Device address of an output of the operation, copied to `host` at the end. */
void *recsys__take(transfers *t, void *host, int64_t count, size_t size);

/* Runs the operation unless something failed before, copies the outputs back and frees what was made. */
struct op;
recsys_status recsys__transfers_run(transfers *t, const struct op *o);

#endif
