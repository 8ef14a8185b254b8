/* filter_hops.h - what the kernels of graph filters share: a history over two hops of the graph, and the score made of both
 * parts.
 *
 * The orders of all sums are in backend/op/filter_score.h. U users, I items, E entries of R, D directions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_FILTER_HOPS_H
#define KERNELS_CPU_FILTER_HOPS_H

#include "backend/filter.h"
#include "backend/op/rank.h"
#include "kernels/cpu/sum_rows.h"

/* Queries that take the second hop side by side. */
enum { HOP_LANES = 16 };

/* A thread's memory for hops. */
typedef struct hops {
    const filter *f;
    int32_t rung;
    float *weight;     /* I: w of the history at hand */
    float *y;          /* U, zeros between histories */
    uint64_t *touched; /* a bit for each user, zeros between histories */
    float *lanes;      /* U x HOP_LANES of t, zeros where unused; NULL: every query hops alone */
    float *row[HOP_LANES]; /* where the queries that wait in lanes want their sums */
    int64_t waiting, additions; /* how many they are, and what they would add up alone */
} hops;

/* Bytes of it, and its places in memory of so many bytes, cleared. `side_by_side`: whether there will be many queries. */
int64_t recsys__cpu_hops_bytes(const filter *f, int side_by_side);
hops recsys__cpu_hops(const filter *f, int side_by_side, int32_t rung, void *room);

/* w of history q. */
void recsys__cpu_hops_weigh(hops *h, const histories *x, int64_t q);

/* row[j] = h_j for all items, from w of history q; row may get its contents only with recsys__cpu_hops_finish(). */
void recsys__cpu_hops_add(hops *h, const histories *x, int64_t q, float *row);
void recsys__cpu_hops_finish(hops *h);

/* z of history q from w: D floats. */
void recsys__cpu_hops_project(const hops *h, const histories *x, int64_t q, float *z);

/* s of n items from `first` on: h and l of the same items. May work in place; l NULL: there are no directions. */
void recsys__cpu_filter_join(const hops *h, float *s, const float *hop, const float *low, int64_t first, int64_t n);

#endif
