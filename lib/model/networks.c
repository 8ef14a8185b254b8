/* networks.c - lists, scores and rows of scores by a network on pairs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/networks.h"

#include "model/training.h"
#include "tensor/ops.h"

static recsys_status begin(recsys_exec *x, const recsys_model *m, const queries *q, pair_net *net)
{
    tape *g;
    recsys_status status = recsys__scoring_tape(x, &g);
    if (status < 0)
        return status;
    *net = m->class->training->network(g, m, q);
    return recsys__tape_status(g);
}

recsys_status recsys__network_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to)
{
    pair_net net;
    recsys_status status = begin(x, m, q, &net);
    return status < 0 ? status : recsys__pair_rank(x, &net, to);
}

recsys_status recsys__network_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at)
{
    pair_net net;
    recsys_status status = begin(x, m, q, &net);
    return status < 0 ? status : recsys__pair_score(x, &net, at);
}

recsys_status recsys__network_score_rows(recsys_exec *x, const recsys_model *m, const queries *q, float *out)
{
    pair_net net;
    recsys_status status = begin(x, m, q, &net);
    return status < 0 ? status : recsys__pair_rows(x, &net, q->count, m->n_items, out);
}
