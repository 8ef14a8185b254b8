/* lag.cuh - rows of lazy tables that are behind, element by element; backend/update_rule.h has the formulas.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_LAG_CUH
#define KERNELS_CUDA_LAG_CUH

#include "kernels/cuda/cuda.h"

#include "kernels/shared/row_update.h"

/* Room for the pairs of all numbers of missed steps that have one of their own, and the launch that makes them; NULL where the
 * rule needs none. */
lag_pair *recsys__cuda_take_near_pairs(cuda_room *room, const update_rule *u);
void recsys__cuda_make_near_pairs(const op_context *c, const update_rule *u, lag_pair *pair);

/* What a row has missed, in numbers that all its elements share. `steps` 0: nothing. */
struct row_lag {
    missed_steps k;
    int by_terms;
    float kept, weight;
    lag_pair pair;
};

/* `near_pair`: what recsys__cuda_make_near_pairs() made. */
static __device__ __forceinline__ row_lag lag_since(const update_rule &u, int32_t last, const lag_pair *near_pair)
{
    row_lag lag = {};
    lag.k = missed_since(&u, last);
    if (lag.k.steps == 0) return lag;
    if (u.kind != RULE_ADAM) {
        lag.weight = missed_glide(&u, lag.k);
        return lag;
    }
    lag.kept = (float)missed_kept(&u.lag, lag.k);
    lag.by_terms = missed_by_terms(&u.lag, lag.k);
    if (lag.by_terms) return lag;
    if (lag.k.steps >= u.lag.near) lag.pair = missed_far_pair(&u.lag, lag.k);
    else lag.pair = near_pair[lag.k.steps];
    return lag;
}

static __device__ __forceinline__ float sum_of_terms(const update_rule &u, const row_lag &lag, float v)
{
    float s = sqrtf(v), sum = 0.0f, w, e;
    int64_t count = missed_terms(&u.lag, lag.k);
    for (int64_t i = 1; i <= count; i++) {
        missed_term(&u.lag, lag.k, i, &w, &e);
        sum += w / (s + e);
    }
    return sum;
}

/* Element `at` of the table as it is after the missed steps, of which there are some. */
static __device__ __forceinline__ float element_after(const update_rule &u, const row_lag &lag, const updated &table,
                                                      int64_t at)
{
    float p = table.p[at], m = table.m[at];
    if (u.kind != RULE_ADAM) return missed_by_gliding(p, m, lag.weight);
    float v = table.v[at];
    if (lag.by_terms) return missed_by_sum(p, m, sum_of_terms(u, lag, v), lag.kept);
    return missed_by_pair(p, m, v, lag.pair, lag.kept);
}

/* The element and its state, in place. */
static __device__ __forceinline__ void element_catches_up(const update_rule &u, const row_lag &lag, const updated &table,
                                                          int64_t at)
{
    const float *shrink = u.lag.shrink + 2 * lag.k.steps;
    table.p[at] = element_after(u, lag, table, at);
    table.m[at] *= shrink[0];
    if (table.v) table.v[at] *= shrink[1];
}

#endif
