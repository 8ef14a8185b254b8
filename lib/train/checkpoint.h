/* checkpoint.h - what writing and reading a checkpoint agree on: the settings by which a training is known, the numbers that
 * say how far it is, and its arrays. docs/checkpoints.md explains the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "io/model_file.h"
#include "train/fingerprint.h"
#include "train/trainer.h"

#define CHECKPOINT_FORMAT "recsys-checkpoint"

/* Arrays: of each parameter itself, what the optimizer has (m, v, last), and the best. */
enum { CHECKPOINT_VERSION = 1, CHECKPOINT_SETTINGS = 21, CHECKPOINT_MAX_ARRAYS = 5 * MODEL_MAX_TENSORS };
_Static_assert((int)CHECKPOINT_MAX_ARRAYS <= (int)SAFETENSORS_MAX_TENSORS, "a checkpoint does not fit a file");

/* One thing that must be the same when a training goes on. */
typedef struct checkpoint_setting {
    const char *key;   /* in the metadata */
    const char *words; /* in messages */
    const char *value; /* borrowed, or in `room` */
    char room[FINGERPRINT_ROOM];
} checkpoint_setting;

/* The settings of a training; must not move. Looks at all of its data. */
typedef struct checkpoint_settings {
    int64_t n;
    checkpoint_setting at[CHECKPOINT_SETTINGS];
} checkpoint_settings;
void recsys__checkpoint_settings(const recsys_trainer *t, checkpoint_settings *s);

/* One number of progress_state. */
typedef struct checkpoint_number {
    const char *key;
    int32_t is_real; /* 1: double, 0: int64_t */
    size_t offset;   /* in progress_state */
} checkpoint_number;
const checkpoint_number *recsys__checkpoint_number(int64_t index); /* NULL past the last */

/* The arrays of a training, with their names, types and shapes in the file. data[k] is in device memory; NULL for copies of
 * the best parameters that have no memory yet. */
typedef struct checkpoint_arrays {
    int64_t n;
    safetensor at[CHECKPOINT_MAX_ARRAYS];
    void *data[CHECKPOINT_MAX_ARRAYS];
} checkpoint_arrays;
recsys_status recsys__checkpoint_arrays(const recsys_trainer *t, int with_best, checkpoint_arrays *a);

#endif
