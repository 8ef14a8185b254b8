/* filter_hops.cuh - scores by a graph filter (backend/filter.h), which filter_score and filter_rank share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_FILTER_HOPS_CUH
#define KERNELS_CUDA_FILTER_HOPS_CUH

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/filter.h"
#include "backend/op/rank.h"
}

/* What some queries, at most so many at a time, have on their way: w and t side by side in lanes, 32 queries to a group, and
 * z. */
struct filter_rooms {
    int64_t queries;
    float *weight; /* groups x I x 32 */
    float *user;   /* groups x U x 32 */
    float *z;      /* queries x D */
};

/* How many queries at a time, of n_queries and at most `most`; then the parts of the workspace. */
filter_rooms filter_take(cuda_room *room, const filter *f, int64_t n_queries, int64_t most);

/* The first hop and z of n queries from first_query on. Only launches. */
recsys_status filter_begin(op_context *c, const filter *f, const histories *x, const filter_rooms *r, int64_t first_query,
                           int64_t n);

/* Their scores at n_items items from first_item on: row q of `out` begins at out + q * stride. */
void filter_panel(op_context *c, const filter *f, const filter_rooms *r, int64_t n, int64_t first_item, int64_t n_items,
                  float *out, int64_t stride);

#endif
