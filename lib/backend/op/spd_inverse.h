/* spd_inverse.h - the inverse of a symmetric positive definite matrix, in place.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_SPD_INVERSE_H
#define BACKEND_OP_SPD_INVERSE_H

#include "backend/backend.h"
#include "backend/symmetric.h"

typedef struct op_spd_inverse {
    op op;
    symmetric inout; /* in: factor layout, as op_gram leaves it; out: the inverse in serving layout */
} op_spd_inverse;

#endif
