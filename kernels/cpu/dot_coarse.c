/* dot_coarse.c - rounding vectors to 16-bit whole numbers, and how much that may change a product.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/dot_coarse.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

/* Dimensions and items a place for which coarse products pay; both measured. */
enum { LEAST_DIM = 8, MOST_DIM = 512, ITEMS_A_PLACE = 100 };

bool recsys__cpu_coarse_suits(int64_t dim, int64_t n_items, int64_t k)
{
    return dim >= LEAST_DIM && dim <= MOST_DIM && n_items / ITEMS_A_PLACE >= k;
}

coarse_size recsys__cpu_coarse_size(const float *x, int64_t dim)
{
    coarse_size size = { 0.0, 0.0 };
    for (int64_t c = 0; c < dim; c++) {
        double a = fabs((double)x[c]);
        if (!(a <= (double)FLT_MAX)) return (coarse_size){ INFINITY, INFINITY };
        size.reach = a > size.reach ? a : size.reach;
        size.sum += a;
    }
    return size;
}

/* Within these limits a product can neither overflow nor lose to underflow what the bound does not allow for. */
static bool in_reach(double reach)
{
    return reach >= 0x1p-60 && reach <= 0x1p60;
}

/* No vector of that size has a greater sum of absolute values once it is scaled and rounded. */
static double sum_of(coarse_size size, float factor, int64_t dim)
{
    return 1.001 * (double)factor * size.sum + 0.505 * (double)dim;
}

coarse_items recsys__cpu_coarse_items(coarse_size most, int64_t dim)
{
    double greatest = floor(sqrt((double)INT32_MAX / (double)dim));
    if (!in_reach(most.reach)) return (coarse_items){ .usable = false };
    coarse_items c = { .usable = true, .most = greatest < INT16_MAX ? greatest : INT16_MAX };
    c.factor = (float)(c.most / most.reach);
    c.sum = sum_of(most, c.factor, dim);
    return c;
}

/* Half away from zero, without a branch that would depend on the sign. */
static int16_t rounded(float x)
{
    return (int16_t)(x + copysignf(0.5f, x));
}

/* Rounds the n numbers of a vector; in the packed form a pair of columns is `stride` pairs from the next. */
static void round_vector(int16_t *out, int64_t stride, const float *x, int64_t n, float factor)
{
    int64_t c = 0;
    for (; c + 2 <= n; c += 2, out += 2 * stride) {
        out[0] = rounded(x[c] * factor);
        out[1] = rounded(x[c + 1] * factor);
    }
    if (c == n) return;
    out[0] = rounded(x[c] * factor);
    out[1] = 0;
}

void recsys__cpu_coarse_pack_panel(const coarse_items *c, const dot_tile *t, int16_t *panel, const float *items,
                                   const int32_t *ids, int64_t first, int64_t dim)
{
    for (int64_t j = 0; j < t->width; j++)
        round_vector(panel + 2 * j, t->width, items + (ids ? ids[first + j] : first + j) * dim, dim, c->factor);
}

/* The bound of dot_coarse.h with what floats add to it. Scaling and rounding numbers of up to 2^15 in 24 bits makes 0.505
 * of half a step. The score's own chain of D roundings is off by D 2^-24 times the sum of absolute products at most.
 * Coarse products and floors, of up to 2^31, are kept as floats: 128 each. */
static double distance_of(double user_sum, const coarse_items *c, double dim)
{
    double rounding = 0.505 * (user_sum + c->sum) + 0.505 * 0.505 * dim;
    double chain = dim * 0x1p-24 * (user_sum + 0.505 * dim) * (c->most + 1.0);
    return 1.001 * (rounding + chain) + 256.0;
}

coarse_user recsys__cpu_coarse_pack_user(const coarse_items *c, const dot_tile *t, int16_t *groups, int64_t u,
                                         const float *user, int64_t dim)
{
    int64_t R = t->rows, pairs = coarse_pairs(dim);
    int16_t *place = groups + u / R * R * 2 * pairs + u % R * 2;
    coarse_size size = user ? recsys__cpu_coarse_size(user, dim) : (coarse_size){ 0.0, 0.0 };
    if (!in_reach(size.reach)) {
        for (int64_t p = 0; p < pairs; p++) place[p * 2 * R] = place[p * 2 * R + 1] = 0;
        return (coarse_user){ .usable = false };
    }
    float factor = (float)(c->most / size.reach);
    round_vector(place, R, user, dim, factor);
    return (coarse_user){
        .usable = true,
        .unit = 1.0 / ((double)factor * (double)c->factor),
        .distance = distance_of(sum_of(size, factor, dim), c, (double)dim),
    };
}
