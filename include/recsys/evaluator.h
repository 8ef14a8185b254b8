/* evaluator.h - hold-out evaluation: how well a model ranks what users did next.
 *
 * One pass over the test users ranks the catalogue for each, compares the list with the user's test items, and adds up
 * every metric at every cut-off; users x items is never held. docs/evaluation.md has the formula of each metric.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_EVALUATOR_H
#define RECSYS_EVALUATOR_H

#include <recsys/model.h>

/** An evaluation protocol: test data and options, applied to any number of models. Confined to one thread at a time. */
typedef struct recsys_evaluator recsys_evaluator;

/** The outcome. Immutable; reference-counted; shared between threads. */
typedef struct recsys_report recsys_report;

/** What becomes of test users that the model cannot know. A model that scores by history knows nothing of a user without
 * a known interaction with one of its items; a model that scores by user never trained on users whose id it lacks or,
 * where it holds its training histories, who have none in them. */
enum {
    RECSYS_COLD_SKIP = 0,  /**< Left out and counted. */
    RECSYS_COLD_MODEL = 1, /**< Scored with what the model has for that id, if it is only an empty history or an untrained
                                row; a miss if the model scores by user and has no such id. */
    RECSYS_COLD_MISS = 2   /**< Counted as users with an empty list: all their test items are misses. */
};

/** A sparse symmetric or asymmetric item-item similarity in the model's item indices, by row; what is missing is 0. */
typedef struct recsys_similarity {
    size_t struct_size;    /**< sizeof(recsys_similarity). */
    int64_t n_items;       /**< Rows. */
    const int64_t *ptr;    /**< n_items + 1 offsets. */
    const int64_t *items;  /**< Columns, ascending within a row. */
    const float *values;   /**< Similarities. */
} recsys_similarity;

/** The protocol; zero means default. Datasets are retained, arrays copied. Ids are compared by what they are, so the
 * datasets need not share index maps with each other or with the model. */
typedef struct recsys_evaluator_options {
    size_t struct_size;            /**< sizeof(recsys_evaluator_options). */
    const recsys_dataset *test;    /**< What users did next. Required. */
    const recsys_dataset *known;   /**< What is known at scoring time: history, masked, and the training data of popularity
                                        and ratios. Replaces what the model holds altogether. NULL: what the model holds. */
    const recsys_dataset *mask;    /**< Masked only: never recommended to that user, but no history. NULL: none. */
    const int64_t *cutoffs;        /**< List lengths, each 1 or more, any order; none: 10. */
    int64_t n_cutoffs;             /**< Length of `cutoffs`. */
    int64_t min_ratings;           /**< Users with fewer test items are skipped and counted; 0: 1. */
    const int64_t *ignored_users;  /**< Indices into the users of `test`: take no part. */
    int64_t n_ignored_users;       /**< Length. */
    const char *const *ignored_items; /**< Ids, as text, of items that take no part: never recommended, never relevant. */
    int64_t n_ignored_items;       /**< Length. An id that nobody has is allowed. */
    int32_t cold;                  /**< RECSYS_COLD_*. */
    int32_t drop_unseen_items;     /**< 1: test items that training never saw are dropped; 0: they count, as misses if the
                                        model does not have them. */
    int32_t binary_gain;           /**< 1: NDCG with gain 1 even if test values are there; 0: 2^value - 1 then. */
    int32_t auc;                   /**< 1: AUC too (scores every item of every user). */
    int32_t keep_seen;             /**< 1: items of the history are not masked. */
    int32_t per_user;              /**< 1: keep the values of every user. */
    const recsys_dataset *negatives; /**< Fixed candidates: a user's test items and its items here (no user may be without).
                                        NULL: all items. */
    int64_t n_negatives;           /**< Sampled candidates: the test items and so many items drawn for each user among
                                        those neither known nor in its test data; 0: all items. */
    uint64_t seed;                 /**< Seed of that draw. */
    const recsys_similarity *similarity; /**< For DIVERSITY_SIMILARITY, of as many items as the model has; NULL: not
                                        computed. */
} recsys_evaluator_options;

/** Initialiser of recsys_evaluator_options. */
#define RECSYS_EVALUATOR_OPTIONS_INIT                                                                                       \
    { sizeof(recsys_evaluator_options), NULL, NULL, NULL, NULL, 0, 0, NULL, 0, NULL, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0, NULL }

/** Counts of an evaluation. */
typedef struct recsys_report_info {
    size_t struct_size;          /**< sizeof(recsys_report_info). */
    int64_t users;               /**< Users evaluated. */
    int64_t users_skipped;       /**< Users with test data left out: too few test items, ignored, or cold. */
    int64_t users_cold;          /**< Of all users with test data, but ignored ones, those that the model cannot know,
                                      whatever became of them. */
    int64_t test_items;          /**< Test interactions of the users evaluated. */
    int64_t test_items_unseen;   /**< Of these the ones whose item training never saw: the model does not have it or, where
                                      it holds its training histories, none of them does. */
    double seconds;              /**< Time of the pass. */
    double users_per_second;     /**< users / seconds. */
} recsys_report_info;

/** Initialiser of recsys_report_info. */
#define RECSYS_REPORT_INFO_INIT { sizeof(recsys_report_info), 0, 0, 0, 0, 0, 0.0, 0.0 }

/** Forms of a report. */
enum { RECSYS_REPORT_TEXT = 0, RECSYS_REPORT_JSON = 1, RECSYS_REPORT_CSV = 2, RECSYS_REPORT_PER_USER_CSV = 3 };

RECSYS_BEGIN_DECLS

/** Makes an evaluator.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT (no test data), ERR_STRUCT_SIZE, ERR_OUT_OF_RANGE (a cut-off of 0, an index),
 * ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_evaluator_create(recsys_exec *exec, const recsys_evaluator_options *options,
                                                 recsys_evaluator **evaluator);

/** Frees an evaluator; NULL is allowed. Confined. @since 0.1 */
RECSYS_API void recsys_evaluator_release(recsys_evaluator *evaluator);

/** Evaluates a model.
 * @param[out] report owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_EMPTY (no user is left), ERR_TYPE (ids of different kinds), ERR_MISSING_DATA (nothing is known of
 * users, or one has no negatives), ERR_OUT_OF_RANGE (a similarity of another number of items), ERR_UNSUPPORTED, ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_evaluator_run(recsys_evaluator *evaluator, const recsys_model *model, recsys_exec *exec,
                                              recsys_report **report);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_report *recsys_report_retain(recsys_report *report);

/** Drops a reference; NULL is allowed. Any thread. @since 0.1 */
RECSYS_API void recsys_report_release(recsys_report *report);

/** Reads the counts. @return RECSYS_OK, ERR_STRUCT_SIZE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_report_counts(const recsys_report *report, recsys_report_info *info);

/** Number of metrics the library knows. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_metric_count(void);

/** Name of metric `index`, `"NDCG"`; NULL out of range. Static storage. Any thread. @since 0.1 */
RECSYS_API const char *recsys_metric_name(int64_t index);

/** Reads one figure.
 * @param cutoff one of the evaluation's cut-offs; 0 for a metric without cut-off (AUC, ITEMS_IN_GT, USERS_IN_GT).
 * @param[out] value NaN if the figure is undefined (diversity of a single list, for example).
 * @return RECSYS_OK, ERR_UNKNOWN_KEY (no such metric), ERR_OUT_OF_RANGE (no such cut-off), ERR_MISSING_DATA (not asked
 * for, or its data is missing). Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_report_get(const recsys_report *report, const char *metric, int64_t cutoff, double *value);

/** Copies the value of every evaluated user for a metric that is a mean over users (PRECISION, NDCG, AUC, ...). NaN: the
 * user has none and is left out of the mean.
 * @param[out] users indices into the users of the test data, ascending; may be NULL.
 * @param[out] values room for `capacity` numbers; may be NULL. @param[out] count number of users evaluated.
 * @return as recsys_report_get(); ERR_UNSUPPORTED for a metric over the whole. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_report_per_user(const recsys_report *report, const char *metric, int64_t cutoff,
                                                int64_t *users, double *values, int64_t capacity, int64_t *count);

/** Writes the report in one of its forms (RECSYS_REPORT_*).
 * @param[out] buffer receives at most `size` bytes with the final zero; may be NULL if `size` is 0.
 * @param[out] length of the whole text without the final zero.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE (form), ERR_MISSING_DATA (per-user values were not kept), ERR_NO_MEMORY,
 * ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_report_write(const recsys_report *report, recsys_exec *exec, int32_t form, char *buffer,
                                             int64_t size, int64_t *length);

RECSYS_END_DECLS
#endif
