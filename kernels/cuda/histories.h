/* histories.h - scores of sparse histories at a run of items: straight from P or sparse rows, or from columns of P packed
 * before.
 *
 * All of these give the bits of backend/op/history_score.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_HISTORIES_H
#define KERNELS_CUDA_HISTORIES_H

#include "kernels/cuda/precision.h"

extern "C" {
#include "backend/op/rank.h"
}

/* Row q of `out`, which begins at q * stride, is for query first_query + q: its scores at items first_item.. */
struct history_block {
    int64_t first_query, n_queries, first_item, n_items;
    float *out;
    int64_t stride;
};

/* Only launches; `scale` as cuda_precision_scale() gives it, NULL where the weights are sparse. At most 2^31 / 128 queries. */
void cuda_history_scores(op_context *c, const histories *x, const item_weights *w, const float *scale, history_block to);

/* packed[i * width + c] = P_ij, 0 for i = j, of item j = first + c, for all items i; `first` and `width` are multiples of 4.
 * Room for n, rounded up to 4, rows. */
void cuda_history_pack(op_context *c, const symmetric *p, int64_t first, int64_t width, float *packed);

/* The same scores from columns that begin with to.first_item. */
void cuda_history_packed_scores(op_context *c, const histories *x, const float *packed, int64_t width, const float *scale,
                                history_block to);

#endif
