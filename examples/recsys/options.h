/* options.h - the command line: one table of options, and the settings that it fills.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_OPTIONS_H
#define RECSYS_PROGRAM_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

/* Commands, as bits: an option says which of them take it. */
enum {
    FOR_MODELS = 1 << 0,
    FOR_PARAMS = 1 << 1,
    FOR_STATS = 1 << 2,
    FOR_SPLIT = 1 << 3,
    FOR_TRAIN = 1 << 4,
    FOR_EVALUATE = 1 << 5,
    FOR_RECOMMEND = 1 << 6,
    FOR_SIMILAR = 1 << 7,
    FOR_INSPECT = 1 << 8,
    FOR_EXPORT = 1 << 9,
    FOR_OPTIMIZERS = 1 << 10,
    FOR_TUNE = 1 << 11,
    FOR_DEVICES = 1 << 12,
    BY_STEPS = 1 << 20 /* no command: the option concerns models that are trained by steps */
};

/* How `tune` chooses the values of a trial. */
enum { TUNE_RANDOM, TUNE_GRID };

/* Values of an option that may come several times. They point into the command line. */
typedef struct words {
    const char **word;
    int64_t count;
} words;

/* Numbers with commas between. */
typedef struct numbers {
    int64_t *number;
    int64_t count;
} numbers;

#define NOT_GIVEN INT64_MIN /* an integer option that has no natural default */

/* Everything that the command line says. settings_init() gives the defaults; where 0 or NULL means "the library's
 * default" they are just that. */
typedef struct settings {
    words operands; /* what is no option: files, a model */

    /* reading */
    const char *format, *columns, *separator, *users, *items, *user_columns, *item_columns;
    int32_t header, id_type, duplicates;

    /* filters */
    const char *behaviour, *clean;
    int32_t only_clean;
    double min_value; /* NaN: not given */
    numbers k_core;

    /* data in their roles */
    words train, valid, verified, test, mask, negatives;

    /* split */
    int32_t method;
    double test_share, valid_share, fold_in_share; /* NaN: not given */
    int64_t test_k, valid_k, test_time, valid_time;
    const char *out_train, *out_valid, *out_test, *out_valid_history, *out_test_history;

    /* train */
    const char *params;
    int32_t without_histories, dry_run;

    /* train: by steps */
    const char *first_by_steps; /* name of the first such option on the command line; NULL: none */
    const char *optimizer, *select, *checkpoint, *resume, *log, *plot;
    int64_t epochs, max_steps, batch, n_negatives, eval_every, patience, checkpoint_every, warm_up, fine_tune;
    double popularity, verified_share; /* NaN: not given */
    int32_t fixed_negatives, validation_negatives;
    words start;

    /* tune */
    const char *search, *trials_out;
    int64_t trials;
    int32_t search_method;

    /* evaluate, recommend */
    const char *colliding;

    /* evaluate */
    numbers cutoffs;
    int64_t min_ratings, sample_negatives;
    int32_t cold, auc, drop_unseen_items, binary_gain;
    const char *ignore_users, *ignore_items, *csv, *per_user;

    /* recommend, similar, export */
    words user, history, rows;
    int32_t all, keep_seen, ids;
    int64_t top, show_history;
    const char *names, *only_items, *item, *tensor;

    /* all commands that compute */
    const char *out, *json, *device;
    int64_t threads, memory;
    uint64_t seed;
    int32_t verify, quiet, trace, log_level;
} settings;

void settings_init(settings *s);
void settings_free(settings *s);

/* Reads argv[0..argc-1], what follows the command's name. 1 on success; else 0 and a sentence in `message`.
 * `*help` becomes 1 when --help is among them: then nothing else matters. */
int settings_parse(settings *s, int command, int argc, char **argv, int *help, char *message, size_t size);

/* Prints the options that a command takes, group by group. */
void options_print(FILE *file, int command);

/* Prints, as a shell reads them, the options of command `from` on a command line that command `to` takes too, but those named
 * in `except`, which ends with NULL; each has a blank before it. */
void options_repeat(FILE *file, int from, int to, int argc, char **argv, const char *const *except);

/* " --name value" in the same way. */
void options_print_one(FILE *file, const char *name, const char *value);

/* The word nearest to `given` if it is near enough to be what was meant, else NULL. The list ends with NULL. */
const char *nearest_word(const char *given, const char *const *list);

#endif
