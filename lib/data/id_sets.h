/* id_sets.h - new id maps from old ones: some of the ids, or those of several maps together.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_ID_SETS_H
#define DATA_ID_SETS_H

#include "data/ids.h"

/* A map of the ids with map[index] >= 0, in order. */
recsys_status recsys__ids_subset(recsys_exec *x, const recsys_ids *ids, const int32_t *map, recsys_ids **out);

/* A map of the ids of `n_maps` maps (at least one) in the order in which they first come; if all are one and the same
 * map, that map with one reference more. `what` ("users") is for the message of ERR_TYPE: some are integers and some
 * strings. */
recsys_status recsys__ids_union(recsys_exec *x, const recsys_ids *const *maps, int64_t n_maps, const char *what,
                                recsys_ids **out);

#endif
