/* pointwise.h - the loss of one sample or cell and its derivative, and the order in which T-CE drops samples.
 *
 * With a = abs(x), t = exp(-a), L = log(1 + t), q = t / (1 + t) = sigmoid(-a) and step = 1 where x > 0, else 0:
 *     l = step x - x y + L,    dl/dx = (step - y) + (1 - 2 step) q,    -log sigmoid(x) = (step x - x) + L,
 * none of which cancels, so small losses and gradients keep their digits. An x that is not finite gives an l that is not.
 * Both backends use these functions, which have no branches, so that a compiler can do many samples at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_SHARED_POINTWISE_H
#define KERNELS_SHARED_POINTWISE_H

#include "kernels/shared/elementary.h"

/* exp(-a) for a >= 0, within 4 * 2^-24 of its value where that is at least 2^-126; where it is less, less than 2^-126.
 * NaN stays NaN. 2^-k exp(r), r = k log 2 - a at most half of log 2. */
PART_OF_CALLER float exp_minus(float a)
{
    const float end = 88.0f; /* beyond it the result counts as 0 */
    const float log2_e = 0x1.715476p0f, log_2 = 0x1.62e43p-1f, log_2_rest = -0x1.05c61p-29f;
    const float shifter = 0x1.8p23f; /* what is added to it is rounded to an integer */
    float z = choose(a > end, end, a), shifted = fmaf(z, log2_e, shifter), k = shifted - shifter; /* k at most 127 */
    float p = exp_near_zero(fmaf(k, log_2_rest, fmaf(k, log_2, -z)));
    uint32_t whole = bits_of_float(shifted) - bits_of_float(shifter);
    return p * float_of_bits((127u - whole) << 23); /* 2^-k, and 0 for k = 127 */
}

/* log(1 + t) for t in [0, 1], within 4 * 2^-24 of its value: 2 artanh(t / (2 + t)) by its series. */
PART_OF_CALLER float log1p_unit(float t)
{
    float s = t / (2.0f + t), z = s * s, twice = s + s;
    float p = fmaf(1.0f / 15.0f, z, 1.0f / 13.0f);
    p = fmaf(p, z, 1.0f / 11.0f);
    p = fmaf(p, z, 1.0f / 9.0f);
    p = fmaf(p, z, 1.0f / 7.0f);
    p = fmaf(p, z, 0.2f);
    p = fmaf(p, z, 1.0f / 3.0f);
    return fmaf(twice * z, p, twice);
}

/* l, its share in the loss, and the derivative of that share. */
typedef struct sample_loss {
    float l, term, g;
} sample_loss;

/* The binary cross-entropy of a sample. `weighted`: with the weight of R-CE, w = p^alpha y + (1 - p)^alpha (1 - y). */
PART_OF_CALLER sample_loss cross_entropy(float x, float y, int weighted, float alpha)
{
    sample_loss k;
    float step = choose(x > 0.0f, 1.0f, 0.0f), above = step * x;
    float t = exp_minus(fabsf(x)), L = log1p_unit(t), q = t / (1.0f + t);
    k.l = k.term = fmaf(-x, y, above) + L;
    k.g = fmaf(1.0f - 2.0f * step, q, step - y);
    if (weighted) {
        float down = exp_minus(alpha * ((above - x) + L)), up = exp_minus(alpha * (above + L));
        float w = fmaf(down, y, up * (1.0f - y));
        k.term = w * k.l;
        k.g = w * k.g;
    }
    return k;
}

/* The square of a cell's error. */
PART_OF_CALLER sample_loss squared_error(float x, float y)
{
    sample_loss k;
    float off = x - y;
    k.l = k.term = off * off;
    k.g = off + off;
    return k;
}

/* A key that grows with l y; NaN comes last. A label of 0 gives the key of 0, however large the loss. */
PART_OF_CALLER uint32_t drop_key(float l, float y)
{
    uint32_t u = bits_of_float(l * y);
    u = (u & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : u;
    u = y == 0.0f ? 0u : u;
    return u ^ ((0u - (u >> 31)) | 0x80000000u);
}

/* How many of n samples stay where `of` of them are a choice. */
PART_OF_CALLER int64_t samples_that_stay(int64_t n, int64_t of, double drop_rate)
{
    return n - of + (int64_t)((1.0 - drop_rate) * (double)of);
}

#endif
