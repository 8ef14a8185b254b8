/* optimize.h - one training step of a list of parameters: gradients in, parameters and state changed in place.
 *
 * The rules are those of backend/update_rule.h; t + 1 is the step that is made. A gradient is zero (TARGET_ZERO), dense
 * (N x D), or of the rows of an index (backend/row_gradient.h): then the row's sum is an fmaf chain from 0 over its entries
 * in ascending order (a chain of additions where weight is NULL), times scale, and the rule is applied at once.
 * `every_row` 1: rows without a gradient are updated with gradient 0; 0: they are left alone. Where the table has `last`,
 * a row is first brought to step t (backend/op/catch_up.h), and has seen t + 1 steps then.
 *
 * bad[k] becomes 1 if a gradient of target k, before clipping, has an element that is not finite or whose square is not (above
 * 1.8e19), else 0; nothing is promised of the parameters then.
 * Bits: elements are independent: same for all threads and SIMD widths. Cost: 24 bytes an element with state m and v.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_OPTIMIZE_H
#define BACKEND_OP_OPTIMIZE_H

#include "backend/backend.h"
#include "backend/row_gradient.h"
#include "backend/update_rule.h"

enum { OPTIMIZE_TARGETS = 24 };
enum { TARGET_ZERO = 0, TARGET_DENSE = 1, TARGET_ROWS = 2 };

typedef struct optimize_target {
    updated table;
    int32_t kind;       /* TARGET_* */
    int32_t every_row;  /* TARGET_ROWS */
    const float *dense; /* TARGET_DENSE: N x D */
    row_gradient rows;  /* TARGET_ROWS */
} optimize_target;

typedef struct op_optimize {
    struct op op;
    update_rule rule;
    const float *clip; /* 1: gradients times this; NULL: 1 */
    int32_t *bad;      /* n_targets */
    int64_t n_targets;
    optimize_target target[OPTIMIZE_TARGETS];
} op_optimize;

#endif
