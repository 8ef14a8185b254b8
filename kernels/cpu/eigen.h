/* eigen.h - eigenvalues and eigenvectors of a small symmetric matrix in double, on the calling thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_EIGEN_H
#define KERNELS_CPU_EIGEN_H

#include <stdint.h>

/* Doubles of workspace. */
static inline int64_t eigen_doubles(int64_t n)
{
    return n * n + 4 * n;
}

/* a (n x n, both halves, finite) is lost; values[] in no particular order, each with its vector of length 1 in the same row of
 * `vectors` (n x n). Householder's reduction and implicit QL steps; error of size 2^-53 n norm(a). 0 if it does not
 * converge. */
int recsys__cpu_eigen(double *a, int64_t n, double *values, double *vectors, double *workspace);

#endif
