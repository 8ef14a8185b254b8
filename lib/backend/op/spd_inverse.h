/* spd_inverse.h - P = A^-1 of a symmetric positive definite n x n matrix, in place, by tiles.
 * In: lower half in factor layout; the rest of the diagonal tiles and the padding may hold anything. Out: serving layout
 * (backend/symmetric.h), in the first recsys__symmetric_floats(n, SYMMETRIC_LINE) floats of the same memory.
 * On failure the contents are lost: ERR_CANCELLED; ERR_NUMERIC with the first row of A at which a leading block is not
 * positive definite in float, NaN and infinity included, or of P whose diagonal overflows.
 * Order: A = L L', W = L^-1, P = W'W, each right-looking over tiles of a size that depends on n alone; inside a tile the
 * order is that of the BLAS in the process. Bits: same for all threads, same build and same kind of processor.
 * Bound, to first order, with g = 4 n 2^-24:
 *     abs(err of P) <= g (|P||A||W'||L'||P| + |W'||W||L||W| + (|W'||W||L||W|)' + |W'||W|), element by element.
 * Cost: n^3 flops in about (n / tile)^3 / 2 tasks; n^2 / 2 floats read and written some n / tile times; workspace of
 * less than half a tile for each thread.
 * Lost: threaded spotrf + spotri (bits change with the threads, all of n^2, and all threads wait when one of them is held
 * up), packed spftrf + spftri (a quarter of the rate), triangular solves with the diagonal tile in place of products
 * with its inverse (strsm reaches two thirds of the rate of strmm), padding to whole tiles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SPD_INVERSE_H
#define BACKEND_OP_SPD_INVERSE_H

#include "backend/backend.h"
#include "backend/symmetric.h"

typedef struct op_spd_inverse {
    struct op op;
    symmetric inout; /* in: factor layout, as op_gram leaves it; out: the inverse in serving layout */
} op_spd_inverse;

#endif
