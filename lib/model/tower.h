/* tower.h - the MLP of neural collaborative filtering: layers that halve, on the embeddings of user and item side by side.
 *
 * With n layers and width D the embeddings have E = D 2^(n-1) columns; layer l = 1..n takes D 2^(n-l+1) columns to half as
 * many, so that the last one gives D. The tensors are called layer1_weight, layer1_bias, ... as in the list below.
 * Paper: He et al., "Neural Collaborative Filtering", WWW 2017, eq. 10.
 * Shapes: U users, I items, B samples, Q queries, H1 = E columns after the first layer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TOWER_H
#define MODEL_TOWER_H

#include "backend/op/pair_net.h"
#include "model/training.h"

enum { TOWER_MAX_LAYERS = 8 };

/* For the lists of parameters and tensors of models with a tower. */
#define TOWER_PARAMS                                                                                                         \
    { "layers", RECSYS_PARAM_I64, "3", 1, TOWER_MAX_LAYERS, 0, NULL, "0.1", "layers, each half as wide as the one before" }, \
    { "dropout", RECSYS_PARAM_F64, "0", 0, 0.99, 0, NULL, "0.1", "share of each layer's input that training drops" }
#define TOWER_LAYER(l)                                                                     \
    { "layer" #l "_weight", "weights of layer " #l ", output x input", RECSYS_F32, 0, 0 }, \
    { "layer" #l "_bias", "bias of layer " #l, RECSYS_F32, 0, 0 }
#define TOWER_TENSORS                                                                                               \
    TOWER_LAYER(1), TOWER_LAYER(2), TOWER_LAYER(3), TOWER_LAYER(4), TOWER_LAYER(5), TOWER_LAYER(6), TOWER_LAYER(7), \
    TOWER_LAYER(8)

/* Names of the tables that a model's tower reads. */
typedef struct tower {
    const char *user_table, *item_table;
} tower;

/* Columns of the embeddings: D 2^(n-1). */
int64_t recsys__tower_width(const recsys_params *p);

/* Floats that a sample takes in a training step: rows, layers and their gradients. */
int64_t recsys__tower_floats(const recsys_params *p);

/* Declares the embeddings, then the layers. */
void recsys__tower_declare(declaration *d, const tower *t);

/* The last layer on a batch of pairs.  B x D */
tensor recsys__tower(tape *g, const recsys_model *m, const tower *t, tensor users, tensor items);

/* The items' half of the first layer, kept in m->cache[0]: I x H1. model_class.ready. */
recsys_status recsys__tower_ready(recsys_exec *x, recsys_model *m, const tower *t);

/* The network for scoring, as far as the tower goes: the queries' half of the first layer, once for each. */
pair_net recsys__tower_net(tape *g, const recsys_model *m, const tower *t, tensor users);

#endif
