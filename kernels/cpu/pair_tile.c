/* pair_tile.c - pair networks: packing weights and items, a panel's scores, and the plain rung, which defines the bits.
 *
 * H widths of layers, D columns of the dot product, W items in a panel, R rows in a group.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cpu/pair_tile.h"

#include <math.h>

#include "kernels/cpu/vec/vec.h"

/* ---- the plain rung ---- */

enum { ROWS = 4, WIDTH = 16 };

/* Not fmaxf(), which hides a NaN. */
static float relu(float x)
{
    return 0.0f > x ? 0.0f : x;
}

static void first_plain(float *z, const float *query, const float *panel, int64_t H)
{
    for (int64_t h = 0; h < H; h++)
        for (int64_t j = 0; j < WIDTH; j++) z[h * WIDTH + j] = relu(query[h] + panel[h * WIDTH + j]);
}

static void layer_plain(float *out, const float *z, const float *weights, const float *bias, int64_t groups, int64_t H)
{
    for (int64_t g = 0; g < groups; g++)
        for (int64_t r = 0; r < ROWS; r++)
            for (int64_t j = 0; j < WIDTH; j++) {
                float sum = bias[g * ROWS + r];
                for (int64_t c = 0; c < H; c++) sum = fmaf(weights[(g * H + c) * ROWS + r], z[c * WIDTH + j], sum);
                out[(g * ROWS + r) * WIDTH + j] = relu(sum);
            }
}

static void add_plain(float *sum, const float *w, const float *z, int64_t H)
{
    for (int64_t h = 0; h < H; h++)
        for (int64_t j = 0; j < WIDTH; j++) sum[j] = fmaf(w[h], z[h * WIDTH + j], sum[j]);
}

static void add_lanes_plain(float *sum, const float *a, const float *b, int64_t D)
{
    for (int64_t d = 0; d < D; d++)
        for (int64_t j = 0; j < WIDTH; j++) sum[j] = fmaf(a[d * WIDTH + j], b[d * WIDTH + j], sum[j]);
}

const pair_tile *recsys__cpu_pair_plain(void)
{
    static const pair_tile plain = {
        .name = "plain",
        .rows = ROWS,
        .width = WIDTH,
        .first = first_plain,
        .layer = layer_plain,
        .add = add_plain,
        .add_lanes = add_lanes_plain,
    };
    return &plain;
}

const pair_tile *recsys__cpu_pair(int32_t simd)
{
    const pair_tile *t = NULL;
    if (simd >= SIMD_AVX512) t = recsys__cpu_pair_avx512();
    else if (simd >= SIMD_AVX2) t = recsys__cpu_pair_avx2();
    return t ? t : recsys__cpu_pair_plain();
}

/* ---- sizes ---- */

static int64_t round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static int64_t lines(int64_t floats)
{
    return round_up(floats, 16);
}

static int64_t first_width(const pair_net *net)
{
    return net->n_layers > 0 ? net->widths[0] : 0;
}

recsys_status recsys__cpu_pair_check(error *e, const char *operation, const pair_net *net)
{
    if (net->n_layers < 0 || net->n_layers > PAIR_MAX_LAYERS)
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "%s: %lld layers, at most %d are possible", operation,
                            (long long)net->n_layers, PAIR_MAX_LAYERS);
    if (net->dot_dim < 0)
        return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "%s: a dot product of %lld columns", operation, (long long)net->dot_dim);
    for (int64_t l = 0; l < net->n_layers; l++)
        if (net->widths[l] < 1)
            return recsys__fail(e, RECSYS_ERR_UNSUPPORTED, "%s: layer %lld has width %lld", operation, (long long)l + 1,
                                (long long)net->widths[l]);
    return RECSYS_OK;
}

int64_t recsys__cpu_pair_weights_floats(const pair_tile *t, const pair_net *net)
{
    int64_t floats = 0;
    for (int64_t l = 1; l < net->n_layers; l++) {
        int64_t rows = round_up(net->widths[l], t->rows);
        floats += lines(rows * net->widths[l - 1]) + lines(rows);
    }
    return floats;
}

/* Of the widest layer. */
static int64_t activation_floats(const pair_tile *t, const pair_net *net)
{
    int64_t most = 0;
    for (int64_t l = 0; l < net->n_layers; l++) most = net->widths[l] > most ? net->widths[l] : most;
    return lines(round_up(most, t->rows) * t->width);
}

int64_t recsys__cpu_pair_room_floats(const pair_tile *t, const pair_net *net)
{
    return 2 * activation_floats(t, net) + lines(net->dot_dim * t->width);
}

int64_t recsys__cpu_pair_panel_floats(const pair_tile *t, const pair_net *net)
{
    return lines((first_width(net) + net->dot_dim) * t->width);
}

double recsys__cpu_pair_flops(const pair_net *net)
{
    double flops = (double)net->dot_dim;
    for (int64_t l = 1; l < net->n_layers; l++) flops += (double)net->widths[l] * (double)net->widths[l - 1];
    if (net->n_layers > 0) flops += (double)net->widths[net->n_layers - 1];
    return 2.0 * flops;
}

/* ---- packing ---- */

static void pack_layer(float *to, const float *w, int64_t rows, int64_t H, int64_t R)
{
    for (int64_t g = 0; g * R < rows; g++)
        for (int64_t c = 0; c < H; c++)
            for (int64_t r = 0; r < R; r++) *to++ = g * R + r < rows ? w[(g * R + r) * H + c] : 0.0f;
}

pair_packed recsys__cpu_pair_pack(const pair_tile *t, const pair_net *net, float *room)
{
    pair_packed p = { .tile = t, .net = net, .bias = net->bias ? *net->bias : 0.0f };
    for (int64_t l = 1; l < net->n_layers; l++) {
        int64_t rows = round_up(net->widths[l], t->rows), H = net->widths[l - 1];
        float *weights = room, *biases = room + lines(rows * H);
        pack_layer(weights, net->weights[l], net->widths[l], H, t->rows);
        for (int64_t r = 0; r < rows; r++)
            biases[r] = net->biases[l] && r < net->widths[l] ? net->biases[l][r] : 0.0f;
        p.weights[l] = weights, p.biases[l] = biases;
        room = biases + lines(rows);
    }
    return p;
}

/* Columns 0..D-1 of a table's rows, side by side; zeros beside the last. Read across the rows: strided stores take twice as
 * long. */
static void pack_columns(float *to, int64_t W, const float *table, int64_t D, const int32_t *row, int64_t n)
{
    const float *x[PAIR_WIDTH_MOST];
    for (int64_t j = 0; j < n; j++) x[j] = table + (int64_t)row[j] * D;
    for (int64_t d = 0; d < D; d++, to += W) {
        for (int64_t j = 0; j < n; j++) to[j] = x[j][d];
        for (int64_t j = n; j < W; j++) to[j] = 0.0f;
    }
}

void recsys__cpu_pair_pack_items(const pair_packed *p, float *panel, const int32_t *item, int64_t n)
{
    int64_t W = p->tile->width, H = first_width(p->net), D = p->net->dot_dim;
    if (H > 0) pack_columns(panel, W, p->net->item_half, H, item, n);
    if (D > 0) pack_columns(panel + H * W, W, p->net->item_vector, D, item, n);
}

/* ---- scores ---- */

/* Layers from the second on, and the last product: from the activations z, which it writes over. */
static void finish_layers(const pair_packed *p, float *score, float *z, float *other)
{
    const pair_net *net = p->net;
    for (int64_t l = 1; l < net->n_layers; l++) {
        p->tile->layer(other, z, p->weights[l], p->biases[l], round_up(net->widths[l], p->tile->rows) / p->tile->rows,
                       net->widths[l - 1]);
        float *swap = z;
        z = other;
        other = swap;
    }
    p->tile->add(score, net->last, z, net->widths[net->n_layers - 1]);
}

static void begin_scores(const pair_packed *p, float *score)
{
    for (int64_t j = 0; j < p->tile->width; j++) score[j] = p->bias;
}

void recsys__cpu_pair_scores(const pair_packed *p, float *score, int64_t q, const float *panel, float *room)
{
    const pair_net *net = p->net;
    int64_t H = first_width(net), D = net->dot_dim, W = p->tile->width;
    begin_scores(p, score);
    if (H > 0) {
        p->tile->first(room, net->query_half + q * H, panel, H);
        finish_layers(p, score, room, room + activation_floats(p->tile, net));
    }
    if (D > 0) p->tile->add(score, net->query_vector + q * D, panel + H * W, D);
}

void recsys__cpu_pair_scores_at(const pair_packed *p, float *score, const int32_t *query, const int32_t *item, int64_t n,
                                float *panel, float *room)
{
    const pair_net *net = p->net;
    int64_t H = first_width(net), D = net->dot_dim, W = p->tile->width;
    float sum[PAIR_WIDTH_MOST], *vectors = room + 2 * activation_floats(p->tile, net);
    recsys__cpu_pair_pack_items(p, panel, item, n);
    begin_scores(p, sum);
    if (H > 0) pack_columns(room, W, net->query_half, H, query, n);
    if (D > 0) pack_columns(vectors, W, net->query_vector, D, query, n);
    for (int64_t e = 0; e < H * W; e++) room[e] = relu(room[e] + panel[e]);
    if (H > 0) finish_layers(p, sum, room, room + activation_floats(p->tile, net));
    if (D > 0) p->tile->add_lanes(sum, vectors, panel + H * W, D);
    for (int64_t j = 0; j < n; j++) score[j] = sum[j];
}
