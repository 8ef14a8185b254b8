/* factors.h - scoring of models whose score is an inner product of a query's vector and an item's, plus a constant.
 *
 * Q queries, I items, D width.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FACTORS_H
#define MODEL_FACTORS_H

#include "model/model.h"
#include "tensor/tape.h"

typedef struct factors {
    tensor users; /* Q x D */
    tensor items; /* I x D */
    tensor bias;  /* 1; the empty tensor: 0 */
} factors;

/* The vectors of some queries, on the tape. */
typedef factors (*factors_of_queries)(tape *g, const recsys_model *m, const queries *q);

/* model_class.rank and .score by training_class.factors, and all scores of some queries (device, Q x I). */
recsys_status recsys__factors_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to);
recsys_status recsys__factors_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at);
recsys_status recsys__factors_score_rows(recsys_exec *x, const recsys_model *m, const queries *q, float *out);

/* Scores W h + b, what a last layer makes of a vector h (Q x H), are inner products of [h ; 1] and [W ; b]. The second is kept
 * in m->cache[0] (I x (H + 1)) by what model_class.ready calls with the names of W and b. */
recsys_status recsys__output_layer_ready(recsys_exec *x, recsys_model *m, const char *weight, const char *bias);
factors recsys__output_layer(tape *g, const recsys_model *m, tensor h);

/* model_class.similarity: the cosine of an item's row in a table with all others; 0 where a row has no length. */
recsys_status recsys__cosine_similarity(recsys_exec *x, const model_tensor *table, int32_t item, float *out);

#endif
