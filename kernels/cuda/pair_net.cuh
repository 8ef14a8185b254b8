/* pair_net.cuh - scores by a pair network, which pair_score and pair_rank share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CUDA_PAIR_NET_CUH
#define KERNELS_CUDA_PAIR_NET_CUH

#include "kernels/cuda/cuda.h"

extern "C" {
#include "backend/op/pair_net.h"
#include "backend/op/rank.h"
}

/* Which pairs: at.ptr NULL: queries first_query.. at items first_item.., a row of out for each query; else the places of the
 * list, as many as there are. */
struct pair_block {
    int64_t first_query, n_queries, first_item, n_items;
    float *out;
    int64_t stride;
    scoring at;
};

/* OK, or ERR_UNSUPPORTED with the reason; `operation` begins the message. */
recsys_status pair_check(error *e, const char *operation, const pair_net *net);

/* Room for the activations of layers; nothing where there are no more than one. */
float *pair_room(cuda_room *room, const pair_net *net);

/* Only launches. */
void pair_scores(op_context *c, const pair_net *net, float *room, const pair_block *b);

#endif
