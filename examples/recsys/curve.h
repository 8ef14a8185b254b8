/* curve.h - the course of a training: a row for each epoch and each validation, in memory and in a file of CSV.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_CURVE_H
#define RECSYS_PROGRAM_CURVE_H

#include "program.h"

enum { CURVE_EPOCH, CURVE_VALIDATION };

/* Numbers that are not known are NaN: an empty cell of the file. */
typedef struct curve_row {
    int64_t step, epoch; /* finished */
    int kind;            /* CURVE_* */
    double loss;         /* mean over the epoch's batches, or over those since the validation before */
    double validation, learning_rate, samples_per_second;
    double kept, dropped, dropped_clean, dropped_noisy; /* samples of the same batches */
    double clean_loss, noisy_loss;                      /* mean cross-entropy of their positives of either kind */
    double clean, noisy;                                /* how many these were */
    double seconds;                                     /* of an epoch of this run, else NaN; not in the file */
} curve_row;

typedef struct curve {
    curve_row *row;
    int64_t count, room;
    FILE *log; /* NULL: none */
} curve;

/* Opens the file, if `path` is not NULL. With `step` above 0 the training goes on after that step: rows that the file has up to
 * there are read and stay, those beyond are cut off. Else the file begins anew. */
recsys_status curve_open(program *p, curve *c, const char *path, int64_t step);

/* Adds a row, in the file at once. */
recsys_status curve_add(program *p, curve *c, const curve_row *row);

/* Closes the file; failures to write come out here if `status` is OK. The rows stay until curve_free(). */
recsys_status curve_close(program *p, curve *c, recsys_status status);
void curve_free(curve *c);

/* Makes the counts that only flags can give unknown, if there were none. */
void curve_forget_flags(curve_row *row);

#endif
