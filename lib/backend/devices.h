/* devices.h - the devices of an environment: the processor, and those of a module that is looked for when it is first asked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_DEVICES_H
#define BACKEND_DEVICES_H

#include <recsys/env.h>

#include "backend/backend.h"

typedef struct devices devices;

/* `cpu` is kept by the caller, who closes it after this. */
recsys_status recsys__devices_create(memory *account, error *e, backend *cpu, devices **out);
void recsys__devices_destroy(memory *account, devices *d);

/* The processor and what the module counts. */
int64_t recsys__devices_count(devices *d);
recsys_status recsys__devices_describe(devices *d, error *e, int64_t index, recsys_device_info *info);

/* The backend of a device: "cpu" (NULL: too), "cuda" (the first), "cuda:1", or "auto": the first of the module if there is one,
 * else the processor, and then *why (may be NULL) says why. Opened once. ERR_DEVICE with the reason and the names there are. */
recsys_status recsys__devices_find(devices *d, error *e, const char *name, error *why, backend **b);

#endif
