/* functions.h - f(x) and gy f'(x) of one element, for the functions of backend/op/map.h.
 *
 * Both backends use them: with a constant f only its own branch is left, of which a compiler makes vectors where it does not
 * call the C library (FN_SOFTPLUS and FN_LOG do).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_FUNCTIONS_H
#define KERNELS_SHARED_FUNCTIONS_H

#include "backend/op/map.h"
#include "kernels/shared/elementary.h"

PART_OF_CALLER float element_map(int32_t f, float x)
{
    switch (f) {
    case FN_RELU: return x <= 0.0f ? 0.0f : x;
    case FN_LEAKY_RELU: return x * choose(x <= 0.0f, 0.1f, 1.0f) + 0.0f;
    case FN_SIGMOID: return element_sigmoid(x);
    case FN_TANH: return element_tanh(x);
    case FN_SQUARE: return x * x;
    case FN_EXP: return element_exp(x);
    case FN_SOFTPLUS: return (x <= 0.0f ? 0.0f : x) + log1pf(element_exp(-fabsf(x)));
    case FN_LOG: return logf(x);
    default: return x;
    }
}

/* 1 - exp(-y) for y >= 0 without cancellation: by the series where y is small. */
PART_OF_CALLER float softplus_slope(float y)
{
    return y < 0.25f ? -expm1f(-y) : 1.0f - element_exp(-y);
}

/* `at` is x or y = f(x), as map_gradient_from_x() says. */
PART_OF_CALLER float element_gradient(int32_t f, float at, float gy)
{
    switch (f) {
    case FN_RELU: return at <= 0.0f ? 0.0f : gy;
    case FN_LEAKY_RELU: return gy * choose(at <= 0.0f, 0.1f, 1.0f);
    case FN_SIGMOID: return gy * (at * (1.0f - at));
    case FN_TANH: return gy * ((1.0f - at) * (1.0f + at));
    case FN_SQUARE: return gy * (2.0f * at);
    case FN_EXP: return gy * at;
    case FN_SOFTPLUS: return gy * softplus_slope(at);
    case FN_LOG: return gy / at;
    default: return gy;
    }
}

#endif
