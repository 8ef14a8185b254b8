/* pointwise.h - what all models of single samples share: their losses with adaptive denoising, and colliding inference.
 *
 * Source: Wang et al., "Denoising Implicit Feedback for Recommendation", WSDM 2021; extra feedback: Wang et al., "Learning
 * Robust Recommender from Noisy Implicit Feedback", arXiv 2112.01160.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_POINTWISE_H
#define MODEL_POINTWISE_H

#include <math.h>

#include "backend/op/pointwise_loss.h"
#include "model/colliding.h"
#include "model/training.h"
#include "tensor/ops.h"

/* Parameters that each of them has, for the end of its list. Their choices are in the order of LOSS_*, DROP_OF_* and
 * COLLIDING_*. */
#define POINTWISE_PARAMS                                                                                                       \
    { "loss", RECSYS_PARAM_CHOICE, "bce", 0, 0, 0, "bce|t-ce|r-ce", "0.1",                                                     \
      "cross-entropy: plain, truncated (drops positives of large loss), reweighted" },                                         \
    { "drop_rate", RECSYS_PARAM_F64, "0.2", 0, 0.999999, 0, NULL, "0.1",                                                       \
      "t-ce: share of the samples dropped in the end" },                                                                       \
    { "num_gradual", RECSYS_PARAM_I64, "30000", 0, 0x1p62, 0, NULL, "0.1",                                                     \
      "t-ce: steps until the drop rate is reached; 0: none" },                                                                 \
    { "exponent", RECSYS_PARAM_F64, "1", 0, 100, 1, NULL, "0.1",                                                               \
      "t-ce: until then the rate rises linearly to drop_rate^exponent" },                                                      \
    { "drop_of", RECSYS_PARAM_CHOICE, "auto", 0, 0, 0, "auto|batch|positives", "0.1",                                          \
      "t-ce: of what the share is taken; auto: the batch, or the positives where a row holds all items" },                     \
    { "alpha", RECSYS_PARAM_F64, "0.2", 0, 100, 0, NULL, "0.1", "r-ce: exponent of the weights; 0: plain" },                   \
    { "colliding", RECSYS_PARAM_F64, "0", 0, 1, 0, NULL, "0.1", "weight of the neighbours in colliding inference; 0: none" },  \
    { "neighbours", RECSYS_PARAM_I64, "20", 1, 1000000, 0, NULL, "0.1", "colliding: users most alike by verified positives" }, \
    { "similarity", RECSYS_PARAM_CHOICE, "cosine", 0, 0, 0, "cosine|jaccard|inner", "0.1",                                     \
      "colliding: of two users' verified positives" },                                                                         \
    { "colliding_of", RECSYS_PARAM_CHOICE, "probability", 0, 0, 0, "probability|logit", "0.1", "colliding: what is averaged" }

/* The neighbours of each user, for the list of tensors. */
#define POINTWISE_TENSORS \
    { "neighbours", "colliding inference: the users most alike to each user, -1 beyond the last", RECSYS_I32, 0, 0 }

/* The loss that the model's parameters ask for, of logits and labels of one batch. */
tensor recsys__pointwise_loss(tape *g, const recsys_model *m, const batch *b, tensor logits, tensor labels);

/* Share of samples that T-CE drops at step t: rate^exponent * t / (num_gradual - 1) until num_gradual, then the rate. */
double recsys__drop_rate(double rate, double exponent, int64_t num_gradual, int64_t t);

/* model_class.rank and .score: by the factors or the network of the training_class, with colliding inference where the model
 * has neighbours. */
recsys_status recsys__pointwise_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to);
recsys_status recsys__pointwise_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at);

/* training_class.sampling of models of pairs. */
void recsys__sample_pairs(const recsys_params *p, sampler_options *o);

/* For the classes: training_class.check_data asks for verified positives where they are needed, finish finds the neighbours,
 * check looks at them, ready brings them to the host. */
recsys_status recsys__pointwise_check_data(recsys_exec *x, const recsys_model *m, const recsys_dataset *verified);
recsys_status recsys__pointwise_finish(recsys_exec *x, recsys_model *m, const recsys_dataset *verified);
recsys_status recsys__pointwise_check(recsys_exec *x, const recsys_model *m);
recsys_status recsys__pointwise_ready(recsys_exec *x, recsys_model *m);

#endif
