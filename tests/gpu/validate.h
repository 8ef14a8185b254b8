/* validate.h - what the parts of gpu-validate share: the two execs, made-up data, hashes of models, JSON lines.
 *
 * The program uses the public API alone, as any caller would. A part is a table of cases; a case prints one JSON line and says
 * in it whether it held (`ok`). Everything made up is a pure function of sizes and a seed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GPU_VALIDATE_H
#define TESTS_GPU_VALIDATE_H

#include <stdint.h>

#include <recsys/recsys.h>

enum { MAX_EPOCHS = 64 };

typedef struct validation {
    recsys_env *env;
    recsys_exec *cpu, *device;
    char folder[64]; /* for model files and tables of features; removed at the end */
    int64_t scale;   /* sizes are divided by it */
    int failed;      /* cases that did not hold */
} validation;

/* What was seen of a training, epoch by epoch. */
typedef struct history {
    int64_t count;
    double began;
    double loss[MAX_EPOCHS], seconds[MAX_EPOCHS];
} history;

/* Rows of features with a label each, as arrays and as a dataset. */
typedef struct row_data {
    int64_t rows, features;
    float *x;
    recsys_dataset *data;
} row_data;

double validate_seconds(void);
uint64_t validate_random(uint64_t *state);

/* Sizes of the full run divided by the scale, at least `least`. */
int64_t validate_size(const validation *v, int64_t full, int64_t least);

/* Users with tastes: groups of them like the same items, most of the time. Both have features that tell the group. */
recsys_status validate_tastes(validation *v, recsys_dataset **out);
/* So many events, over items whose popularity falls about as 1 / rank; all users and items have one. */
recsys_status validate_popular(validation *v, int64_t users, int64_t items, int64_t events, uint64_t seed,
                               recsys_dataset **out);
recsys_status validate_rows(validation *v, row_data *out);

/* Trains; `seen` may be NULL. `epochs` 0: a closed form. */
recsys_status validate_fit(recsys_exec *x, const char *name, const char *params, const recsys_dataset *train, int64_t epochs,
                           int64_t batch, history *seen, recsys_model **out);
/* A hash of the bits of all parameters. */
recsys_status validate_hash(recsys_exec *x, const recsys_model *m, uint64_t *hash);
uint64_t validate_mix(uint64_t hash, const void *data, int64_t bytes);

/* Ends the line of a case that failed with the exec's words. */
void validate_print_error(recsys_exec *x, recsys_status status);
/* "name": [1, 2, 3] with a comma before. */
void validate_print_list(const char *name, const double *values, int64_t count);

/* Cases of a part: `only` NULL: all. Both return the number of cases that go by that name. */
int validate_models(validation *v, const char *only, int list);
int validate_speed(validation *v, const char *only, int list);

#endif
