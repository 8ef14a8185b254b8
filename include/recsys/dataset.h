/* dataset.h - datasets: one table of events, read from files or arrays, with filters and statistics.
 *
 * An event is a user, an item and, where the data has them, a value, a time, a behaviour, a session and a flag. A
 * recsys_dataset is immutable and reference-counted; any number of threads may use it. Users and items keep their
 * external ids (recsys_ids) and are numbered from 0; ids may be known without any event (a *universe*).
 * Ids from files or arrays are numbered by their universe; without one, integers ascending (so the order of rows does not
 * matter, and ids that run from 0 are their own indices) and strings by first appearance. Where scores are equal, the lower
 * index comes first.
 * The *interaction matrix* of a dataset has one cell for each user and item that meet in at least one event; its value
 * is that of the latest such event (by time if there are times, then by row), or 1 if the data has no values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_DATASET_H
#define RECSYS_DATASET_H

#include <recsys/exec.h>
#include <recsys/ids.h>

/** A table of events. Immutable; reference-counted; shared between threads. */
typedef struct recsys_dataset recsys_dataset;

/** Collects events from memory. Confined to one thread at a time. */
typedef struct recsys_dataset_builder recsys_dataset_builder;

/** What happens when the same user and item come more than once. */
enum {
    RECSYS_DUPLICATES_KEEP = 0,  /**< All events stay. */
    RECSYS_DUPLICATES_FIRST = 1, /**< The first in time (then in row) stays. */
    RECSYS_DUPLICATES_LAST = 2,  /**< The last in time (then in row) stays. */
    RECSYS_DUPLICATES_MAX = 3,   /**< The one of largest value stays, the first of several. */
    RECSYS_DUPLICATES_SUM = 4,   /**< The first stays with the sum of the values (the count, if there are no values). */
    RECSYS_DUPLICATES_ERROR = 5  /**< ERR_DUPLICATE, naming both ids and, when a file is read, the line. */
};

/** Whether the first line of a text file is a header. */
enum {
    /** Yes if columns are asked for by name; if its words name a user and an item column (`user`, `item_id`, `userId` ...);
     * or if its ids are not both integers and a value, time or flag is no number, or the ids of the next line both are
     * integers and neither of its own is (strings not being asked for). */
    RECSYS_HEADER_AUTO = 0,
    RECSYS_HEADER_NO = 1,   /**< No. */
    RECSYS_HEADER_YES = 2   /**< Yes. */
};

/** How to read files; zero means default. Strings are copied. */
typedef struct recsys_read_options {
    size_t struct_size; /**< sizeof(recsys_read_options). */
    /** `"delimited"` (default), `"movielens"` (a folder, or its ratings file: 100K, 1M, 10M, 20M or latest, told apart by
     * the files found), `"adjacency"` (LightGCN: a user and its items on a line), `"rating"` (delimited text of user, item
     * and flag, with tabs and without a header where the options below say nothing else), `"negative"` (a pair on each line,
     * `(user,item)` or `user item`; what follows is skipped), `"negative-candidates"` (the items behind each
     * `(user,item)`, as events of that user: for recsys_evaluator_options.negatives). */
    const char *format;
    /** Delimited text and "rating": what each column holds, from `user item value time behaviour session flag _` with
     * commas between; `_` is skipped, and so are columns beyond the list. Rows of features and a label have
     * `feature` several times (`feature*20` for twenty), and `label` in the place of the item: each line is a user, numbered
     * from 0 on if there is no column `user`, its numbers are his features in a user feature table called `features`, with
     * names from the header, and the label is the item of its only event (`?` if the list has no `label`: rows to be
     * classified); such lines have exactly the columns of the list.
     * `NAME=word` for all of them takes columns by
     * their names in the header, in any order: `userId=user,movieId=item`. NULL: by the header if it uses these words
     * (`user_id`, `rating` and `timestamp` are understood too), else `user,item` and, where they exist, `value,time`.
     * Values are finite numbers, times integers, flags 0 or 1 (1: known to be clean); behaviours and sessions are any
     * words. Quotes as in RFC 4180, with any separator. */
    const char *columns;
    /** Delimited text: up to 15 characters; NULL: the first of tab, `::`, comma, `;`, space that the first line has.
     * Adjacency and negative: each character parts words; NULL: spaces and tabs. */
    const char *separator;
    int32_t header;         /**< RECSYS_HEADER_*. */
    int32_t id_type;        /**< RECSYS_ID_*: for users and items; AUTO is decided for each of the two by the first row. */
    int32_t duplicates;     /**< RECSYS_DUPLICATES_*. */
    int32_t reserved;       /**< Zero. */
    /** The universe of users: a count N (ids 0 to N - 1), or a file with an id in the first column of each line. An event of
     * any other user is ERR_UNKNOWN_ID. NULL: users are known from their events. What else a file of users holds,
     * `user_columns` says. */
    const char *users;
    const char *items;      /**< Likewise for items: a count, or an item table. */
    /** What the columns of the item file hold, from `item name features _` and any other word, which names a feature table
     * of its own; a feature cell is a list with `|` between entries. NULL: `item,name,features`, as many as there are.
     * Columns are parted by tab, `::`, comma or `;`, whichever the first line has. */
    const char *item_columns;
    /** Likewise what the columns of the user file hold, from `user name features _` and names of feature tables. NULL: `user`,
     * and nothing else is read. */
    const char *user_columns;
} recsys_read_options;

/** Initialiser of recsys_read_options: all defaults. */
#define RECSYS_READ_OPTIONS_INIT { sizeof(recsys_read_options), NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL }

/** Events in memory: parallel arrays of `count` elements. Of `user_ids` and `user_names` exactly one is given, likewise
 * for items; the others may be NULL. Borrowed during the call. */
typedef struct recsys_events {
    size_t struct_size;             /**< sizeof(recsys_events). */
    int64_t count;                  /**< Number of events. */
    const int64_t *user_ids;        /**< Users as integers. */
    const char *const *user_names;  /**< Users as strings, which they stay unless `id_type` says RECSYS_ID_INT. */
    const int64_t *item_ids;        /**< Items as integers. */
    const char *const *item_names;  /**< Items as strings. */
    const float *values;            /**< Finite. */
    const int64_t *times;           /**< Any unit, larger is later. */
    const char *const *behaviours;  /**< Words. */
    const int64_t *sessions;        /**< Session ids. */
    const uint8_t *flags;           /**< 0 or 1 (known to be clean). */
} recsys_events;

/** Initialiser of recsys_events. */
#define RECSYS_EVENTS_INIT { sizeof(recsys_events), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/** Rows of features with a label each, in memory: `count` rows. Of `label_ids` and `label_names` exactly one is given; of
 * `row_ids` and `row_names` one or none. Borrowed during the call. */
typedef struct recsys_rows {
    size_t struct_size;              /**< sizeof(recsys_rows). */
    int64_t count;                   /**< Number of rows. */
    int64_t n_features;              /**< Numbers that each row has, 1 or more. */
    const float *features;           /**< count x n_features, one row after the other. Finite. */
    const char *const *feature_names; /**< n_features names; NULL: they are numbered from 1. */
    const int64_t *label_ids;        /**< Labels as integers. */
    const char *const *label_names;  /**< Labels as strings. */
    const int64_t *row_ids;          /**< Ids of the rows as integers. */
    const char *const *row_names;    /**< Ids of the rows as strings. Without ids, rows are numbered from 0 on. */
} recsys_rows;

/** Initialiser of recsys_rows. */
#define RECSYS_ROWS_INIT { sizeof(recsys_rows), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }

/** Figures that describe a dataset. "Interactions" are the cells of the interaction matrix: distinct pairs of user and
 * item. Users and items without events count too, so that a minimum of 0 tells of them. */
typedef struct recsys_statistics {
    size_t struct_size;       /**< sizeof(recsys_statistics). */
    int64_t n_users;          /**< Users, those without events included. */
    int64_t n_items;          /**< Items, those without events included. */
    int64_t n_events;         /**< Events. */
    int64_t n_interactions;   /**< Distinct pairs. */
    int64_t n_behaviours;     /**< Different behaviours among the events, 0 if the data has none. */
    int64_t n_sessions;       /**< Different sessions among the events, 0 if the data has none. */
    int32_t has_values;       /**< 1 if events carry values. */
    int32_t has_times;        /**< 1 if events carry times. */
    double value_min;         /**< Least cell of the interaction matrix (1 without values; 0 if it is empty). */
    double value_max;         /**< Greatest cell. */
    double density;           /**< n_interactions / (n_users * n_items). */
    int64_t user_min;         /**< Interactions of the user with fewest. */
    double user_mean;         /**< Mean interactions of a user. */
    int64_t user_max;         /**< Interactions of the user with most. */
    int64_t item_min;         /**< Interactions of the item with fewest. */
    double item_mean;         /**< Mean interactions of an item. */
    int64_t item_max;         /**< Interactions of the item with most. */
    /** Gini index of the users' numbers of interactions c_1 <= c_2 <= ... <= c_U, the sum over u of (2u - U - 1) c_u divided
     * by U times the sum of all c_u: 0 if all users have the same number, 1 - 1/U if one user has all. */
    double gini;
    int64_t time_min;         /**< Earliest time, 0 without times. */
    int64_t time_max;         /**< Latest time. */
    int64_t n_clean;          /**< Events with flag 1; -1 if the data has no flags. */
} recsys_statistics;

/** Initialiser of recsys_statistics. */
#define RECSYS_STATISTICS_INIT { sizeof(recsys_statistics), 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0, 0.0, 0, 0, 0.0, 0, 0.0, 0, 0, 0 }

/** A table of features of items or of users: a sparse matrix, items (or users) x features. The name is borrowed from the
 * dataset. */
typedef struct recsys_feature_info {
    size_t struct_size;    /**< sizeof(recsys_feature_info). */
    const char *name;      /**< `"genres"`, `"year"`, `"tags"`, the column's word, or `"features"` of rows with a label. */
    int64_t n_features;    /**< Columns. */
    int64_t n_occurrences; /**< Cells that are set. */
    double value_min;      /**< Least set cell. */
    double value_max;      /**< Greatest set cell. */
} recsys_feature_info;

/** Initialiser of recsys_feature_info. */
#define RECSYS_FEATURE_INFO_INIT { sizeof(recsys_feature_info), NULL, 0, 0, 0.0, 0.0 }

RECSYS_BEGIN_DECLS

/** Reads a file (or, for MovieLens, a folder). Plain or `.gz`, told apart by content. UTF-8; Latin-1 titles and features are
 * turned into UTF-8; CRLF, blank lines and a byte order mark are read right; a last line without newline counts if it is
 * complete. A line has at most 256 MiB.
 * @param options NULL for all defaults.
 * @param[out] dataset owned by the caller; NULL on failure.
 * @return RECSYS_OK, ERR_FILE_NOT_FOUND, ERR_IO, ERR_PARSE (the message names file, line and reason), ERR_COMPRESSED,
 * ERR_UNKNOWN_COLUMN, ERR_UNKNOWN_KEY, ERR_TYPE (an id that is no 64-bit integer among integers), ERR_UNKNOWN_ID,
 * ERR_DUPLICATE, ERR_EMPTY, ERR_OUT_OF_RANGE and ERR_INVALID_ARGUMENT (options; the message names which), ERR_TOO_LARGE,
 * ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_read(recsys_exec *exec, const char *path, const recsys_read_options *options,
                                             recsys_dataset **dataset);

/** Reads several files of one format into datasets that share their ids: a published split, for example. An empty part is
 * allowed except the first.
 * @param[out] datasets `n_paths` handles owned by the caller; all NULL on failure.
 * @return as recsys_dataset_read(). Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_read_parts(recsys_exec *exec, const char *const *paths, int64_t n_paths,
                                                   const recsys_read_options *options, recsys_dataset **datasets);

/** Starts a builder. Of the options, `id_type`, `duplicates`, `users`, `items`, `user_columns` and
 * `item_columns` apply. The builder keeps
 * a reference to the exec, which receives its errors.
 * @return RECSYS_OK, ERR_NO_MEMORY, and the errors of reading `users` or `items`. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_builder_create(recsys_exec *exec, const recsys_read_options *options,
                                                       recsys_dataset_builder **builder);

/** Adds events, all or none. The first call decides which optional arrays there are; later calls bring the same.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_NUMERIC (a value that is not finite; the message names its position),
 * ERR_UNKNOWN_ID, ERR_TYPE, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_builder_append(recsys_dataset_builder *builder, const recsys_events *events);

/** Adds rows of features with their labels, all or none: a user for each row, an item for each class, an event for each row and
 * its label, and the numbers in a user feature table called `features`. A builder takes either events or rows, and later calls
 * bring as many features as the first, and names and ids of rows if that did. A row that comes twice is found by
 * recsys_dataset_builder_finish().
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT, ERR_STRUCT_SIZE, ERR_NUMERIC (a number that is not finite; the message names row and
 * feature), ERR_UNKNOWN_COLUMN (other features than before, or a name that comes twice), ERR_UNKNOWN_ID, ERR_TYPE,
 * ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_builder_append_rows(recsys_dataset_builder *builder, const recsys_rows *rows);

/** Makes the dataset of all events added so far. The builder holds no events afterwards, also if memory was short or a pair
 * came twice; it can be filled again or released. Without events it makes a dataset only if `items` was among the options:
 * a catalogue with its names and features.
 * @return RECSYS_OK, ERR_EMPTY, ERR_DUPLICATE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_builder_finish(recsys_dataset_builder *builder, recsys_dataset **dataset);

/** Frees a builder; NULL is allowed. Confined. @since 0.1 */
RECSYS_API void recsys_dataset_builder_release(recsys_dataset_builder *builder);

/** Adds a reference. Any thread. @since 0.1 */
RECSYS_API recsys_dataset *recsys_dataset_retain(recsys_dataset *dataset);

/** Drops a reference; NULL is allowed. Any thread. @since 0.1 */
RECSYS_API void recsys_dataset_release(recsys_dataset *dataset);

/** Ids of the users. Borrowed. Any thread. @since 0.1 */
RECSYS_API const recsys_ids *recsys_dataset_users(const recsys_dataset *dataset);

/** Ids of the items. Borrowed. Any thread. @since 0.1 */
RECSYS_API const recsys_ids *recsys_dataset_items(const recsys_dataset *dataset);

/** Number of events. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_dataset_event_count(const recsys_dataset *dataset);

/** Copies a user's row of the interaction matrix: items ascending.
 * @param[out] items, values room for `capacity` each; either may be NULL.
 * @param[out] count length of the whole row, which may be larger than `capacity`.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_history(const recsys_dataset *dataset, recsys_exec *exec, int64_t user,
                                                int64_t *items, float *values, int64_t capacity, int64_t *count);

/** Name of an item (a title), borrowed; NULL if the data has none. Any thread. @since 0.1 */
RECSYS_API const char *recsys_dataset_item_name(const recsys_dataset *dataset, int64_t item);

/** Number of item feature tables. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_dataset_feature_count(const recsys_dataset *dataset);

/** Describes feature table `table`. @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_feature_info(const recsys_dataset *dataset, int64_t table, recsys_feature_info *info);

/** Name of a feature in a table, borrowed; NULL if there is none. Any thread. @since 0.1 */
RECSYS_API const char *recsys_dataset_feature_name(const recsys_dataset *dataset, int64_t table, int64_t feature);

/** Copies an item's row of a feature table: features ascending. Arguments as recsys_dataset_history().
 * @return RECSYS_OK, ERR_OUT_OF_RANGE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_item_features(const recsys_dataset *dataset, int64_t table, int64_t item,
                                                      int64_t *features, float *values, int64_t capacity, int64_t *count);

/** Name of a user, borrowed; NULL if the data has none. Any thread. @since 0.1 */
RECSYS_API const char *recsys_dataset_user_name(const recsys_dataset *dataset, int64_t user);

/** Number of user feature tables. Any thread. @since 0.1 */
RECSYS_API int64_t recsys_dataset_user_feature_count(const recsys_dataset *dataset);

/** Describes user feature table `table`. @return RECSYS_OK, ERR_OUT_OF_RANGE, ERR_STRUCT_SIZE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_user_feature_info(const recsys_dataset *dataset, int64_t table,
                                                          recsys_feature_info *info);

/** Name of a feature in a user feature table, borrowed; NULL if there is none. Any thread. @since 0.1 */
RECSYS_API const char *recsys_dataset_user_feature_name(const recsys_dataset *dataset, int64_t table, int64_t feature);

/** Copies a user's row of a user feature table: features ascending. Arguments as recsys_dataset_history(). A user of whom
 * nothing is told has an empty row.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE. Any thread. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_user_features(const recsys_dataset *dataset, int64_t table, int64_t user,
                                                      int64_t *features, float *values, int64_t capacity, int64_t *count);

/** Computes the figures. @return RECSYS_OK, ERR_STRUCT_SIZE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_statistics(const recsys_dataset *dataset, recsys_exec *exec,
                                                   recsys_statistics *statistics);

/** Writes the figures as text, a line each, with a line for each feature table (number of features, range of the cells,
 * cells that are set, their share of all) and, where several tables hold words, one for these together.
 * @param[out] buffer receives at most `size` bytes with the final zero; may be NULL if `size` is 0.
 * @param[out] length of the whole text without the final zero.
 * @return as recsys_dataset_statistics(). Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_statistics_text(const recsys_dataset *dataset, recsys_exec *exec, char *buffer,
                                                        int64_t size, int64_t *length);

/** Keeps users with at least `user_k` interactions and items with at least `item_k`, again and again until all that are
 * left have them. Users and items that go lose their ids too, and the rest are numbered anew in their old order; names and
 * features go with them. With a k of 1 those without events go, with 0 they stay. The time it takes is
 * proportional to the events, however many rounds that is.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE (a negative k), ERR_EMPTY, ERR_NO_MEMORY, ERR_MEMORY_LIMIT, ERR_CANCELLED.
 * Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_k_core(const recsys_dataset *dataset, recsys_exec *exec, int64_t user_k,
                                               int64_t item_k, recsys_dataset **result);

/** Keeps the events with a value of at least `threshold`, and drops the values: implicit feedback. Ids stay, those of users
 * and items that have no event left too.
 * @return RECSYS_OK, ERR_MISSING_DATA (no values), ERR_NUMERIC (threshold not finite), ERR_EMPTY, ERR_NO_MEMORY,
 * ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_to_implicit(const recsys_dataset *dataset, recsys_exec *exec, double threshold,
                                                    recsys_dataset **result);

/** Keeps the events of one behaviour. Ids stay. The result has no events where the behaviour is known from another part of
 * the same data alone.
 * @return RECSYS_OK, ERR_MISSING_DATA (no behaviours), ERR_UNKNOWN_KEY (the message lists those there are), ERR_NO_MEMORY,
 * ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_of_behaviour(const recsys_dataset *dataset, recsys_exec *exec,
                                                     const char *behaviour, recsys_dataset **result);

/** Gives every event a flag by a rule: 1 (clean) where it holds, else 0 (noisy). All events and ids stay; flags that were
 * there before are replaced.
 * @param rule a key, an operator and what to compare with, spaces between them allowed. Keys: `value` (with a finite number,
 * compared as 32-bit floats), `time` (an integer), `flag` (0 or 1), `behaviour` (a word, or several with `|` between: any
 * of them). Operators: `== !=`, for values and times `< <= > >=` too. Examples: `"value>=5"`, `"behaviour==buy|cart"`,
 * `"flag==0"` (data in which 1 means noisy).
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT (no such operator, or nothing of the right kind behind it), ERR_UNKNOWN_KEY (no
 * such key, or a behaviour that the data does not know; the message lists those there are), ERR_MISSING_DATA (the data has
 * no such column), ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_mark(const recsys_dataset *dataset, recsys_exec *exec, const char *rule,
                                             recsys_dataset **result);

/** Keeps the events of one flag: 1, the clean ones, or 0, the noisy ones. Ids stay.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE (another flag), ERR_MISSING_DATA (no flags), ERR_EMPTY, ERR_NO_MEMORY,
 * ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_of_flag(const recsys_dataset *dataset, recsys_exec *exec, int32_t flag,
                                                recsys_dataset **result);

/** Keeps a random share of the clean events, as if these alone had been verified to be true positives: the share times
 * their number, rounded to the nearest, one at least. The draw depends on the seed and the place of each event alone; a larger
 * share with the same seed holds all that a smaller one does. Events keep their order, ids stay.
 * @param share above 0, at most 1 (all clean events).
 * @return RECSYS_OK, ERR_OUT_OF_RANGE (share), ERR_MISSING_DATA (no flags), ERR_EMPTY (no event is clean), ERR_NO_MEMORY,
 * ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_verified(const recsys_dataset *dataset, recsys_exec *exec, double share,
                                                 uint64_t seed, recsys_dataset **result);

/** Keeps the events whose user and item do not meet in `other`; ids are compared by what they are, not by index. Ids stay.
 * @return RECSYS_OK, ERR_TYPE (one has integer ids, the other strings), ERR_EMPTY, ERR_NO_MEMORY, ERR_MEMORY_LIMIT.
 * Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_difference(const recsys_dataset *dataset, recsys_exec *exec,
                                                   const recsys_dataset *other, recsys_dataset **result);

/** Treats repeated pairs as asked (RECSYS_DUPLICATES_*). Ids stay, and the events that stay keep their order. SUM gives
 * values to data that has none.
 * @return RECSYS_OK, ERR_OUT_OF_RANGE (no such rule), ERR_DUPLICATE (the message names user, item and event), ERR_NUMERIC (a
 * sum of values is too large), ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_merge_duplicates(const recsys_dataset *dataset, recsys_exec *exec, int32_t rule,
                                                         recsys_dataset **result);

/** All events of several datasets, one after the other; ids are compared by what they are, and new ones are numbered in the
 * order in which they come. A column is kept if all have it. Each user and item has the name, and in each feature table the
 * cells, of the first dataset that has any for it.
 * @return RECSYS_OK, ERR_INVALID_ARGUMENT (no dataset, or NULL), ERR_TYPE (some ids are integers, some strings),
 * ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_MEMORY_LIMIT. Confined exec. @since 0.1 */
RECSYS_API recsys_status recsys_dataset_concat(recsys_exec *exec, const recsys_dataset *const *datasets, int64_t count,
                                               recsys_dataset **result);

RECSYS_END_DECLS
#endif
