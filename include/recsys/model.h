/* model.h - models: training, scoring, recommending, and what is inside them.
 *
 * A recsys_model is immutable and reference-counted: any number of threads may score with one model, each with an exec of
 * its own. Users and items are indices into recsys_model_users() and recsys_model_items().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_MODEL_H
#define RECSYS_MODEL_H

#include <recsys/dataset.h>
#include <recsys/params.h>

/** A trained model. Immutable; reference-counted; shared between threads. */
typedef struct recsys_model recsys_model;

/** What there is to know about a kind of model. The strings have static storage. */
typedef struct recsys_model_class_info {
    size_t struct_size;   /**< sizeof(recsys_model_class_info). */
    const char *name;     /**< What recsys_params_create() takes: `"ease"`. */
    const char *summary;  /**< One line. */
    const char *citation; /**< The paper. */
    int32_t query_parts;  /**< What it scores by, RECSYS_QUERY_* bits: USER alone knows only users it was trained on, HISTORY
                               also takes known interactions (fold-in), FEATURES rows of numbers. Models whose histories are
                               not kept (`without_histories`) may need one in the query. */
    int32_t reserved;     /**< Zero. */
} recsys_model_class_info;

/** Initialiser of recsys_model_class_info. */
#define RECSYS_MODEL_CLASS_INFO_INIT { sizeof(recsys_model_class_info), NULL, NULL, NULL, 0, 0 }

/** How to train; zero means default. */
typedef struct recsys_fit_options {
    size_t struct_size;       /**< sizeof(recsys_fit_options). */
    int32_t without_histories; /**< 1: the model does not keep the users' training histories (size, privacy). It then knows
                                   no user by itself: queries must bring their history. */
    int32_t reserved;         /**< Zero. */
    const struct recsys_training *training; /**< How to train by steps (trainer.h); NULL: all defaults. Models with a closed
                                                 form refuse it. */
} recsys_fit_options;

/** Initialiser of recsys_fit_options: all defaults. */
#define RECSYS_FIT_OPTIONS_INIT { sizeof(recsys_fit_options), 0, 0, NULL }

/** What a training will take, known before it begins. */
typedef struct recsys_cost {
    size_t struct_size;  /**< sizeof(recsys_cost). */
    int64_t peak_bytes;  /**< Most bytes held at once during the fit, beyond the dataset. */
    int64_t model_bytes; /**< Bytes of the finished model's tensors: about the size of its file. */
    double flops;        /**< Floating-point operations of its main part. */
} recsys_cost;

/** Initialiser of recsys_cost. */
#define RECSYS_COST_INIT { sizeof(recsys_cost), 0, 0, 0.0 }

/** Parts that a query brings: bits of recsys_query::parts. */
enum {
    RECSYS_QUERY_USER = 1,      /**< `user`: its stored history is used, unless the query brings one. */
    RECSYS_QUERY_HISTORY = 2,   /**< `history`: known interactions, in place of stored ones. */
    RECSYS_QUERY_CANDIDATES = 4, /**< `candidates`: only these items are scored or ranked. */
    RECSYS_QUERY_FEATURES = 8    /**< `features`: what a classifier scores by, which takes neither user nor history. */
};

/** A question to a model: whose preferences, over which items. In an array of queries all have the struct_size of the
 * first, which is the stride. Arrays are borrowed during the call. */
typedef struct recsys_query {
    size_t struct_size;           /**< sizeof(recsys_query). */
    int32_t parts;                /**< RECSYS_QUERY_* bits. */
    int32_t reserved;             /**< Zero. */
    int64_t user;                 /**< Index of a user. */
    const int64_t *history;       /**< Item indices in any order; an item that comes twice counts once, its last value. */
    const float *history_values;  /**< Their values; NULL: 1. */
    int64_t history_count;        /**< Length; 0 is a user of whom nothing is known. */
    const int64_t *candidates;    /**< Item indices in any order. */
    int64_t candidate_count;      /**< Length. */
    const float *features;        /**< A row of finite numbers, as many as the model was trained on. */
    int64_t n_features;           /**< Length. */
} recsys_query;

/** Initialiser of recsys_query: no parts. */
#define RECSYS_QUERY_INIT { sizeof(recsys_query), 0, 0, 0, NULL, NULL, 0, NULL, 0, NULL, 0 }

/** What may enter a list; zero means default. Items are indices. */
typedef struct recsys_topk_options {
    size_t struct_size;   /**< sizeof(recsys_topk_options). */
    int32_t keep_seen;    /**< 1: items of the history may be recommended again; 0: they are left out. */
    int32_t reserved;     /**< Zero. */
    const int64_t *allow; /**< Only these items; NULL: all. */
    int64_t allow_count;  /**< Length of `allow`. */
    const int64_t *deny;  /**< None of these items. */
    int64_t deny_count;   /**< Length of `deny`. */
} recsys_topk_options;

/** Initialiser of recsys_topk_options: all defaults. */
#define RECSYS_TOPK_OPTIONS_INIT { sizeof(recsys_topk_options), 0, 0, NULL, 0, NULL, 0 }

/** Element types of a tensor. */
enum { RECSYS_F32 = 1, RECSYS_I32 = 2, RECSYS_I64 = 3 };

/** A tensor of a model. The strings are borrowed from the model. */
typedef struct recsys_tensor_info {
    size_t struct_size; /**< sizeof(recsys_tensor_info). */
    const char *name;   /**< `"precision"`, `"item_embedding"`. */
    const char *doc;    /**< One line: meaning and layout. */
    int32_t dtype;      /**< RECSYS_F32, ... */
    int32_t rank;       /**< Number of dimensions, 1 to 4. */
    int64_t shape[4];   /**< Sizes, row-major; 1 beyond `rank`. */
    int32_t derived;    /**< 1: computed when read (the dense item weights of EASE^R), not in the file. */
    int32_t reserved;   /**< Zero. */
} recsys_tensor_info;

/** Initialiser of recsys_tensor_info. */
#define RECSYS_TENSOR_INFO_INIT { sizeof(recsys_tensor_info), NULL, NULL, 0, 0, { 0, 0, 0, 0 }, 0, 0 }

RECSYS_BEGIN_DECLS

/** Number of kinds of models. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_model_class_count(void);

/** Describes kind `index` (0 to count - 1). @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_model_class_at(int64_t index, recsys_model_class_info *info);

/** Says what recsys_model_fit() would take. @return RECSYS_OK, ERR_STRUCT_SIZE, ERR_TOO_LARGE. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_cost(const recsys_params *params, const recsys_dataset *train, recsys_exec *exec,
                                           recsys_cost *cost);

/** Trains a model. The inputs stay as they are, whatever happens.
 * @param options NULL for all defaults.
 * @param[out] model owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT (also rows of features with labels for a model of interactions, or the other way round),
 * ERR_STRUCT_SIZE, ERR_EMPTY (no events), ERR_MEMORY_LIMIT (before anything large is
 * taken; the message names both figures), ERR_NO_MEMORY, ERR_TOO_LARGE, ERR_NUMERIC, ERR_MISSING_DATA, ERR_UNSUPPORTED,
 * ERR_CANCELLED. Confined exec and params. @since 0.1 */
RECSYS_API recsys_status recsys_model_fit(const recsys_params *params, const recsys_dataset *train, recsys_exec *exec,
                                          const recsys_fit_options *options, recsys_model **model);

/** Makes a model that ranks by the inner product of vectors trained elsewhere: `embeddings` in the registry.
 * @param train gives ids and histories; row r of each table belongs to index r.
 * @param dim length of a vector, at least 1.
 * @param users n_users x dim, row-major, finite; copied. @param items n_items x dim, likewise.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_NUMERIC, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_from_embeddings(const recsys_dataset *train, recsys_exec *exec, int64_t dim,
                                                      const float *users, const float *items,
                                                      const recsys_fit_options *options, recsys_model **model);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_model *recsys_model_retain(recsys_model *model);

/** Drops a reference; NULL is allowed. Any thread. @since 0.1 */
RECSYS_API void recsys_model_release(recsys_model *model);

/** Name of the kind of model. Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_model_name(const recsys_model *model);

/** Parameters it was trained with, in text form. Borrowed. Any thread. @since 0.1 */
RECSYS_API const char *recsys_model_params(const recsys_model *model);

/** Ids of the users it was trained on. Borrowed. Any thread. @since 0.1 */
RECSYS_API const recsys_ids *recsys_model_users(const recsys_model *model);

/** Ids of its items. Borrowed. Any thread. @since 0.1 */
RECSYS_API const recsys_ids *recsys_model_items(const recsys_model *model);

/** 1 if the model holds the users' training histories. Any thread. @since 0.1 */
RECSYS_API int32_t recsys_model_has_histories(const recsys_model *model);

/** Copies a user's training history: items ascending. Arguments as recsys_dataset_history().
 * @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_MISSING_DATA (no histories). Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_history(const recsys_model *model, recsys_exec *exec, int64_t user, int64_t *items,
                                              float *values, int64_t capacity, int64_t *count);

/** Scores: for each query in turn, one number for each of its candidates in their order, or for every item.
 * @param[out] scores room for the sum of these counts. Larger is better; only the order within a query has meaning.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_STRUCT_SIZE, ERR_OUT_OF_RANGE (the message names query and index),
 * ERR_TOO_LARGE (a list of more than 2^32 items), ERR_NUMERIC (a history value that is not finite, or not once normalised),
 * ERR_MISSING_DATA (no user and no history), ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_score(const recsys_model *model, recsys_exec *exec, const recsys_query *queries,
                                            int64_t n_queries, float *scores);

/** The k best items of each query: higher score first, then lower index.
 * @param k 1 or more; may exceed the number of items.
 * @param options NULL for all defaults.
 * @param[out] items n_queries x k, -1 where a query has fewer candidates.
 * @param[out] scores n_queries x k, -infinity there; may be NULL.
 * @return as recsys_model_score(). Confined exec. Takes nothing from the allocator once an exec has answered a query of
 * this size, but with colliding inference, whose blocks of scores come and go. @since 0.1 */
RECSYS_API recsys_status recsys_model_topk(const recsys_model *model, recsys_exec *exec, const recsys_query *queries,
                                           int64_t n_queries, int64_t k, const recsys_topk_options *options,
                                           int64_t *items, float *scores);

/** The k items most similar to an item, itself left out; what similarity means is documented with each model.
 * @param[out] items k indices, -1 beyond the last. @param[out] scores k numbers; may be NULL.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_OUT_OF_RANGE, ERR_UNSUPPORTED, ERR_NO_MEMORY, ERR_MEMORY_LIMIT,
 * ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_similar_items(const recsys_model *model, recsys_exec *exec, int64_t item, int64_t k,
                                                    int64_t *items, float *scores);

/** Number of tensors, derived ones included. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_model_tensor_count(const recsys_model *model);

/** Describes tensor `index`. @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_model_tensor_info(const recsys_model *model, int64_t index, recsys_tensor_info *info);

/** Copies rows `first_row` to `first_row + n_rows - 1` (along the first dimension) of a tensor.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_UNKNOWN_KEY, ERR_OUT_OF_RANGE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT,
 * ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_read_tensor(const recsys_model *model, recsys_exec *exec, const char *name,
                                                  int64_t first_row, int64_t n_rows, void *buffer);

/** Makes a model like `model` in which one tensor, not a derived one, has other contents.
 * @param data as many elements as the tensor has, finite; copied.
 * @return RECSYS_OK, ERR_UNKNOWN_KEY, ERR_UNSUPPORTED (derived), ERR_FILE_FORMAT (contents that no such file could hold),
 * ERR_CANCELLED, ERR_NUMERIC, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined
 * exec. @since 0.1 */
RECSYS_API recsys_status recsys_model_with_tensor(const recsys_model *model, recsys_exec *exec, const char *name,
                                                  const void *data, recsys_model **result);

RECSYS_END_DECLS
#endif
