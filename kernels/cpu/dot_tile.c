/* dot_tile.c - packing users and items for tiles of inner products, and choosing the rung.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/dot_tile.h"

#include <math.h>
#include <stddef.h>

#include "kernels/cpu/vec/vec.h"

const dot_tile *recsys__cpu_dot(int32_t simd)
{
    const dot_tile *t = NULL;
    if (simd >= SIMD_AVX512) t = recsys__cpu_dot_avx512();
    else if (simd >= SIMD_AVX2) t = recsys__cpu_dot_avx2();
    return t ? t : recsys__cpu_dot_plain();
}

int64_t recsys__cpu_dot_panels(const dot_tile *t, int64_t n)
{
    return (n + t->width - 1) / t->width;
}

/* A panel is written across its rows. In slices of SLICE steps all lines of the slice stay in the first-level cache. */
enum { SLICE = 64 };

static void pack_panel(float *panel, int64_t W, const float *items, const int32_t *ids, int64_t first, int64_t n,
                       int64_t D)
{
    for (int64_t k0 = 0; k0 < D; k0 += SLICE) {
        int64_t k1 = k0 + SLICE < D ? k0 + SLICE : D;
        for (int64_t j = 0; j < n; j++) {
            const float *v = items + (ids ? ids[first + j] : first + j) * D;
            for (int64_t k = k0; k < k1; k++) panel[k * W + j] = v[k];
        }
    }
    for (int64_t j = n; j < W; j++)
        for (int64_t k = 0; k < D; k++) panel[k * W + j] = NAN;
}

void recsys__cpu_dot_pack_items(const dot_tile *t, float *panels, const float *items, const int32_t *ids,
                                int64_t first, int64_t n, int64_t dim)
{
    int64_t W = t->width;
    for (int64_t done = 0; done < n; done += W, panels += W * dim)
        pack_panel(panels, W, items, ids, first + done, n - done < W ? n - done : W, dim);
}

void recsys__cpu_dot_pack_user(const dot_tile *t, float *groups, int64_t u, const float *user, int64_t dim)
{
    int64_t R = t->rows;
    float *place = groups + u / R * R * dim + u % R;
    for (int64_t k = 0; k < dim; k++) place[k * R] = user ? user[k] : 0.0f;
}

/* One loop over all hits, whose end is guessed wrong once, not one inside another, which is guessed wrong for each word. */
void recsys__cpu_dot_collect(dot_hits *words, int64_t n, int32_t width, const shortlist_rule *rule)
{
    int32_t log2_width = __builtin_ctz((unsigned)width);
    const dot_hits *end = words + n;
    words[n].bits = 0;
    uint64_t left = words->bits;
    while (words < end) {
        int32_t b = __builtin_ctzll(left);
        shortlist *l = words->lists + (b >> log2_width);
        l->score[l->count] = words->scores[b];
        l->item[l->count] = words->first + (b & (width - 1));
        l->count++;
        if (l->count > rule->room) recsys__shortlist_cut(l, rule);
        left &= left - 1;
        words += left == 0;
        left = left ? left : words->bits;
    }
}
