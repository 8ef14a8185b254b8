/* training.h - what a model that is trained by steps declares and implements, and what it may call.
 *
 * The file of such a model holds its parameters, its loss for one batch and its scoring. Batches, negatives, optimizers,
 * validation and checkpoints are in lib/train and know nothing of any model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TRAINING_H
#define MODEL_TRAINING_H

#include "model/batch.h"
#include "model/factors.h"
#include "model/model.h"
#include "model/networks.h"
#include "tensor/tape.h"

/* ---- declaring parameters ---- */

/* How a parameter begins. */
enum { BEGIN_ZERO = 0, BEGIN_NORMAL = 1, BEGIN_UNIFORM = 2, BEGIN_POSITIVE = 3 }; /* the last: uniform from 0 to `scale` */
typedef struct beginning {
    int32_t kind;
    double scale; /* standard deviation, or the bound on both sides of 0 */
} beginning;

/* The parameters of a model to be. Errors stick. Without a model only bytes are counted. */
typedef struct declaration {
    recsys_exec *x;
    recsys_model *m;             /* gets them; NULL: counting */
    const recsys_model *against; /* not NULL: only compares with its tensors */
    const struct model_class *class;
    const recsys_params *params;
    int64_t n_users, n_items;
    int64_t n_user_features, n_item_features; /* columns of the feature tables (data/features.h); 0: there are none */
    int64_t floats;       /* of all parameters */
    int64_t table_floats; /* of those that are looked up by rows */
    int64_t table_rows;
    recsys_status status;
} declaration;

/* A parameter named as in the class's list of tensors, rows x columns; rank 1 if columns is 0. The numbers it begins with
 * depend on the exec's seed, on its place in the class's list and on the place of the element. */
void recsys__declare(declaration *d, const char *name, int64_t rows, int64_t columns, beginning b);

/* Layers have their parameters numbered from 1 on: "layer3_weight" and "layer3_bias" behind `prefix`. The name is written to
 * `name`, which is returned; and a layer is declared, out x in and out. */
enum { LAYER_NAME_ROOM = 40 };
const char *recsys__layer_name(char name[LAYER_NAME_ROOM], const char *prefix, int64_t layer, const char *what);
void recsys__declare_layer(declaration *d, const char *prefix, int64_t layer, int64_t in, int64_t out, beginning weight,
                           beginning bias);

/* Linear layers: U(-a, a) with a = sqrt(6 / (in + out)). Glorot and Bengio, AISTATS 2010, eq. 16. */
beginning recsys__xavier(int64_t in, int64_t out);
/* A layer in front of a sigmoid: U(-a, a) with a = sqrt(3 / in). He et al., ICCV 2015, with gain 1 and slope 1. */
beginning recsys__kaiming(int64_t in);

/* ---- the class ---- */

/* A batch in numbers, for estimates. */
typedef struct batch_shape {
    int64_t n_items, rows, n_negatives;
} batch_shape;

typedef struct training_class {
    /* Fills in the kind of batches. */
    void (*sampling)(const recsys_params *p, sampler_options *o);
    void (*declare)(declaration *d);
    /* 1: the loss is op_pointwise_loss, which leaves its sums in batch.stats; 0: the loss is only a number. */
    int32_t is_pointwise;
    /* What the model makes of the training data once, after its parameters (m->prepared; or tensors that are no parameters).
     * NULL: nothing. */
    recsys_status (*prepare)(recsys_exec *x, recsys_model *m, const recsys_dataset *train);
    /* Tensors that scoring reads and that follow from the parameters and what was prepared: for each model that leaves the
     * training, whether to be kept or only to be validated. NULL: there are none. */
    recsys_status (*derive)(recsys_exec *x, recsys_model *m);
    /* Floats that a step takes for each row of its batch, about: results, gradients and what is kept between. */
    int64_t (*floats_of_row)(const recsys_params *p, const batch_shape *b);
    /* Floats beyond that: of what is prepared, and of a step whatever its batch. NULL: none worth naming. */
    int64_t (*floats_beyond)(const recsys_params *p, const recsys_dataset *train);
    /* The loss of a batch, one number. */
    tensor (*loss)(tape *g, const recsys_model *m, const batch *b);
    /* Starts from n models other than one of the same kind. NULL: not possible. */
    recsys_status (*start)(recsys_exec *x, recsys_model *m, const recsys_model *const *from, int64_t n);
    /* Whether there is what `finish` will need, asked before training. NULL: nothing is. */
    recsys_status (*check_data)(recsys_exec *x, const recsys_model *m, const recsys_dataset *verified);
    /* What comes after training, with the verified positives if there are any. NULL: nothing. */
    recsys_status (*finish)(recsys_exec *x, recsys_model *m, const recsys_dataset *verified);
    /* What the model scores by, one of the two: vectors whose inner products are the scores (then model_class.rank and .score
     * are those of factors.h), or a network on pairs (those of networks.h). Pointwise models score by pointwise.h, which adds
     * colliding inference. Both NULL: model_class.rank and .score do it all. */
    factors_of_queries factors;
    network_of_queries network;
} training_class;

/* ---- for models ---- */

/* A parameter on the tape; and one of a layer: `what` is "weight" or "bias". */
tensor recsys__param(tape *g, const recsys_model *m, const char *name);
tensor recsys__layer_param(tape *g, const recsys_model *m, const char *prefix, int64_t layer, const char *what);

/* A tape for scoring with this exec, empty: nothing is recorded, and memory is kept from call to call. */
recsys_status recsys__scoring_tape(recsys_exec *x, tape **g);

/* The rows of histories as a sparse matrix on the device. */
sparse recsys__tape_histories(tape *g, const queries *q, int64_t n_items);

/* Copies a float tensor to other memory of the device. */
void recsys__tape_copy_out(tape *g, tensor from, float *to);

/* Keeps a float tensor of the scoring tape as m->cache[place], device memory of the model's own: for model_class.ready. */
recsys_status recsys__keep_cache(recsys_exec *x, recsys_model *m, int place, tape *g, tensor t);

/* ERR_FILE_FORMAT unless `m` has the parameters that its class declares, with their shapes: the check of trained models. */
recsys_status recsys__check_declared(recsys_exec *x, const recsys_model *m);

/* Copies the contents of a tensor of another model; ERR_INVALID_ARGUMENT names both shapes if they differ. */
recsys_status recsys__copy_parameter(recsys_exec *x, recsys_model *to, const char *name, const recsys_model *from,
                                     const char *from_name);

/* ---- for model.c: lib/train ---- */

recsys_status recsys__train(recsys_exec *x, const recsys_params *p, const recsys_dataset *train, const recsys_fit_options *o,
                            recsys_model **model);
recsys_status recsys__training_cost(recsys_exec *x, const struct model_class *c, const recsys_params *p,
                                    const recsys_dataset *train, recsys_cost *cost);

#endif
