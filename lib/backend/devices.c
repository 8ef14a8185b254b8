/* devices.c - which devices there are, and opening each once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/devices.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backend/module.h"
#include "backend/registry.h"

enum { DEVICES_MAX = 64, NAME_ROOM = 16 };

struct devices {
    memory *account;
    pthread_mutex_t lock;
    backend *cpu;
    int tried;                    /* the module was looked for */
    const backend_module *module; /* NULL: not there, and `missing` says why */
    error missing;
    backend *open[DEVICES_MAX];
    char name[DEVICES_MAX][NAME_ROOM];
};

recsys_status recsys__devices_create(memory *account, error *e, backend *cpu, devices **out)
{
    recsys_status s = recsys__alloc_zero(account, e, 1, sizeof **out, out);
    if (s) return s;
    if (pthread_mutex_init(&(*out)->lock, NULL)) {
        recsys__free(account, *out);
        *out = NULL;
        return recsys__fail(e, RECSYS_ERR_NO_MEMORY, "the system has no lock for an environment");
    }
    (*out)->account = account;
    (*out)->cpu = cpu;
    return RECSYS_OK;
}

void recsys__devices_destroy(memory *account, devices *d)
{
    if (!d) return;
    for (int i = 0; i < DEVICES_MAX; i++)
        if (d->open[i]) d->module->close(account, d->open[i]);
    pthread_mutex_destroy(&d->lock);
    recsys__free(account, d);
}

/* Devices of the module, at most DEVICES_MAX; none leaves the reason in `e`. The lock is held. */
static int64_t module_devices(devices *d, error *e)
{
    int64_t n = 0;
    if (!d->tried) {
        d->tried = 1;
        (void)recsys__module_load(&d->missing, "cuda", &d->module);
    }
    if (!d->module) {
        *e = d->missing;
        return 0;
    }
    if (d->module->count(&recsys__backend_host, e, &n)) return 0;
    if (n <= 0) recsys__fail(e, RECSYS_ERR_DEVICE, "this machine has no CUDA device");
    return n < DEVICES_MAX ? n : DEVICES_MAX;
}

int64_t recsys__devices_count(devices *d)
{
    error e = { 0 };
    pthread_mutex_lock(&d->lock);
    int64_t n = 1 + module_devices(d, &e);
    pthread_mutex_unlock(&d->lock);
    return n;
}

recsys_status recsys__devices_describe(devices *d, error *e, int64_t index, recsys_device_info *info)
{
    if (index == 0) {
        snprintf(info->name, sizeof info->name, "%s", d->cpu->name);
        recsys__cpu_describe(info->description, sizeof info->description);
        info->memory_bytes = recsys__physical_memory();
        return RECSYS_OK;
    }
    pthread_mutex_lock(&d->lock);
    int64_t n = module_devices(d, e);
    recsys_status s = RECSYS_OK;
    if (index < 0 || index > n)
        s = recsys__fail(e, RECSYS_ERR_OUT_OF_RANGE, "there is no device number %lld", (long long)index);
    if (!s) {
        snprintf(info->name, sizeof info->name, "cuda:%lld", (long long)(index - 1));
        s = d->module->describe(&recsys__backend_host, e, index - 1, info->description, sizeof info->description,
                                &info->memory_bytes);
    }
    pthread_mutex_unlock(&d->lock);
    return s;
}

/* ---- by name ---- */

/* The number in "cuda" or "cuda:12", or -1. */
static int64_t module_index(const char *name)
{
    if (strncmp(name, "cuda", 4) != 0) return -1;
    if (name[4] == '\0') return 0;
    if (name[4] != ':' || name[5] == '\0' || strlen(name + 5) > 4) return -1;
    int64_t index = 0;
    for (const char *p = name + 5; *p; p++) {
        if (*p < '0' || *p > '9') return -1;
        index = 10 * index + (*p - '0');
    }
    return index;
}

static recsys_status no_device(error *e, const char *name, const char *reason, int64_t n)
{
    char names[32] = "cpu";
    if (n == 1) snprintf(names, sizeof names, "cpu, cuda:0");
    if (n > 1) snprintf(names, sizeof names, "cpu, cuda:0 to cuda:%d", (int)(n - 1));
    return recsys__fail(e, RECSYS_ERR_DEVICE, "device \"%s\" is not available: %s; devices: %s", name, reason, names);
}

/* The lock is held. */
static recsys_status open_device(devices *d, error *e, int64_t index)
{
    if (d->open[index]) return RECSYS_OK;
    snprintf(d->name[index], NAME_ROOM, "cuda:%d", (int)index);
    return d->module->open(&recsys__backend_host, d->account, e, index, d->name[index], &d->open[index]);
}

recsys_status recsys__devices_find(devices *d, error *e, const char *name, error *why, backend **b)
{
    int any = name && strcmp(name, "auto") == 0;
    *b = d->cpu;
    if (!name || strcmp(name, d->cpu->name) == 0) return RECSYS_OK;
    int64_t index = any ? 0 : module_index(name);
    if (index < 0) return no_device(e, name, "no device has such a name", recsys__devices_count(d) - 1);

    error reason = { 0 };
    pthread_mutex_lock(&d->lock);
    int64_t n = module_devices(d, &reason);
    recsys_status s = RECSYS_OK;
    if (index < n) s = open_device(d, any ? &reason : e, index);
    int there = index < n && !s;
    if (there) *b = d->open[index];
    pthread_mutex_unlock(&d->lock);
    if (there) return RECSYS_OK;
    if (any) {
        if (why) *why = reason;
        return RECSYS_OK;
    }
    if (s) return s;
    return no_device(e, name, n > 0 ? "there are fewer" : reason.message, n);
}
