/* pair.c - front-ends of pair networks: lists and scores of pairs of queries and items.
 *
 * The network is device memory, lists and candidates are the caller's. Q queries, I items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/op/pair_rank.h"
#include "backend/op/pair_score.h"
#include "backend/run.h"
#include "tensor/ops.h"
#include "tensor/rank.h"

static recsys_status missing(recsys_exec *x, const char *operation, const char *part, int64_t layer)
{
    return recsys__fail(&x->error, RECSYS_ERR_INTERNAL, "%s: layer %lld has no %s", operation, (long long)layer, part);
}

/* Whether the network has what its sizes call for; its sizes are the kernel's to check. */
static recsys_status check_parts(recsys_exec *x, const char *operation, const pair_net *net)
{
    if (net->dot_dim > 0 && (net->query_vector == NULL || net->item_vector == NULL))
        return recsys__fail(&x->error, RECSYS_ERR_INTERNAL, "%s: a dot product of %lld columns has no vectors", operation,
                            (long long)net->dot_dim);
    if (net->n_layers > 0 && (net->query_half == NULL || net->item_half == NULL))
        return missing(x, operation, "halves", 1);
    for (int64_t l = 1; l < net->n_layers && l < PAIR_MAX_LAYERS; l++)
        if (net->weights[l] == NULL)
            return missing(x, operation, "weights", l + 1);
    if (net->n_layers > 0 && net->last == NULL)
        return missing(x, operation, "weights behind it", net->n_layers);
    return RECSYS_OK;
}

recsys_status recsys__pair_rank(recsys_exec *x, const pair_net *net, ranking *to)
{
    recsys_status status = check_parts(x, "pair_rank", net);
    if (status < 0)
        return status;
    transfers t = transfers_begin(x);
    op_pair_rank o = {
        .op = { OP_PAIR_RANK, sizeof o },
        .net = *net,
        .to = recsys__bring_ranking(&t, to),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__pair_score(recsys_exec *x, const pair_net *net, scoring *at)
{
    recsys_status status = check_parts(x, "pair_score", net);
    if (status < 0)
        return status;
    transfers t = transfers_begin(x);
    op_pair_score o = {
        .op = { OP_PAIR_SCORE, sizeof o },
        .net = *net,
        .at = recsys__bring_scoring(&t, at),
    };
    return recsys__transfers_run(&t, &o.op);
}

recsys_status recsys__pair_rows(recsys_exec *x, const pair_net *net, int64_t n_queries, int64_t n_items, float *out)
{
    recsys_status status = check_parts(x, "pair_score", net);
    if (status < 0)
        return status;
    op_pair_score o = {
        .op = { OP_PAIR_SCORE, sizeof o },
        .net = *net,
        .at = { .n_queries = n_queries, .n_items = n_items, .out = out },
    };
    return recsys__run(x, &o.op);
}
