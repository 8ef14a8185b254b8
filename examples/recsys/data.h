/* data.h - reading events as the command line asks for them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECSYS_PROGRAM_DATA_H
#define RECSYS_PROGRAM_DATA_H

#include "program.h"

/* Reads the files one after the other into one dataset and applies the filters in this order: behaviour, value,
 * duplicates, flags, k-core; the rule for clean events is applied before values are dropped. `files` is the list of the
 * settings that says what the files are for. `id_type` is used where the command line has no --id-type. */
recsys_status data_read(program *p, const words *files, int32_t id_type, recsys_dataset **data);

/* Reads --train as data_read() does; and --valid too if its rows bring features, which must then come from the same reading.
 * Else `*valid` is NULL: training_open() reads it. */
recsys_status data_read_training(program *p, recsys_dataset **train, recsys_dataset **valid);

/* 1 if --columns speaks of rows of features. */
int data_is_labelled(const settings *s);

/* The kind that two maps of ids share; RECSYS_ID_AUTO if they differ. */
int32_t data_shared_type(const recsys_ids *users, const recsys_ids *items);

/* The kind of ids that a model's users and items share; RECSYS_ID_AUTO if they differ:
 * what data for that model is best read as. */
int32_t data_id_type_of(const recsys_model *model);

/* With --colliding, puts in the place of `*model` one that scores by colliding inference on the data of --verified. */
recsys_status data_collide(program *p, recsys_model **model);

#endif
