/* pair_score.cu - the pair_score kernel: scores by a pair network at given items in one pass, at all items in a few.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cuda/pair_net.cuh"
#include "kernels/cuda/topk.cuh"

extern "C" {
#include "backend/op/pair_score.h"
}

/* Pairs of a launch. */
static const int64_t LAUNCHED = (int64_t)16 << 20;

size_t recsys__cuda_pair_score_workspace(const op_pair_score *o)
{
    cuda_room room = { nullptr, 0 };
    pair_room(&room, &o->net);
    return room.used;
}

recsys_status recsys__cuda_pair_score(op_context *c, const op_pair_score *o)
{
    TRY(pair_check(c->error, "pair_score", &o->net));
    int64_t Q = o->at.n_queries, I = o->at.n_items, step = I > 0 && LAUNCHED / I > 1 ? LAUNCHED / I : 1;
    cuda_room room = cuda_workspace(c);
    float *activations = pair_room(&room, &o->net);
    if (Q > 0 && o->at.ptr) {
        TRY(topk_cancelled(c, "scoring"));
        pair_block b = { 0, Q, 0, I, o->at.out, I, o->at };
        pair_scores(c, &o->net, activations, &b);
        return cuda_launched(c);
    }
    for (int64_t q = 0; q < Q; q += step) {
        TRY(topk_cancelled(c, "scoring"));
        pair_block b = { q, Q - q < step ? Q - q : step, 0, I, o->at.out + q * I, I, o->at };
        pair_scores(c, &o->net, activations, &b);
    }
    return cuda_launched(c);
}
