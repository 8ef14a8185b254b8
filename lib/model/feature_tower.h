/* feature_tower.h - what the two-tower models share: a vector for each user and item, made of a row of a table and of the row's
 * features, and stacks of layers on such vectors.
 *
 * `layers` lists widths: the first is split in two halves of E columns, for users and for items; the others are those of the
 * layers. With features (data/features.h) the vector of item i is
 *
 *     x_i = e_i + sum over its features f of value_if w_f,     e_i row i of item_embedding, w_f row f of item_feature_weight
 *
 * and likewise for users. The cells of each feature table are divided by the largest magnitude among them, so that a year
 * weighs no more than a genre. The matrices of features are kept with the model, so that it scores without the dataset.
 * Shapes: U users, I items, F features, E columns of a vector, B rows, L layers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FEATURE_TOWER_H
#define MODEL_FEATURE_TOWER_H

#include "data/features.h"
#include "model/training.h"

enum { TWO_TOWER_MAX_LAYERS = 8 }; /* numbers in `layers` */

/* For the lists of parameters and tensors. */
#define TWO_TOWER_PARAMS                                                                                             \
    { "layers", RECSYS_PARAM_LIST, "64:32:16", 1, 65536, 0, NULL, "0.1",                                             \
      "widths: of the embeddings of both sides together (even), then of each layer" },                               \
    { "init", RECSYS_PARAM_CHOICE, "xavier", 0, 0, 0, "xavier|published", "0.1", "what the parameters begin with" }, \
    { "features", RECSYS_PARAM_BOOL, "true", 0, 0, 0, NULL, "0.1", "use the feature tables that the data has" }
#define TWO_TOWER_LAYER(prefix, l)                                                                \
    { prefix "layer" #l "_weight", "weights of layer " #l ", output x input", RECSYS_F32, 0, 0 }, \
    { prefix "layer" #l "_bias", "bias of layer " #l, RECSYS_F32, 0, 0 }
#define TWO_TOWER_STACK(prefix)                                                                                     \
    TWO_TOWER_LAYER(prefix, 1), TWO_TOWER_LAYER(prefix, 2), TWO_TOWER_LAYER(prefix, 3), TWO_TOWER_LAYER(prefix, 4), \
    TWO_TOWER_LAYER(prefix, 5), TWO_TOWER_LAYER(prefix, 6), TWO_TOWER_LAYER(prefix, 7)
#define TWO_TOWER_TABLES                                              \
    { "user_embedding", "a vector for each user", RECSYS_F32, 0, 1 }, \
    { "item_embedding", "a vector for each item", RECSYS_F32, 0, 1 }
#define TWO_TOWER_FEATURES                                                                                           \
    { "user_feature_weight", "a vector for each feature of users", RECSYS_F32, 0, 0 },                               \
    { "item_feature_weight", "a vector for each feature of items", RECSYS_F32, 0, 0 },                               \
    { "user_feature_ptr", "features of users: where each user's begin, and the end of the last", RECSYS_I64, 8, 0 }, \
    { "user_feature_column", "features of users: their numbers", RECSYS_I32, 4, 0 },                                 \
    { "user_feature_value", "features of users: their values", RECSYS_F32, 4, 0 },                                   \
    { "item_feature_ptr", "features of items: where each item's begin, and the end of the last", RECSYS_I64, 8, 0 }, \
    { "item_feature_column", "features of items: their numbers", RECSYS_I32, 4, 0 },                                 \
    { "item_feature_value", "features of items: their values", RECSYS_F32, 4, 0 }

enum { INIT_XAVIER = 0, INIT_PUBLISHED = 1 };

/* Widths of the layers, without the embeddings'; *count is L. */
const int64_t *recsys__two_tower_layers(const recsys_params *p, int64_t *count);
/* E. */
int64_t recsys__two_tower_width(const recsys_params *p);
/* Columns of what the last layer gives, if the first one reads `in`. */
int64_t recsys__two_tower_last(const recsys_params *p, int64_t in);
/* Sum of the widths of all layers. */
int64_t recsys__two_tower_sum(const recsys_params *p);

/* The error of a list of layers that no model can have; 0 and d->status says why. To be asked before anything is declared. */
int recsys__two_tower_possible(declaration *d);
void recsys__declare_tables(declaration *d);
/* Layers from `in` columns on, whose names begin with `prefix`. */
void recsys__declare_stack(declaration *d, const char *prefix, int64_t in);
/* The prediction of one number from `in` columns. */
void recsys__declare_prediction(declaration *d, int64_t in);
void recsys__declare_features(declaration *d);

/* training_class.prepare: the matrices of features, as tensors, and their transposes for training. */
recsys_status recsys__two_tower_prepare(recsys_exec *x, recsys_model *m, const recsys_dataset *train);
/* training_class.floats_beyond. */
int64_t recsys__two_tower_beyond(const recsys_params *p, const recsys_dataset *train);
/* ERR_FILE_FORMAT unless the matrices of features are there and of the right size. */
recsys_status recsys__two_tower_check(recsys_exec *x, const recsys_model *m);

/* Vectors of some users or items (FEATURES_OF_USERS, FEATURES_OF_ITEMS), or of all.  B x E */
tensor recsys__side_rows(tape *g, const recsys_model *m, int32_t side, tensor rows);
tensor recsys__side_all(tape *g, const recsys_model *m, int32_t side);

/* The layers whose names begin with `prefix` on Z: ReLU, and `last` after the last, which is without its bias unless
 * `last_bias`. */
tensor recsys__stack(tape *g, const recsys_model *m, const char *prefix, tensor Z, int32_t last, int32_t last_bias);

#endif
