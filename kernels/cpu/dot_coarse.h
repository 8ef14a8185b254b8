/* dot_coarse.h - inner products of vectors rounded to 16-bit whole numbers: which items cannot be among the k best.
 *
 * Such a product is a third cheaper than one of floats, and how far it may be from the score is known:
 *
 *     u_c = s a_c + rest, v_c = t b_c + rest,  |rest| at most half a step (s or t)
 *     |u v / (s t) - sum a_c b_c| <= (sum |a_c| + sum |b_c|) / 2 + D / 4
 *
 * So a first pass over all items by coarse products leaves each user with the k best and the few that lie within twice
 * that distance below the k-th; only for these are scores computed, by the chain of fused multiply-adds that the contract
 * asks for. The result is exact. Where vectors do not lend themselves to it (not finite, all zero, too many items within
 * the distance) the list fails, and the user is ranked by floats.
 * Columns go in pairs, which one instruction multiplies and adds: a group of users is [pair][rows][2], a panel of items
 * [pair][width][2]; an odd last column is paired with zeros. There are no missing items: panels are full.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_DOT_COARSE_H
#define KERNELS_CPU_DOT_COARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/cpu/dot_tile.h"

/* How the items are rounded: b = v * factor. */
typedef struct coarse_items {
    bool usable;
    double most; /* greatest |b|, and |a|, with which sums of D products fit in 32 bits */
    double sum;  /* no item has a greater sum |b| */
    float factor;
} coarse_items;

/* How a user is rounded. */
typedef struct coarse_user {
    bool usable;
    double unit;     /* s t: score of a coarse product of 1 */
    double distance; /* how far score / unit may be from the coarse product, as float */
} coarse_user;

/* Pairs of columns. */
static inline int64_t coarse_pairs(int64_t dim)
{
    return (dim + 1) / 2;
}

/* Whether coarse products are worth a try: vectors neither so short that they save nothing nor so long that few bits
 * are left for each number, and many more items than places. */
bool recsys__cpu_coarse_suits(int64_t dim, int64_t n_items, int64_t k);

/* Greatest |x| and sum |x| of a vector; infinities if x is not finite. */
typedef struct coarse_size {
    double reach, sum;
} coarse_size;

coarse_size recsys__cpu_coarse_size(const float *x, int64_t dim);

/* How items are rounded whose sizes are `most` at most. */
coarse_items recsys__cpu_coarse_items(coarse_size most, int64_t dim);

/* Packs the `width` items from position `first` of the stream as one panel. */
void recsys__cpu_coarse_pack_panel(const coarse_items *c, const dot_tile *t, int16_t *panel, const float *items,
                                   const int32_t *ids, int64_t first, int64_t dim);

/* Packs a user (NULL: zeros) as number u of the groups. */
coarse_user recsys__cpu_coarse_pack_user(const coarse_items *c, const dot_tile *t, int16_t *groups, int64_t u,
                                         const float *user, int64_t dim);

#endif
