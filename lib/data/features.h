/* features.h - the features of all users or all items as one matrix: their tables side by side.
 *
 * U users, I items, F columns over all tables of a side.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_FEATURES_H
#define DATA_FEATURES_H

#include "data/dataset.h"

enum { FEATURES_OF_USERS = 0, FEATURES_OF_ITEMS = 1 };

/* F; 0 without tables. */
int64_t recsys__feature_columns(const recsys_dataset *d, int32_t side);

/* The matrix, U or I rows by F, charged to x; NULL without tables. With `scaled` 1 the cells of each table are divided by the
 * largest magnitude among them. A row without features is empty. */
recsys_status recsys__features_collect(recsys_exec *x, const recsys_dataset *d, int32_t side, int32_t scaled, csr **out);

#endif
