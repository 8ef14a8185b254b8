/* align.h - datasets brought to the users and items of another one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ALIGN_H
#define DATA_ALIGN_H

#include "data/dataset.h"

/* 1 if both maps hold the same ids in the same order. */
int recsys__ids_equal(const recsys_ids *a, const recsys_ids *b);

/* A dataset with the events of `d` whose user and item are known to `users` and `items`, by the indices of these; *dropped
 * counts the others. `d` itself with a new reference if its ids are equal to them. ERR_TYPE if integers meet strings. */
recsys_status recsys__align(recsys_exec *x, const recsys_dataset *d, recsys_ids *users, recsys_ids *items, recsys_dataset **out,
                            int64_t *dropped);

#endif
