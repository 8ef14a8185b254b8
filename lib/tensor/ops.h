/* ops.h - the operations as models call them: on the tape, with gradients; and for closed forms and lists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TENSOR_OPS_H
#define TENSOR_OPS_H

#include "backend/filter.h"
#include "backend/item_weights.h"
#include "backend/op/map.h"
#include "backend/op/pair_net.h"
#include "backend/op/rank.h"
#include "base/exec.h"
#include "data/dataset.h"
#include "tensor/tape.h"

/* ---- on the tape ----
 *
 * Each is one file, lib/tensor/<name>.c: the shape rule with its message, and right below it the gradient rule. Results
 * are new tensors of the arena. Letters: B rows, D and H columns, N rows of a table, E entries. A vector of B is B x 1. */

/* Rows of a table: B x D, zeros where a row number is -1. `rows` is int32, B. */
tensor recsys__op_lookup(tape *g, tensor table, tensor rows);
/* A X, sparse times dense: rows of A x D. X is often a table, of which only the rows that A has columns for are touched. */
tensor recsys__op_spmm(tape *g, const sparse *A, tensor X);
/* Rows rows[k] of A X (int32, E; -1: zeros): E x D. A gradient of X needs A's transposed matrix. */
tensor recsys__op_spmm_rows(tape *g, const sparse *A, tensor rows, tensor X);

/* Light graph convolution for the nodes of a batch. Layer 0 are two tables (U x D, I x D), layer l + 1 of users is `to_users`
 * (U x I) times layer l of items, that of items `to_items` (I x U) times layer l of users. Gradients need both transposed
 * matrices: where values are symmetric these are the two themselves. n = entries of `users` and `items` (int32). */
typedef struct propagation {
    const sparse *to_users, *to_items;
    tensor user_table, item_table;
    int64_t layers;       /* L */
    tensor users, items;  /* of the batch, in any order, repeated or not */
} propagation;
/* [ mean of layers 0 to L | layer 0 ] of the different nodes, n x 2 D, and the row of it that each entry has: to be read by
 * op_lookup. Rows that no entry has are 0. */
tensor recsys__op_propagate(tape *g, const propagation *p, tensor *user_place, tensor *item_place);

/* c + sum over d of h_d P[user_b, d] Q[item_b, d]: B. P, Q tables; h of D; c of 1 or the empty tensor. Fused. */
tensor recsys__op_gather_dot(tape *g, tensor P, tensor users, tensor Q, tensor items, tensor h, tensor c);

/* Products: A B, A B', A' B. */
tensor recsys__op_matmul(tape *g, tensor A, tensor B);
tensor recsys__op_matmul_nt(tape *g, tensor A, tensor B);
tensor recsys__op_matmul_tn(tape *g, tensor A, tensor B);
/* f(X W' + b): X is B x D, W is H x D, b is H or the empty tensor. Fused. f is one of FN_IDENTITY, FN_RELU, ... */
tensor recsys__op_linear(tape *g, tensor X, tensor W, tensor b, int32_t f);

/* Element by element: same shapes, or the second is a row (D, or 1 x D) or a single number, used for every row. */
tensor recsys__op_add(tape *g, tensor a, tensor b);
tensor recsys__op_sub(tape *g, tensor a, tensor b);
tensor recsys__op_mul(tape *g, tensor a, tensor b);
/* s x + t with constants. */
tensor recsys__op_affine(tape *g, tensor x, float s, float t);
/* f(x) of each element: FN_RELU, ... of backend/op/map.h. */
tensor recsys__op_map(tape *g, tensor x, int32_t f);
/* x with a share p of its elements set to 0 and the others divided by 1 - p while training; x itself otherwise. `stream`
 * tells apart the places of a model that drop. */
tensor recsys__op_dropout(tape *g, tensor x, float p, uint32_t stream);

/* Rows divided by their length; rows of zeros stay zeros and get no gradient. */
tensor recsys__op_normalize_rows(tape *g, tensor X);
/* sum over d of a_bd b_bd: B. */
tensor recsys__op_rowdot(tape *g, tensor a, tensor b);
/* diag(s) X: row b times s_b. */
tensor recsys__op_scale_rows(tape *g, tensor X, tensor s);
/* [A B], side by side. */
tensor recsys__op_concat(tape *g, tensor A, tensor B);
/* Rows first to first + count - 1: the same memory, not a copy. */
tensor recsys__op_rows(tape *g, tensor X, int64_t first, int64_t count);
/* Columns first to first + count - 1. */
tensor recsys__op_columns(tape *g, tensor X, int64_t first, int64_t count);
/* Sums: over everything (1), over rows (D), over columns (B). In fixed order. */
tensor recsys__op_sum(tape *g, tensor x);
tensor recsys__op_sum_rows(tape *g, tensor x);
tensor recsys__op_sum_columns(tape *g, tensor x);
/* Mean of everything (1). */
tensor recsys__op_mean(tape *g, tensor x);
/* Sum of squares of everything (1). */
tensor recsys__op_sumsq(tape *g, tensor x);
/* A as a dense B x M array. No gradient. */
tensor recsys__op_densify(tape *g, const sparse *A);

/* The loss of n samples, from logits and labels in [0, 1]; backend/op/pointwise_loss.h has the mathematics. */
struct pointwise_rule;
tensor recsys__op_pointwise_loss(tape *g, tensor logits, tensor labels, const struct pointwise_rule *rule);

/* The mean over B rows of logits (B x N) of the cross-entropy of a softmax over the columns; backend/op/softmax_loss.h has the
 * mathematics. Columns whose id is the row's are left out of the sum, unless they are its targets. */
typedef struct softmax_rule {
    const sparse *targets; /* B x N, values as weights; NULL: `target` has them */
    tensor target;         /* int32, B: one column a row, -1: none */
    tensor row_id;         /* int32, B; empty if column_id is: all columns count */
    tensor column_id;      /* int32, N */
} softmax_rule;
tensor recsys__op_softmax_loss(tape *g, tensor logits, const softmax_rule *rule);
/* The mean over all cells of logits (B x N) of a loss against sparse rows of ones: LOSS_CELLS_* of backend/op/rows_loss.h. */
tensor recsys__op_rows_loss(tape *g, tensor logits, const sparse *targets, int32_t kind);

/* The rows A (B x I, each entry taken as 1) as a denoising autoencoder is shown them; backend/op/corrupt_rows.h. Noise only
 * while training. No gradient. */
typedef struct row_noise {
    double mask, flip;  /* shares of the entries hidden, and of the other cells set; each in [0, 1) */
    int32_t rescale;    /* 1: what is not hidden is divided by 1 - mask */
    int32_t normalize;  /* 1: rows divided by the square root of their entries, before they are hidden */
    uint32_t place;     /* as the stream of op_dropout; place + 1 is taken, too */
} row_noise;
sparse recsys__op_corrupt_rows(tape *g, const sparse *A, const row_noise *noise);

/* A gradient of rows as a dense N x D array, zero where nobody looked. For gradient rules. */
tensor recsys__scatter_rows(tape *g, const row_gradient *rows, int64_t N, int64_t D);

#define OP_AT(g, name) recsys__tape_at((g), __FILE__, __LINE__, name)
#define op_lookup(g, ...) recsys__op_lookup(OP_AT(g, "lookup"), __VA_ARGS__)
#define op_spmm(g, ...) recsys__op_spmm(OP_AT(g, "spmm"), __VA_ARGS__)
#define op_spmm_rows(g, ...) recsys__op_spmm_rows(OP_AT(g, "spmm_rows"), __VA_ARGS__)
#define op_propagate(g, ...) recsys__op_propagate(OP_AT(g, "propagate"), __VA_ARGS__)
#define op_gather_dot(g, ...) recsys__op_gather_dot(OP_AT(g, "gather_dot"), __VA_ARGS__)
#define op_matmul(g, ...) recsys__op_matmul(OP_AT(g, "matmul"), __VA_ARGS__)
#define op_matmul_nt(g, ...) recsys__op_matmul_nt(OP_AT(g, "matmul_nt"), __VA_ARGS__)
#define op_matmul_tn(g, ...) recsys__op_matmul_tn(OP_AT(g, "matmul_tn"), __VA_ARGS__)
#define op_linear(g, ...) recsys__op_linear(OP_AT(g, "linear"), __VA_ARGS__)
#define op_add(g, ...) recsys__op_add(OP_AT(g, "add"), __VA_ARGS__)
#define op_sub(g, ...) recsys__op_sub(OP_AT(g, "sub"), __VA_ARGS__)
#define op_mul(g, ...) recsys__op_mul(OP_AT(g, "mul"), __VA_ARGS__)
#define op_affine(g, ...) recsys__op_affine(OP_AT(g, "affine"), __VA_ARGS__)
#define op_map(g, ...) recsys__op_map(OP_AT(g, "map"), __VA_ARGS__)
#define op_dropout(g, ...) recsys__op_dropout(OP_AT(g, "dropout"), __VA_ARGS__)
#define op_normalize_rows(g, ...) recsys__op_normalize_rows(OP_AT(g, "normalize_rows"), __VA_ARGS__)
#define op_rows(g, ...) recsys__op_rows(OP_AT(g, "rows"), __VA_ARGS__)
#define op_rowdot(g, ...) recsys__op_rowdot(OP_AT(g, "rowdot"), __VA_ARGS__)
#define op_scale_rows(g, ...) recsys__op_scale_rows(OP_AT(g, "scale_rows"), __VA_ARGS__)
#define op_concat(g, ...) recsys__op_concat(OP_AT(g, "concat"), __VA_ARGS__)
#define op_columns(g, ...) recsys__op_columns(OP_AT(g, "columns"), __VA_ARGS__)
#define op_sum(g, ...) recsys__op_sum(OP_AT(g, "sum"), __VA_ARGS__)
#define op_sum_rows(g, ...) recsys__op_sum_rows(OP_AT(g, "sum_rows"), __VA_ARGS__)
#define op_sum_columns(g, ...) recsys__op_sum_columns(OP_AT(g, "sum_columns"), __VA_ARGS__)
#define op_mean(g, ...) recsys__op_mean(OP_AT(g, "mean"), __VA_ARGS__)
#define op_sumsq(g, ...) recsys__op_sumsq(OP_AT(g, "sumsq"), __VA_ARGS__)
#define op_densify(g, ...) recsys__op_densify(OP_AT(g, "densify"), __VA_ARGS__)
#define op_pointwise_loss(g, ...) recsys__op_pointwise_loss(OP_AT(g, "pointwise_loss"), __VA_ARGS__)
#define op_softmax_loss(g, ...) recsys__op_softmax_loss(OP_AT(g, "softmax_loss"), __VA_ARGS__)
#define op_rows_loss(g, ...) recsys__op_rows_loss(OP_AT(g, "rows_loss"), __VA_ARGS__)
#define op_corrupt_rows(g, ...) recsys__op_corrupt_rows(OP_AT(g, "corrupt_rows"), __VA_ARGS__)

/* ---- closed forms and lists ----
 *
 * Model state (symmetric, item_weights, tables of vectors) is device memory; queries, lists and the data's matrices are
 * host memory. U users, I items, Q queries, D columns. */

/* Copies n floats within the device. */
recsys_status recsys__device_copy(recsys_exec *x, const float *from, float *to, int64_t n);

/* g = R'R + l2 I in factor layout. The pattern of R comes from both views; values NULL mean 1. Host: all but g. */
recsys_status recsys__gram(recsys_exec *x, const csr *by_user, const float *user_val, const csr *by_item, const float *item_val,
                           double l2, symmetric *g);

/* g becomes its inverse in serving layout. ERR_NUMERIC if it is not positive definite. */
recsys_status recsys__spd_inverse(recsys_exec *x, symmetric *g);

/* The largest top_k entries of each column of B, as sparse rows in device memory with room for what they may take. */
recsys_status recsys__weights_sparsify(recsys_exec *x, const symmetric *precision, int64_t top_k, int64_t *row_ptr,
                                       int32_t *col, float *val);

/* Rows first_row to first_row + n_rows - 1 of B in full, n_rows x I in host memory. */
recsys_status recsys__weights_rows(recsys_exec *x, const item_weights *w, int64_t first_row, int64_t n_rows, float *out);

/* Lists and scores of X B for sparse histories X. */
recsys_status recsys__history_rank(recsys_exec *x, const item_weights *w, const histories *h, ranking *to);
recsys_status recsys__history_score(recsys_exec *x, const item_weights *w, const histories *h, scoring *at);

/* out (device, Q x D): rows of a device table, zeros where row is -1. `row` is host memory. */
recsys_status recsys__gather_rows(recsys_exec *x, const float *table, int64_t dim, const int32_t *row, int64_t count,
                                  float *out);

/* Lists and scores of inner products; users (Q x D) and items (I x D) in device memory. */
recsys_status recsys__dot_rank(recsys_exec *x, int64_t dim, const float *users, const float *items, ranking *to);
recsys_status recsys__dot_score(recsys_exec *x, int64_t dim, const float *users, const float *items, scoring *at);

/* Lists and scores by a pair network in device memory (backend/op/pair_net.h); its rows of queries are those of `to`, `at`. */
recsys_status recsys__pair_rank(recsys_exec *x, const pair_net *net, ranking *to);
recsys_status recsys__pair_score(recsys_exec *x, const pair_net *net, scoring *at);
/* Scores at all items as rows in device memory: out is Q x I. */
recsys_status recsys__pair_rows(recsys_exec *x, const pair_net *net, int64_t n_queries, int64_t n_items, float *out);

/* Lists and scores of a graph filter for sparse histories. */
recsys_status recsys__filter_rank(recsys_exec *x, const filter *f, const histories *h, ranking *to);
recsys_status recsys__filter_score(recsys_exec *x, const filter *f, const histories *h, scoring *at);

/* For truncated decompositions, in device memory: normal numbers by the exec's seed; X (m x n) with orthonormal columns, *least
 * (host) as in backend/op/orthonormalize.h; V (n x k) and s (k) from Q (n x l) and C = A Q (m x l); Y = A X, X with dim
 * columns. */
recsys_status recsys__gaussian(recsys_exec *x, uint32_t stream, uint64_t step, int64_t count, float *out);
recsys_status recsys__orthonormalize(recsys_exec *x, int64_t m, int64_t n, int32_t passes, float *X, float *least);
recsys_status recsys__ritz(recsys_exec *x, int64_t m, int64_t n, int64_t l, int64_t k, const float *Q, const float *C, float *V,
                           float *s);
recsys_status recsys__spmm(recsys_exec *x, const sparse *A, int64_t dim, const float *X, float *Y);

/* Lists from rows of scores (device, Q x I). */
recsys_status recsys__rows_rank(recsys_exec *x, const float *rows, ranking *to);

/* out_q (device) = (out_q if `add`) + sum of weight[e] rows[row[e]] for e = ptr[q]..ptr[q + 1] - 1; rows (device) are n_rows x
 * n_items and become their sigmoid first if `sigmoid`. Host: ptr from 0 on, row, weight. */
typedef struct row_sums {
    int64_t count, n_items;
    const int64_t *ptr;  /* count + 1 */
    const int32_t *row;
    const float *weight;
    int32_t add;
} row_sums;
recsys_status recsys__mix_rows(recsys_exec *x, float *rows, int64_t n_rows, int32_t sigmoid, const row_sums *sums, float *out);

#endif
