/* fingerprint.h - short texts that tell one dataset, or one pair of id maps, from another: counts and checksums.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_FINGERPRINT_H
#define TRAIN_FINGERPRINT_H

#include "data/dataset.h"

enum { FINGERPRINT_ROOM = 112 };

/* "users=40,items=30,events=212,crc32=0a1b2c3d,features=none", the first checksum over the counts and the columns user, item,
 * value and flag, the second over the tables of features of users and items; NULL: "none". */
void recsys__fingerprint_data(recsys_exec *x, const recsys_dataset *d, char out[FINGERPRINT_ROOM]);

/* "crc32=0a1b2c3d", over the ids of users and items, with their kinds. */
void recsys__fingerprint_ids(recsys_exec *x, const recsys_dataset *d, char out[FINGERPRINT_ROOM]);

#endif
