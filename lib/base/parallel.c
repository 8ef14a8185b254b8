/* parallel.c - the parallel loop above the kernels, on OpenMP.
 *
 * The width is given with the region, so the process's own OpenMP settings stay as they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/parallel.h"

#include <omp.h>

void recsys__parallel_for(recsys_exec *x, int64_t n, int64_t chunk, parallel_body body, void *data)
{
    if (n <= 0) return;
    if (chunk < 1) chunk = 1;
    int64_t n_chunks = n / chunk + (n % chunk != 0);
    int threads = n_chunks < x->threads ? (int)n_chunks : x->threads;

    /* schedule(dynamic): chunks may cost very differently (users have histories of any length). */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (int64_t k = 0; k < n_chunks; k++) {
        int64_t begin = k * chunk;
        int64_t end = n - begin < chunk ? n : begin + chunk;
        body(data, begin, end, (int32_t)(threads > 1 ? omp_get_thread_num() : 0));
    }
}

int32_t recsys__processors(void)
{
    int n = omp_get_num_procs();
    return n > 0 ? (int32_t)n : 1;
}
