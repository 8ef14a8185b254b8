/* front.h - what front-ends of dense operations ask of their operands, with the words for what is wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_FRONT_H
#define TENSOR_FRONT_H

#include <string.h>

#include "tensor/tape.h"

/* The operand as it is to be read: float32, and if it is a parameter, up to date. The empty tensor once the tape has failed,
 * which this may be the cause of. */
static inline tensor front_floats(tape *g, tensor t, const char *name)
{
    char shape[SHAPE_ROOM];
    if (recsys__tape_failed(g)) return (tensor){ 0 };
    if (t.data == NULL) return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "%s is no tensor", name);
    if (t.dtype != RECSYS_F32)
        return recsys__tape_fail(g, RECSYS_ERR_TYPE, "%s (%s) holds int32, float32 is needed", name,
                                 recsys__shape_text(t, shape));
    tensor read = recsys__tape_read_whole(g, t);
    return recsys__tape_failed(g) ? (tensor){ 0 } : read;
}

/* Dimensions beyond the rank are 1, so a vector of B and an array of B x 1 have one shape. */
static inline int front_same_shape(tensor a, tensor b)
{
    return memcmp(a.shape, b.shape, sizeof a.shape) == 0;
}

/* A new tensor of the shape of another. */
static inline tensor front_like(tape *g, tensor t)
{
    return recsys__tape_new(g, RECSYS_F32, t.rank, t.shape);
}

/* A new array of N x D; unlike recsys__tape_floats() it keeps D = 0 as it is. */
static inline tensor front_array(tape *g, int64_t N, int64_t D)
{
    return recsys__tape_new(g, RECSYS_F32, 2, (int64_t[]){ N, D });
}

/* "a is 2048 x 64 but b is 2048 x 32", and `why` behind it. */
static inline tensor front_mismatch(tape *g, const char *name_a, tensor a, const char *name_b, tensor b, const char *why)
{
    char text_a[SHAPE_ROOM], text_b[SHAPE_ROOM];
    return recsys__tape_fail(g, RECSYS_ERR_INVALID_ARGUMENT, "%s is %s but %s is %s%s", name_a, recsys__shape_text(a, text_a),
                             name_b, recsys__shape_text(b, text_b), why);
}

/* gy f'(x) for gradient rules: `at` is y = f(x), or x where map_gradient_from_x() says so. lib/tensor/map.c. */
tensor recsys__map_gradient(tape *g, tensor at, tensor gy, int32_t f);

/* 1 if this gradient is the 1 that the way back began with: what a loss left for gy = 1 is its gradient as it is.
 * lib/tensor/tape.c. */
int recsys__tape_is_one(const tape *g, tensor gy);

/* A gradient is wanted for this operand of a record. */
static inline int front_leads_back(tensor t)
{
    return t.node != 0;
}

#endif
