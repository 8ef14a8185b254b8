/* ritz.h - the K leading right singular vectors of A that a basis Q contains, from Q and C = A Q.
 * Q: N x L with orthonormal columns (or zeros); C: M x L; V: N x K, K <= L; row-major float32. s: K.
 * C'C = W S^2 W' in double; V = Q W, s = S, values descending. Where s_c <= 2^-17 s_0 (no more than what rounding leaves of
 * nothing) the column of V and s_c are zeros. Each column of V has the sign that makes its element of largest absolute value,
 * the first of equals, positive. ERR_NUMERIC if C is not finite.
 * Order: rows of C are cut by M and L alone, BLAS at width 1. Bits: same for all threads.
 * Cost: M L^2 flops in double, 2 N L K, and about 8 L^3 on one thread. Workspace: up to 12 L x L doubles.
 * Lost: LAPACK for the small part (dsyevd asks for the Fortran runtime; dsyev goes through OpenBLAS's dsymv:
 * kernels/shared/eigen.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_RITZ_H
#define BACKEND_OP_RITZ_H

#include "backend/backend.h"

typedef struct op_ritz {
    struct op op;
    int64_t m, n, l, k;
    const float *q; /* N x L */
    const float *c; /* M x L */
    float *v;       /* N x K */
    float *s;       /* K */
} op_ritz;

#endif
