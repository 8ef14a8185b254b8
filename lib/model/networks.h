/* networks.h - scoring of models that are a network on pairs of users and items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_NETWORKS_H
#define MODEL_NETWORKS_H

#include "backend/op/pair_net.h"
#include "model/model.h"
#include "tensor/tape.h"

/* The network for some queries, on the tape. */
typedef pair_net (*network_of_queries)(tape *g, const recsys_model *m, const queries *q);

/* model_class.rank and .score by training_class.network, and all scores of some queries (device, Q x I). */
recsys_status recsys__network_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to);
recsys_status recsys__network_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at);
recsys_status recsys__network_score_rows(recsys_exec *x, const recsys_model *m, const queries *q, float *out);

#endif
