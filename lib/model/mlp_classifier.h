/* mlp_classifier.h - what classification of whole datasets asks of a model that scores by features.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_MLP_CLASSIFIER_H
#define MODEL_MLP_CLASSIFIER_H

#include "model/model.h"

/* F: numbers that a row has. */
int64_t recsys__classifier_features(const recsys_model *m);

/* Rows that are scored at a time, of `count`. */
int64_t recsys__classifier_block(const recsys_model *m, int64_t count);

/* Logits of a block of rows: `features` (count x F, finite) and `logits` (count x I) are host memory. */
recsys_status recsys__classifier_logits(recsys_exec *x, const recsys_model *m, const float *features, int64_t count,
                                        float *logits);

#endif
