/* cut.h - where to cut n numbers so that the m smallest stay: a radix select, in time linear in n.
 *
 * Numbers are uint32 keys. Of equal keys those of lower index stay. The result is a matter of whole numbers, so it is the
 * same for any number of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_CUT_H
#define KERNELS_CPU_CUT_H

#include <stddef.h>
#include <stdint.h>

/* Number i stays if key[i] < cut.key, or if key[i] == cut.key and i <= cut.last. */
typedef struct cut {
    uint32_t key;
    int64_t last;
} cut;

/* The cut for 0 <= m <= n. `threads` 1 opens no parallel region. */
cut recsys__cpu_cut(const uint32_t *key, int64_t n, int64_t m, int32_t threads, void *workspace);

/* Bytes of workspace, a multiple of 64. */
size_t recsys__cpu_cut_workspace(int64_t n, int32_t threads);

#endif
