/* matmul.h - C = op(A) op(B), op(X) = X or X'. op(A): M x K, op(B): K x N, C: M x N; row-major float32.
 * C overlaps neither. K = 0 gives zeros. NaN and infinity in a row of op(A) reach that row of C, in a column of op(B) that
 * column (also by 0 * inf).
 * Products with at most 16 columns in C, and at most 64 terms or (A') 16 rows, are chains of fused multiply-adds
 * (kernels/shared/narrow.h): same for all threads, rungs and devices. For others:
 * Bits: the product is cut by M, N and K alone (kernels/cpu/product.h), each part is one BLAS call at width 1 and parts of a
 * sum are added in ascending order: same for all threads. They depend on the BLAS and on the processor's family.
 * Bound: abs(err of c[m, n]) <= (K + 8) * 2^-24 * sum over k of abs(a b).
 * Cost: 2 M N K flops; least 4 (M K + N K + M N) bytes.
 * Lost: cutting A' B with a long K by outputs alone: each part packs all of K again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_MATMUL_H
#define BACKEND_OP_MATMUL_H

#include "backend/backend.h"

typedef struct op_matmul {
    struct op op;
    int64_t m, n, k;
    const float *a;      /* M x K, or K x M if transpose_a */
    const float *b;      /* K x N, or N x K if transpose_b */
    int32_t transpose_a; /* 1: A' */
    int32_t transpose_b; /* 1: B' */
    float *c;
} op_matmul;

#endif
