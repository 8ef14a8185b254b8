/* pair_tile.h - a query's scores by a pair network at a panel of items: what pair_rank.c and pair_score.c share.
 *
 * A panel is `width` items side by side, so that the vectors of a rung run over items and each number of the network is one
 * lane of one chain: where an item stands in its panel, and what stands beside it, cannot show.
 *
 *   panel of items   [h][width]  halves b0 b1 ... of h = 0, then of h = 1, ...; then [d][width] vectors; missing items are 0
 *   activations      [h][width]  of one layer, rounded up to whole groups of rows
 *   weights          [group][c][rows]: w0 w1 w2 w3 of column 0, then of column 1, ...; missing rows are 0
 *
 * H widths of layers, D columns of the dot product, W items in a panel, R rows in a group.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_PAIR_TILE_H
#define KERNELS_CPU_PAIR_TILE_H

#include "backend/backend.h"
#include "backend/op/pair_net.h"

/* Items of the widest panel. */
enum { PAIR_WIDTH_MOST = 48 };

/* What a rung offers. */
typedef struct pair_tile {
    const char *name;
    int64_t rows, width;
    /* z[h][j] = relu(query[h] + panel[h][j]). */
    void (*first)(float *z, const float *query, const float *panel, int64_t H);
    /* out = relu(bias + weights z) for groups of rows. */
    void (*layer)(float *out, const float *z, const float *weights, const float *bias, int64_t groups, int64_t H);
    /* sum[j] += w[h] z[h][j], from h = 0 on. */
    void (*add)(float *sum, const float *w, const float *z, int64_t H);
    /* sum[j] += a[d][j] b[d][j], from d = 0 on: two panels. */
    void (*add_lanes)(float *sum, const float *a, const float *b, int64_t D);
} pair_tile;

const pair_tile *recsys__cpu_pair_plain(void);
const pair_tile *recsys__cpu_pair_avx2(void);   /* NULL where the processor family has no such rung */
const pair_tile *recsys__cpu_pair_avx512(void); /* likewise */

/* The rung for simd = recsys__cpu_simd(limit). */
const pair_tile *recsys__cpu_pair(int32_t simd);

/* A network whose weights are packed for a rung. */
typedef struct pair_packed {
    const pair_tile *tile;
    const pair_net *net;
    float bias;
    const float *weights[PAIR_MAX_LAYERS], *biases[PAIR_MAX_LAYERS];
} pair_packed;

/* OK, or ERR_UNSUPPORTED with the reason; `operation` begins the message. */
recsys_status recsys__cpu_pair_check(error *e, const char *operation, const pair_net *net);

/* Floats that the weights take, and the activations of a panel, and a panel: whole cache lines. */
int64_t recsys__cpu_pair_weights_floats(const pair_tile *t, const pair_net *net);
int64_t recsys__cpu_pair_room_floats(const pair_tile *t, const pair_net *net);
int64_t recsys__cpu_pair_panel_floats(const pair_tile *t, const pair_net *net);

/* Packs the weights into `room`. */
pair_packed recsys__cpu_pair_pack(const pair_tile *t, const pair_net *net, float *room);

/* Packs items item[0..n-1], at most a panel's width of them. */
void recsys__cpu_pair_pack_items(const pair_packed *p, float *panel, const int32_t *item, int64_t n);

/* score[0..W-1] of query q at a panel. `room`: for activations. */
void recsys__cpu_pair_scores(const pair_packed *p, float *score, int64_t q, const float *panel, float *room);

/* score[0..n-1] of n pairs (query[e], item[e]), at most W of them. `panel` and `room` are for work. */
void recsys__cpu_pair_scores_at(const pair_packed *p, float *score, const int32_t *query, const int32_t *item, int64_t n,
                                float *panel, float *room);

/* FLOPs of a score. */
double recsys__cpu_pair_flops(const pair_net *net);

#endif
