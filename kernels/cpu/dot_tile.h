/* dot_tile.h - tiles of inner products: what each SIMD rung offers to dot_rank.c and dot_score.c.
 *
 * A tile is `rows` users times `width` items. Both sides are packed so that step k of all its inner products reads one
 * short run of each:
 *
 *   group of users   [k][rows]     u0 u1 u2 u3 u4 u5 of k = 0, then of k = 1, ...     missing users are zero
 *   panel of items   [k][width]    v0 v1 ... v15     of k = 0, then of k = 1, ...     missing items are NaN
 *
 * Each score is one chain of fused multiply-adds from 0 over k = 0..D-1. The scores of a tile do not depend on each
 * other, so tiles of any shape give the same bits, and a missing item, whose score is NaN, never gets into a list.
 * Items come as a stream: position p is item ids[p], or item p where ids is NULL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_DOT_TILE_H
#define KERNELS_CPU_DOT_TILE_H

#include <stdint.h>

#include "kernels/cpu/shortlist.h"

/* Users and items of the largest tile of any rung. */
enum { DOT_ROWS_MOST = 12, DOT_WIDTH_MOST = 32 };

/* Which of 64 scores reach their users' floors: users lists[0], lists[1], ..., for each of them `width` items from position
 * `first` on. */
typedef struct dot_hits {
    uint64_t bits;
    const float *scores;
    shortlist *lists;
    int32_t first;
} dot_hits;

/* What `rank` works on. */
typedef struct dot_call {
    shortlist *lists; /* of the group */
    const shortlist_rule *rule;
    const void *users, *panels;
    int64_t n_panels, dim;
    int64_t first;     /* position of the first item */
    const char *ahead; /* what will be needed soon: for each panel, `share` bytes more are fetched from here on */
    int64_t share;     /* whole cache lines */
} dot_call;

typedef struct dot_tile {
    const char *name;
    int32_t rows, width;
    int32_t panels_most; /* panels that one call of `rank` takes at most */

    /* Scores a group of users against n_panels panels, of which the first starts at position `first`, and appends to
     * each user's list what reaches its floor. */
    void (*rank)(const dot_call *call);

    /* The same with users and panels packed as dot_coarse.h says, and coarse products as scores. NULL: this rung cannot,
     * or would not gain by it. */
    void (*rank_coarse)(const dot_call *call);

    /* The rows x width scores of one tile. */
    void (*scores)(float *out, const float *users, const float *panel, int64_t dim);

    /* out[e] = inner product of `user` and row item[e] of `items` (NULL: row e), neither of them packed. */
    void (*scores_at)(float *out, const float *user, const float *items, const int32_t *item, int64_t n, int64_t dim);
} dot_tile;

/* The rungs; NULL where the build's processor family has no such rung. */
const dot_tile *recsys__cpu_dot_plain(void);
const dot_tile *recsys__cpu_dot_avx2(void);
const dot_tile *recsys__cpu_dot_avx512(void);

/* scores_at for AVX2, which the table of AVX-512 takes over. */
void recsys__cpu_dot_scores_at_avx2(float *out, const float *user, const float *items, const int32_t *item, int64_t n,
                                    int64_t dim);

/* The rung for simd = recsys__cpu_simd(limit). */
const dot_tile *recsys__cpu_dot(int32_t simd);

/* Appends to the users' lists what n words mark, none of them without a hit. words[n] is the function's to write. */
void recsys__cpu_dot_collect(dot_hits *words, int64_t n, int32_t width, const shortlist_rule *rule);

/* Panels that hold n items. */
int64_t recsys__cpu_dot_panels(const dot_tile *t, int64_t n);

/* Packs the n items from position `first` on, which is the start of a panel. */
void recsys__cpu_dot_pack_items(const dot_tile *t, float *panels, const float *items, const int32_t *ids,
                                int64_t first, int64_t n, int64_t dim);

/* Packs a user (NULL: zeros) as number u of the groups. */
void recsys__cpu_dot_pack_user(const dot_tile *t, float *groups, int64_t u, const float *user, int64_t dim);

#endif
