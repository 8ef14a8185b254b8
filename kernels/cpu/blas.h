/* blas.h - BLAS and LAPACK as kernels of one tile, on the calling thread alone. No other file includes their headers.
 *
 * A threaded factorisation gives other bits at other widths, and a process has one BLAS that others may be using. So
 * every call is made at width 1: OpenBLAS (OpenMP flavour) asks omp_get_max_threads() first, and at 1 it works on the
 * calling thread without touching its process-wide thread count. The width is a property of the calling thread, or of
 * the task it runs, and is put back after the call:
 *
 *     int width = blas_enter();
 *     cblas_sgemm(...);
 *     blas_leave(width);
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_BLAS_H
#define KERNELS_CPU_BLAS_H

#include <cblas.h>
#include <lapacke.h>
#include <omp.h>

static inline int blas_enter(void)
{
    int width = omp_get_max_threads();
    omp_set_num_threads(1);
    return width;
}

static inline void blas_leave(int width)
{
    omp_set_num_threads(width);
}

#endif
