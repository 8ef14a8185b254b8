/* tune_space.h - what `recsys tune` searches: the keys of --search with their values or ranges, and the values of each trial.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_TUNE_SPACE_H
#define RECSYS_PROGRAM_TUNE_SPACE_H

#include "program.h"

enum { TUNE_VALUE_ROOM = 384, TUNE_MOST_KEYS = 24 };

/* Whose a key is. */
enum { TUNE_MODEL, TUNE_OPTIMIZER, TUNE_TRAINING };

typedef struct tune_key {
    char *name;        /* as it was given, and the head of its column: "dim", "optimizer.decay" */
    const char *key;   /* in `name`, behind the prefix */
    int owner;         /* TUNE_* */
    int32_t type;      /* RECSYS_PARAM_* */
    char **value;      /* the values in order; NULL for a range without end of them */
    int64_t n_values;
    double low, high;  /* the range */
    char low_text[32], high_text[32];
    int is_log;
} tune_key;

/* `model` and `optimizer` are the parameters that every trial begins with: those of --params and --optimizer. */
typedef struct tune_space {
    tune_key key[TUNE_MOST_KEYS];
    int64_t count;
    int by_steps;      /* 0: the model has a closed form, and there is no optimizer */
    const char *name, *params;        /* of the model; its --params or NULL */
    char *optimizer;                  /* name of the optimizer */
    const char *optimizer_params;     /* text behind its name, or NULL */
    int64_t n_combinations;           /* -1: a key has a range without end of values, or they are beyond counting */
} tune_space;

/* What one trial is made of. `values` has a text of TUNE_VALUE_ROOM bytes for each key. */
typedef struct tune_values {
    char text[TUNE_MOST_KEYS][TUNE_VALUE_ROOM];
} tune_values;

/* Reads --search and checks every value against what its key takes. tune_space_close() is due in any case. */
recsys_status tune_space_open(program *p, tune_space *s, int by_steps);
void tune_space_close(tune_space *s);

/* The values of trial `number`, from 1 on: of the grid, in which the last key changes fastest, or drawn. A draw depends on the
 * seed, the number and the key's name, and on nothing else. */
void tune_space_values(const tune_space *s, int is_grid, uint64_t seed, int64_t number, tune_values *values);

/* The text for --params, or for the optimizer's parameters, with those of a trial behind the fixed ones; "" if there is none.
 * For the caller to free(). */
char *tune_space_text(program *p, const tune_space *s, int owner, const tune_values *values);

/* The value that a trial has for a key of the training ("batch"); NULL if it is not searched. */
const char *tune_space_training(const tune_space *s, const char *key, const tune_values *values);

#endif
