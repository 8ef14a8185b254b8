/* precision.h - reading P in serving layout: parts of its rows, panels of its columns, scores of a history.
 *
 * B_ij = -P_ij / P_jj is never stored: scores are sums over P without the diagonal, and `scale` holds 1 / P_jj for what
 * remains to be done to them. All ways of reading give the same bits: the score of item j is
 *     s = 0;  s = fmaf(x_i, P_ij, s) for the items i of the history in ascending order, without j;  fmaf(-s, scale_j, 0)
 * N is the number of items padded to whole strips, a multiple of 4; padding reads as 0 with scale 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CPU_PRECISION_H
#define KERNELS_CPU_PRECISION_H

#include "backend/backend.h"
#include "backend/item_weights.h"
#include "kernels/cpu/vec/vec.h"

/* Columns that a thread works on at a time when it goes by rows: 12 KiB of sums, which stay in its first-level cache. */
enum { PRECISION_CHUNK = 3072 };

/* Strips that are packed at a time. */
enum { PRECISION_STRIPS = 64 };

/* ERR_INTERNAL unless the weights are sparse or in serving layout. */
recsys_status recsys__precision_check(error *e, const item_weights *w);

/* n padded to whole strips. */
static inline int64_t precision_padded(int64_t n)
{
    return (n + SYMMETRIC_LINE - 1) / SYMMETRIC_LINE * SYMMETRIC_LINE;
}

/* scale[j - first] = 1 / P_jj for j = first..last-1, 0 for padding. `first` is an item and a multiple of 4. */
void recsys__precision_scale(float *scale, const symmetric *p, int64_t first, int64_t last);

/* y[j - first] += x * P_ij for j = first..last-1 without i. `first` and `last` are multiples of 4. */
void recsys__precision_add_row(const vec *v, float *y, const symmetric *p, int64_t i, float x, int64_t first,
                               int64_t last);

/* y[j - first] = score of item j = first..last-1 for a history of n items; val NULL: 1. Multiples of 4 again. */
void recsys__precision_scores(const vec *v, float *y, const symmetric *p, const int32_t *item, const float *val,
                              int64_t n, const float *scale, int64_t first, int64_t last);

/* The score of item j alone: one cache line for each item of the history. */
float recsys__precision_score(const symmetric *p, const int32_t *item, const float *val, int64_t n, int64_t j);

/* Rows 4 s to 4 s + 3 of P in full, which are columns too, N floats each, 0 on the diagonal. */
void recsys__precision_rows(float *rows, const symmetric *p, int64_t s);

/* panel[i][c] = P_ij, 0 for i = j, where j = first + c, c < VEC_PANEL, for the rows i of strips begin..end-1, at most
 * PRECISION_STRIPS of them. `first` is a multiple of 4; columns from N on are 0. */
void recsys__precision_pack(float *panel, const symmetric *p, int64_t first, int64_t begin, int64_t end);

#endif
