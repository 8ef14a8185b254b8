/* elementary.h - exp, sigmoid and tanh of one float, written so that a compiler can do many at once with the same bits.
 *
 * Both backends use them. Only fused multiply-adds, products, sums, quotients and choices between two values, so every vector
 * width gives the bits of the scalar code. Callers are the rungs of the map kernel; each function becomes part of its caller, whose instructions it
 * takes over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_ELEMENTARY_H
#define KERNELS_SHARED_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/part_of_caller.h"

PART_OF_CALLER float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

PART_OF_CALLER uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* a where `first`, else b: both are computed, which leaves no branch in the way of vectors. */
PART_OF_CALLER float choose(int first, float a, float b)
{
    uint32_t mask = 0u - (uint32_t)first;
    return float_of_bits((bits_of_float(a) & mask) | (bits_of_float(b) & ~mask));
}

/* 2^k for k in -126 to 127, k as two's complement. */
PART_OF_CALLER float power_of_two(uint32_t k)
{
    return float_of_bits((k + 127u) << 23);
}

/* exp(r) for |r| <= ln 2 / 2: the Taylor polynomial of degree 7, remainder below 2^-28. */
PART_OF_CALLER float exp_near_zero(float r)
{
    float p = fmaf(r, 1.0f / 5040.0f, 1.0f / 720.0f);
    p = fmaf(r, p, 1.0f / 120.0f);
    p = fmaf(r, p, 1.0f / 24.0f);
    p = fmaf(r, p, 1.0f / 6.0f);
    p = fmaf(r, p, 0.5f);
    p = fmaf(r, p, 1.0f);
    return fmaf(r, p, 1.0f);
}

/* exp(x) = 2^k exp(r). 2^k is two factors, so that subnormal results and infinity come out by rounding. */
PART_OF_CALLER float element_exp(float x)
{
    const float log2_e = 1.442695041f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    const float shifter = 12582912.0f; /* 1.5 * 2^23: what is added to it is rounded to an integer */
    float at = x > 89.0f ? 89.0f : x;
    at = at < -104.0f ? -104.0f : at;
    float shifted = fmaf(at, log2_e, shifter), k = shifted - shifter;
    float p = exp_near_zero(fmaf(-k, ln2_low, fmaf(-k, ln2_high, at)));
    uint32_t whole = bits_of_float(shifted) - bits_of_float(shifter); /* k; anything where x is NaN, and so is p then */
    uint32_t half = ((whole + 256u) >> 1) - 128u;                       /* floor(k / 2) */
    return p * power_of_two(half) * power_of_two(whole - half);
}

/* From exp(-|x|), which does not overflow. */
PART_OF_CALLER float element_sigmoid(float x)
{
    float e = element_exp(-fabsf(x)), s = 1.0f / (1.0f + e);
    return choose(x < 0.0f, e, 1.0f) * s;
}

/* Below 0.625 x + x^3 P(x^2), P fitted on Chebyshev nodes (error below 2^-30 of tanh); above by exp, where 1 - 2 / (e + 1)
 * loses nothing. */
PART_OF_CALLER float element_tanh(float x)
{
    float a = fabsf(x), z = x * x;
    float p = fmaf(z, 2.295838436e-3f, -8.346977644e-3f);
    p = fmaf(z, p, 2.176995948e-2f);
    p = fmaf(z, p, -5.395940691e-2f);
    p = fmaf(z, p, 1.333330423e-1f);
    p = fmaf(z, p, -3.333333433e-1f);
    float near_0 = fmaf(a * z, p, a);
    float far = 1.0f - 2.0f / (element_exp(2.0f * a) + 1.0f);
    return copysignf(choose(a < 0.625f, near_0, far), x);
}

#endif
