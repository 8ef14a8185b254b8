/* colliding.h - colliding inference: a user's scores mixed with those of the users who share verified positives.
 *
 *   score(u, i) = (1 - lambda) f(u, i) + lambda * sum over j in N_u of f(j, i) / |N_u|
 *
 * f is the model's probability or its logit. N_u: the users most similar to u by their verified positives, at most n of
 * them; nobody is his own neighbour, nor a neighbour of someone with whom he shares nothing. A user without neighbours
 * keeps his own scores: lambda counts as 0 for him.
 * Paper: Wang et al., "Learning Robust Recommender from Noisy Implicit Feedback", arXiv 2112.01160. The similarity and what
 * f is are parameters here.
 * U users, I items, Q queries, n neighbours at most.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_COLLIDING_H
#define MODEL_COLLIDING_H

#include "model/model.h"
#include "model/score_rows.h"

/* Similarity of users u and v, with |u| verified positives of u and o that both have. */
enum {
    COLLIDING_COSINE = 0,  /* o / sqrt(|u| |v|) */
    COLLIDING_JACCARD = 1, /* o / (|u| + |v| - o) */
    COLLIDING_INNER = 2    /* o */
};

/* What f is. */
enum { COLLIDING_PROBABILITY = 0, COLLIDING_LOGIT = 1 };

/* Fills row u of `neighbour` (host, U x n) with the n users most similar to u, the most similar first; among equals the
 * lower user first; -1 where there are no more. `by_user` (U x I) and `by_item` (I x U) are one host matrix in both views;
 * only its pattern counts, rows ascend. n at least 1.
 * Cost: one addition for each pair of users of each item, so the sum over items of the square of their users: an item
 * that everybody has costs U^2. Memory: 8 U + 16 n bytes for each thread; no U x U array is made.
 * Same result for any number of threads. Reports progress; ERR_CANCELLED leaves `neighbour` unfinished. */
recsys_status recsys__colliding_neighbours(recsys_exec *x, const csr *by_user, const csr *by_item, int64_t n,
                                           int32_t similarity, int32_t *neighbour);

/* Logits at all items for `count` users, none of them twice: fills `out` (device, count x I). `user` (host) ascends and holds
 * what the queries hold: -1 comes through as it is. With own_rows, number U + q is query q itself. */
typedef recsys_status (*score_users)(recsys_exec *x, const recsys_model *m, const void *self, const int32_t *user,
                                     int64_t count, float *out);

typedef struct colliding {
    float lambda;             /* 0 to 1 */
    int32_t form;             /* COLLIDING_PROBABILITY or COLLIDING_LOGIT */
    int64_t n;
    const int32_t *neighbour; /* host, U x n, as above */
    int32_t own_rows;         /* 1: a query's own scores are not those of its user (it may bring a history of its own) */
    int64_t n_users;          /* U, for own_rows */
    const void *self;         /* handed to score_users */
} colliding;

/* Lists and scores of Q users (host, below U; -1: a user without neighbours), as recsys__dot_rank() and recsys__dot_score()
 * give them for `to` and `at` in host memory. Within a block of queries each user's scores are computed once, whoever needs
 * them. The terms of a score are added in ascending order of users by fused multiply-adds, so it does not depend on blocks;
 * with lambda 0, or without neighbours, it is f(u, i) itself. Probabilities of logits above 17 are all 1 and tie.
 * Memory: two blocks of scores, each of at most 32 MiB or one row. */
recsys_status recsys__colliding_rank(recsys_exec *x, const recsys_model *m, const colliding *c, score_users scores,
                                     const int32_t *user, ranking *to);
recsys_status recsys__colliding_score(recsys_exec *x, const recsys_model *m, const colliding *c, score_users scores,
                                      const int32_t *user, scoring *at);

#endif
