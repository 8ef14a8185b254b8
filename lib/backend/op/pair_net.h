/* pair_net.h - a network that scores a pair of user and item: halves of a first layer, hidden layers, a dot product.
 *
 *   z_1 = relu(A_q + B_i)                          halves of the first layer, given: W_u p_q + b and W_i e_i
 *   z_l = relu(W_l z_(l-1) + b_l)                  l = 2..L
 *   score(q, i) = c + w . z_L + g_q . v_i          w: `last`; g, v: `query_vector`, `item_vector`
 *
 * Everything is optional: without layers (L = 0) the dot product is left, without it (dot_dim = 0) the layers. This is the
 * MLP of He et al., "Neural Collaborative Filtering", WWW 2017, and NeuMF with its prediction weights multiplied into g.
 * Q queries, I items, L layers of widths H_1..H_L, D dot_dim. Row-major float32 in device memory.
 *
 * Order: each number is one chain of fused multiply-adds: of a layer from b_l over the columns of W_l; a score from c over the
 * rows of `last`, then over the D columns. relu(x) is 0 where 0 > x, else x, so a NaN stays one. A NaN or infinity in one
 * query or item reaches only its own scores.
 * Bits: same for all threads, SIMD widths, whatever else is asked in the same call, and whether it is ranked or scored.
 * Bound: with e_1 = 2^-24 abs(z_1) and, row by row, e_l = abs(W_l) e_(l-1) + (H_(l-1) + 1) 2^-23 (abs(W_l) abs(z_(l-1)) + abs(b_l)),
 * a score errs by abs(w) . e_L + (H_L + D + 1) 2^-23 (abs(c) + abs(w) . abs(z_L) + abs(g) . abs(v)), barring overflow and
 * underflow, as long as no chain has more than a million terms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BACKEND_OP_PAIR_NET_H
#define BACKEND_OP_PAIR_NET_H

#include <stdint.h>

enum { PAIR_MAX_LAYERS = 8 };

typedef struct pair_net {
    int64_t n_layers;                     /* L, 0 to PAIR_MAX_LAYERS */
    int64_t widths[PAIR_MAX_LAYERS];      /* H_1..H_L, each at least 1 */
    const float *query_half, *item_half;  /* Q x H_1, I x H_1 */
    const float *weights[PAIR_MAX_LAYERS]; /* weights[l - 1] is W_l, H_l x H_(l-1); the first is not used */
    const float *biases[PAIR_MAX_LAYERS];  /* biases[l - 1] is b_l, H_l; NULL: zeros; the first is not used */
    const float *last;                    /* H_L */
    const float *bias;                    /* c, one number; NULL: 0 */
    int64_t dot_dim;                      /* D, 0: no dot product */
    const float *query_vector, *item_vector; /* Q x D, I x D */
} pair_net;

#endif
