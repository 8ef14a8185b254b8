/* pair_case.h - what the tests of the pair-network kernels share: random networks, their scores in float and in double.
 *
 * The contract fixes the bits of a score, so the float oracle has them too; the double one says whether the mathematics is
 * right. Neither calls into the library. Q queries, n items, H widths of layers, D columns of the dot product.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OP_PAIR_CASE_H
#define TESTS_OP_PAIR_CASE_H

#include "kernel_case.h"

#include "backend/op/pair_net.h"

enum { PAIR_CASE_WIDEST = 160 };

/* Sizes of a network: n_layers widths, then columns of the dot product. */
typedef struct pair_sizes {
    int64_t n_layers, widths[PAIR_MAX_LAYERS], dot_dim;
} pair_sizes;

static const pair_sizes pair_shapes[] = {
    { 0, { 0 }, 0 },
    { 0, { 0 }, 5 },
    { 1, { 1 }, 0 },
    { 1, { 33 }, 31 },
    { 2, { 5, 3 }, 1 },
    { 2, { 31, 33 }, 0 },
    { 3, { 24, 12, 6 }, 8 },
    { 3, { 1, 1, 1 }, 1 },
    { 8, { 9, 7, 4, 3, 5, 8, 2, 6 }, 33 },
    { 8, { 6, 5, 4, 13, 2, 3, 17, 1 }, 0 },
};
enum { PAIR_SHAPES = sizeof pair_shapes / sizeof *pair_shapes };

/* A network with its memory. */
typedef struct pair_case {
    int64_t Q, n;
    pair_net net;
    float *memory[2 * PAIR_MAX_LAYERS + 6];
    int blocks;
} pair_case;

/* Elements in -size..size; `steps` > 0: multiples of size / steps. */
static inline float *pair_numbers(pair_case *c, int64_t count, double size, int steps, uint64_t *seed)
{
    float *x = case_floats(count);
    for (int64_t e = 0; e < count; e++) {
        double value = 2.0 * test_random_unit(seed) - 1.0;
        x[e] = (float)(size * (steps > 0 ? floor(value * steps) / steps : value));
    }
    return c->memory[c->blocks++] = x;
}

static inline pair_case pair_make(int64_t Q, int64_t n, const pair_sizes *s, int steps, uint64_t seed)
{
    pair_case c = { .Q = Q, .n = n, .net = { .n_layers = s->n_layers, .dot_dim = s->dot_dim } };
    int64_t L = s->n_layers, H = L > 0 ? s->widths[0] : 0;
    for (int64_t l = 0; l < L; l++) c.net.widths[l] = s->widths[l];
    if (L > 0) {
        c.net.query_half = pair_numbers(&c, Q * H, 1.0, steps, &seed);
        c.net.item_half = pair_numbers(&c, n * H, 1.0, steps, &seed);
        c.net.last = pair_numbers(&c, s->widths[L - 1], 1.0, steps, &seed);
    }
    for (int64_t l = 1; l < L; l++) {
        c.net.weights[l] = pair_numbers(&c, s->widths[l] * s->widths[l - 1], 1.0, steps, &seed);
        if (l % 3 != 2) c.net.biases[l] = pair_numbers(&c, s->widths[l], 1.0, steps, &seed);
    }
    if (s->dot_dim > 0) {
        c.net.query_vector = pair_numbers(&c, Q * s->dot_dim, 1.0, steps, &seed);
        c.net.item_vector = pair_numbers(&c, n * s->dot_dim, 1.0, steps, &seed);
    }
    if (seed % 4 != 0) c.net.bias = pair_numbers(&c, 1, 1.0, steps, &seed);
    return c;
}

static inline void pair_free(pair_case *c)
{
    for (int b = 0; b < c->blocks; b++) free(c->memory[b]);
}

/* The network as queries from q0 on see it. */
static inline pair_net pair_from(const pair_case *c, int64_t q0)
{
    pair_net net = c->net;
    if (net.n_layers > 0) net.query_half += q0 * net.widths[0];
    if (net.dot_dim > 0) net.query_vector += q0 * net.dot_dim;
    return net;
}

static inline float pair_relu(float x)
{
    return 0.0f > x ? 0.0f : x;
}

/* The score that the contract defines. */
static inline float pair_float_score(const pair_net *net, int64_t q, int64_t i)
{
    float z[PAIR_CASE_WIDEST], next[PAIR_CASE_WIDEST], score = net->bias ? *net->bias : 0.0f;
    int64_t L = net->n_layers, H = L > 0 ? net->widths[0] : 0, D = net->dot_dim;
    for (int64_t h = 0; h < H; h++) z[h] = pair_relu(net->query_half[q * H + h] + net->item_half[i * H + h]);
    for (int64_t l = 1; l < L; l++, H = net->widths[l - 1]) {
        for (int64_t h = 0; h < net->widths[l]; h++) {
            float sum = net->biases[l] ? net->biases[l][h] : 0.0f;
            for (int64_t c = 0; c < H; c++) sum = fmaf(net->weights[l][h * H + c], z[c], sum);
            next[h] = pair_relu(sum);
        }
        memcpy(z, next, sizeof z);
    }
    for (int64_t h = 0; L > 0 && h < net->widths[L - 1]; h++) score = fmaf(net->last[h], z[h], score);
    for (int64_t d = 0; d < D; d++) score = fmaf(net->query_vector[q * D + d], net->item_vector[i * D + d], score);
    return score;
}

/* The exact score, nearly, and in *bound how far the contract lets a kernel be from it. */
static inline double pair_exact_score(const pair_net *net, int64_t q, int64_t i, double *bound)
{
    double z[PAIR_CASE_WIDEST], err[PAIR_CASE_WIDEST], next[PAIR_CASE_WIDEST], next_err[PAIR_CASE_WIDEST];
    double score = net->bias ? (double)*net->bias : 0.0, size = fabs(score), carried = 0.0;
    int64_t L = net->n_layers, H = L > 0 ? net->widths[0] : 0, D = net->dot_dim;
    for (int64_t h = 0; h < H; h++) {
        z[h] = fmax(0.0, (double)net->query_half[q * H + h] + (double)net->item_half[i * H + h]);
        err[h] = ROUNDING * z[h];
    }
    for (int64_t l = 1; l < L; l++, H = net->widths[l - 1]) {
        for (int64_t h = 0; h < net->widths[l]; h++) {
            double sum = net->biases[l] ? (double)net->biases[l][h] : 0.0, sizes = fabs(sum);
            next_err[h] = 0.0;
            for (int64_t c = 0; c < H; c++) {
                double w = (double)net->weights[l][h * H + c];
                sum += w * z[c], sizes += fabs(w * z[c]), next_err[h] += fabs(w) * err[c];
            }
            next[h] = fmax(0.0, sum);
            next_err[h] += (double)(H + 1) * 2.0 * ROUNDING * sizes;
        }
        memcpy(z, next, sizeof z), memcpy(err, next_err, sizeof err);
    }
    for (int64_t h = 0; L > 0 && h < net->widths[L - 1]; h++) {
        double w = (double)net->last[h];
        score += w * z[h], size += fabs(w * z[h]), carried += fabs(w) * err[h];
    }
    for (int64_t d = 0; d < D; d++) {
        double term = (double)net->query_vector[q * D + d] * (double)net->item_vector[i * D + d];
        score += term, size += fabs(term);
    }
    *bound = carried + (double)((L > 0 ? net->widths[L - 1] : 0) + D + 1) * 2.0 * ROUNDING * size;
    return score;
}

/* Q x n scores with the bits of the contract. */
static inline float *pair_all_scores(const pair_case *c)
{
    float *score = case_floats(c->Q * c->n);
    for (int64_t q = 0; q < c->Q; q++)
        for (int64_t i = 0; i < c->n; i++) score[q * c->n + i] = pair_float_score(&c->net, q, i);
    return score;
}

/* Same bits, or both NaN: which NaN it is may differ. */
static inline int pair_same(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

#endif
