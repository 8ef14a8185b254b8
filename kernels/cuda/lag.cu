/* lag.cu - the pairs of rows that missed few steps: they depend on the number of steps alone, so they are made once a launch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/lag.cuh"

static __global__ void make_near_pairs(update_rule u, lag_pair *pair)
{
    int64_t to = u.t - u.lag.base;
    GRID_STRIDE(steps, u.lag.near) {
        if (steps == 0 || steps > to) continue;
        missed_steps k = { to - steps, to, steps };
        pair[steps] = missed_near_pair(&u.lag, k);
    }
}

lag_pair *recsys__cuda_take_near_pairs(cuda_room *room, const update_rule *u)
{
    return u->kind == RULE_ADAM ? room->take<lag_pair>(u->lag.near) : nullptr;
}

void recsys__cuda_make_near_pairs(const op_context *c, const update_rule *u, lag_pair *pair)
{
    if (pair) LAUNCH(make_near_pairs, cuda_blocks(u->lag.near, WARP), WARP, 0, c, *u, pair);
}
