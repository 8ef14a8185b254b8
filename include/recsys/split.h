/* split.h - cutting a dataset into training, validation and test data.
 *
 * The parts are datasets that share their ids and item tables with the whole. Splits are drawn from the seed alone: the
 * same on every machine and with any number of threads. They cut events, not pairs: where the same user and item may meet
 * more than once and must not end up on both sides, merge duplicates first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_SPLIT_H
#define RECSYS_SPLIT_H

#include <recsys/dataset.h>

/** Ways to split. */
enum {
    /** A share of all events, drawn over the whole: exactly `share * events`, rounded to the nearest. */
    RECSYS_SPLIT_RANDOM = 0,
    /** A share of each user's events, rounded down; every user with events keeps at least one for training. */
    RECSYS_SPLIT_RANDOM_PER_USER = 1,
    /** The last `test_k` events of each user by time (ties: by row) are test, the `valid_k` before them validation. A user
     * who would be left with nothing to train on (`test_k + valid_k` events or fewer) stays in training whole. */
    RECSYS_SPLIT_LAST_PER_USER = 2,
    /** Events at or after `test_time` are test, those before it and at or after `valid_time` validation. */
    RECSYS_SPLIT_BY_TIME = 3,
    /** Strong generalisation: whole users are held out, a share of the users who have at least two events, rounded to the
     * nearest. A part of the history of each, drawn at random, is kept for fold-in, the rest is what to predict: at least
     * one event on each side. Users with one event stay in training, since they have nothing to be tested with. */
    RECSYS_SPLIT_STRONG = 4
};

/** How to split; zero means default. Options of other methods are not looked at. */
typedef struct recsys_split_options {
    size_t struct_size;   /**< sizeof(recsys_split_options). */
    int32_t method;       /**< RECSYS_SPLIT_*. */
    int32_t reserved;     /**< Zero. */
    double test_share;    /**< Random: share of events, STRONG: of users; above 0 and below 1; 0: 0.2. */
    double valid_share;   /**< The same for validation, of the whole (both together below 1); 0: no validation data. */
    int64_t test_k;       /**< LAST_PER_USER: events for test; 0: 1. */
    int64_t valid_k;      /**< LAST_PER_USER: events for validation; 0: no validation data. */
    int64_t test_time;    /**< BY_TIME: first time of test. */
    int64_t valid_time;   /**< BY_TIME: first time of validation, before `test_time`; 0: no validation data. */
    double fold_in_share; /**< STRONG: share of a held-out user's events kept for fold-in, rounded to the nearest; 0: 0.8. */
    uint64_t seed;        /**< Seed of the draw; 0: the exec's. */
} recsys_split_options;

/** Initialiser of recsys_split_options: all defaults. */
#define RECSYS_SPLIT_OPTIONS_INIT { sizeof(recsys_split_options), 0, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0, 0 }

/** The parts. Owned by the caller, who releases them with recsys_split_release(). */
typedef struct recsys_split {
    size_t struct_size;            /**< sizeof(recsys_split). */
    recsys_dataset *train;         /**< To train on. */
    recsys_dataset *valid;         /**< To choose on; NULL if none was asked for. */
    recsys_dataset *test;          /**< To report on. */
    recsys_dataset *valid_history; /**< STRONG: known histories of the validation users; else NULL. */
    recsys_dataset *test_history;  /**< STRONG: known histories of the test users; else NULL. */
} recsys_split;

/** Initialiser of recsys_split. */
#define RECSYS_SPLIT_INIT { sizeof(recsys_split), NULL, NULL, NULL, NULL, NULL }

RECSYS_BEGIN_DECLS

/** Splits a dataset. For parts that lie in files of their own see recsys_dataset_read_parts().
 * @param options NULL for all defaults.
 * @param[in,out] split begins with its size (RECSYS_SPLIT_INIT); receives the parts, on failure none. What it held before
 * is not released.
 * @return RECSYS_OK, ERR_STRUCT_SIZE, ERR_OUT_OF_RANGE (the message names the option and its value), ERR_MISSING_DATA
 * (times are needed), ERR_EMPTY (the message names the side that would be empty), ERR_NO_MEMORY, ERR_MEMORY_LIMIT,
 * ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_split(const recsys_dataset *dataset, recsys_exec *exec,
                                              const recsys_split_options *options, recsys_split *split);

/** Releases the parts and sets them to NULL. Any thread. @since 0.1 */
RECSYS_API void recsys_split_release(recsys_split *split);

RECSYS_END_DECLS
#endif
