/* model.h - the inside of recsys_model, and what a kind of model declares and implements.
 *
 * A model file (ease.c) holds mathematics and one table, a `model_class`. Everything else is written once, here and in
 * model.c: ids, histories, queries, memory, saving. To add a model: its file, a line in registry.c, docs and tests.
 * U users, I items, Q queries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdatomic.h>

#include <recsys/model.h>

#include "backend/backend.h"
#include "backend/op/rank.h"
#include "base/exec.h"
#include "base/params.h"
#include "data/dataset.h"

/* Questions to a model: what it may know of Q users. Host memory. */
typedef struct queries {
    int64_t count;
    const int32_t *user; /* Q: index among the model's users, -1: none of them */
    histories x;         /* Q rows of known interactions, in the model's items */
    const float *features; /* BY_FEATURES: Q rows of finite numbers; else NULL */
} queries;

/* One tensor of a model's state, in memory of the model's backend. */
typedef struct model_tensor {
    const char *name, *doc; /* static storage */
    int32_t dtype;          /* RECSYS_F32, ... */
    int32_t rank;
    int64_t shape[4];
    void *data;
    int32_t borrowed; /* 1: `data` lies in the model's mapping or in what was lent to it, and is not freed by itself */
} model_tensor;

/* A tensor that is computed when read: rows 0 to n_rows - 1 of row_size floats. */
typedef struct derived_tensor {
    const char *name, *doc;
    int64_t n_rows, row_size;
} derived_tensor;

enum { MODEL_MAX_TENSORS = 40, MODEL_MAX_CACHES = 2 };

/* Its tensors, in the order of the file. A model's `fit` fills the list, or the loader does. */
typedef struct tensor_list {
    int64_t count;
    model_tensor at[MODEL_MAX_TENSORS];
} tensor_list;

/* A tensor that a model of a kind may hold: the loader takes name and doc from here. */
typedef struct tensor_kind {
    const char *name, *doc;
    int32_t dtype;
    int32_t align; /* bytes to which its kernels want it aligned; 0: an element */
    int32_t by_rows; /* 1: training looks up rows of it (a table), so its optimizer works by rows */
} tensor_kind;

struct training_class; /* model/training.h */

/* What a model scores by. BY_EITHER: a user it was trained on, or else known interactions. BY_FEATURES: a row of numbers that
 * the query brings; it keeps no histories. */
enum { BY_USER = 0, BY_HISTORY = 1, BY_EITHER = 2, BY_FEATURES = 3 };

struct model_class {
    const char *name, *summary, *citation;
    const param_schema *params;
    int64_t n_params;
    const tensor_kind *tensors; /* in the order in which `fit` makes them; files with others are refused */
    int64_t n_tensors;
    int32_t scores_by_history; /* BY_HISTORY: known interactions are all it needs; BY_USER: it needs a user it was trained on */
    int64_t (*query_features)(const recsys_model *m); /* BY_FEATURES: how many numbers */

    /* Bytes and FLOPs of a fit on this data. NULL: nothing worth naming. */
    recsys_status (*cost)(recsys_exec *x, const recsys_params *p, const recsys_dataset *train, recsys_cost *cost);
    /* Trains: appends tensors made with recsys__model_new_tensor(). NULL: made in another way (embeddings). */
    recsys_status (*fit)(recsys_exec *x, recsys_model *m, const recsys_dataset *train);
    /* Whether the tensors fit the model's users, items and parameters: called after a load and when a tensor is replaced. */
    recsys_status (*check)(recsys_exec *x, const recsys_model *m);
    /* Computes what scoring wants to find ready (m->cache). After training, loading, or the change of a tensor. NULL:
     * nothing. */
    recsys_status (*ready)(recsys_exec *x, recsys_model *m);
    /* How it is trained by steps, in place of `fit`. */
    const struct training_class *training;
    /* The k best items of each query. `to` is in host memory. */
    recsys_status (*rank)(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to);
    /* Scores at given items. `at` is in host memory. */
    recsys_status (*score)(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at);
    /* similarity[i] of item i to `item`, for all I. NULL: not offered. */
    recsys_status (*similarity)(recsys_exec *x, const recsys_model *m, int32_t item, float *similarity);
    /* Describes derived tensor `index`; 0 if there is none. NULL: there are none. */
    int (*derived)(const recsys_model *m, int64_t index, derived_tensor *t);
    /* Computes rows of a derived tensor. */
    recsys_status (*read_derived)(recsys_exec *x, const recsys_model *m, const char *name, int64_t first_row, int64_t n_rows,
                                  float *out);
};

struct recsys_model {
    atomic_int refs;
    const struct model_class *class;
    memory *memory;
    backend *backend;
    recsys_env *env;
    recsys_params *params;    /* frozen */
    char *params_text;
    recsys_ids *users, *items;
    int64_t n_users, n_items;
    int32_t has_histories;
    csr histories;            /* U x I; owned unless `mapping` is there */
    tensor_list tensors;
    void *cache[MODEL_MAX_CACHES]; /* device memory made by the class's `ready`; no part of the file */
    struct prepared *prepared; /* what training reads at each step (model/prepared.h); NULL: nothing, or no longer */
    int32_t *neighbours;      /* U x n in host memory, for colliding inference (model/pointwise.c); NULL: none */
    void *mapping;            /* the mapped file that tensors and histories lie in; NULL: they were allocated */
    size_t mapping_bytes;
    struct DLManagedTensor *lent[2]; /* the caller's arrays that tensors lie in (model/dlpack.h); given back with the model */
};

/* The kinds of models. */
extern const struct model_class recsys__ease, recsys__top_popular, recsys__embeddings, recsys__gmf, recsys__mlp, recsys__neumf,
    recsys__cdae, recsys__dae, recsys__lightgcn, recsys__gf_cf, recsys__two_tower_concat, recsys__two_tower_product,
    recsys__mlp_classifier;
const struct model_class *recsys__model_class(const char *name);
const struct model_class *recsys__model_class_at(int64_t index); /* NULL past the last */

/* An empty model of a kind, with its own reference to the ids and a copy of the parameters. */
recsys_status recsys__model_create(recsys_exec *x, const struct model_class *class, const recsys_params *p, recsys_ids *users,
                                   recsys_ids *items, recsys_model **m);
/* Copies the users' histories in: from an interaction matrix, or from the training data unless the options say no. */
recsys_status recsys__model_keep_histories(recsys_exec *x, recsys_model *m, const csr *R);
recsys_status recsys__model_keep_data(recsys_exec *x, recsys_model *m, const recsys_dataset *train,
                                      const recsys_fit_options *o);

/* Appends the tensor of this name, one of its class's kinds; on success the model owns `data`, memory of its backend. */
recsys_status recsys__model_new_tensor(recsys_exec *x, recsys_model *m, const char *name, int32_t rank, const int64_t *shape,
                                       void *data);
/* The same for an array of the host's, which is copied; after a failure the model is as it was. */
recsys_status recsys__model_keep_tensor(recsys_exec *x, recsys_model *m, const char *name, int32_t rank, const int64_t *shape,
                                        const void *host);
/* The tensor of this name, NULL if there is none. */
const model_tensor *recsys__model_tensor(const recsys_model *m, const char *name);
/* The same; without it ERR_UNKNOWN_KEY, or ERR_UNSUPPORTED where it is computed when read. */
recsys_status recsys__model_stored_tensor(recsys_exec *x, const recsys_model *m, const char *name, const model_tensor **out);
/* A copy of its elements in *out, to be freed by recsys__free(x->memory, ...); NULL after a failure. */
recsys_status recsys__model_fetch_tensor(recsys_exec *x, const model_tensor *t, void *out);
/* Checks its tensors, makes what scoring wants to find ready, and waits for the device: the last step before others see it. */
recsys_status recsys__model_complete(recsys_exec *x, recsys_model *m);
/* A model of its own with the same tensors, ids, parameters and histories, not yet complete. One tensor (NULL: none) gets other
 * contents. */
recsys_status recsys__model_copy(recsys_exec *x, const recsys_model *m, const model_tensor *replaced, const void *data,
                                 recsys_model **out);
/* Appends a copy of another model's tensor. */
recsys_status recsys__model_copy_tensor(recsys_exec *x, recsys_model *to, const model_tensor *t);
/* ERR_INVALID_ARGUMENT unless the data has exactly these users and items, in this order; `what` begins the message. */
recsys_status recsys__check_same_ids(recsys_exec *x, const recsys_ids *users, const recsys_ids *items,
                                     const recsys_dataset *data, const char *what);
/* ERR_DEVICE unless the exec works where the model's memory is: every public function that takes both asks first. */
recsys_status recsys__check_device(recsys_exec *x, const recsys_model *m);
/* What a class says of its tensor of this name; NULL if it has none. */
const tensor_kind *recsys__tensor_kind(const struct model_class *c, const char *name);
size_t recsys__dtype_size(int32_t dtype);
int64_t recsys__tensor_elements(const model_tensor *t);
/* 1 if it is there (`t` may be NULL) and holds n elements of this type in one dimension. */
int recsys__is_vector(const model_tensor *t, int32_t dtype, int64_t n);

/* ERR_INVALID_ARGUMENT if this is data of another kind than the class learns from: rows of features with labels for a model
 * that ranks. Asked wherever a training begins. */
recsys_status recsys__check_kind_of_data(recsys_exec *x, const struct model_class *c, const recsys_dataset *train);

/* Ranks or scores for queries whose items and users are valid and whose histories ascend. Host memory throughout. */
recsys_status recsys__model_rank(recsys_exec *x, const recsys_model *m, const queries *q, ranking *to);
recsys_status recsys__model_score(recsys_exec *x, const recsys_model *m, const queries *q, scoring *at);

#endif
